"""Outputs that are not UTF-8: programs of Windows and .NET write UTF-16, with or without a mark of the byte order."""

import codecs
import re

PROBE = 4096
"""Bytes of an output, or of what follows a gap in it, from which its encoding is told."""

_MOST_ZERO, _FEW_ZERO, _LEAST_ZERO = 0.6, 0.03, 0.02
"""Shares of zeros in UTF-16's pairs of bytes: western text has many on one side, any text has some, and few on the
other side."""

_GAP = re.compile(rb"(\n\[\.\.\. \d+ bytes left out \.\.\.\]\n)")
"""What stands where the middle of a large output was left out, which may be between two bytes of a pair."""


def to_utf8(output: bytes) -> bytes:
    """The output in UTF-8 if it is UTF-16, else as it is."""
    if _codec(output) is None:
        return output
    return b"".join(part if at % 2 else _part(part) for at, part in enumerate(_GAP.split(output)))


def _part(part: bytes) -> bytes:
    codec = _codec(part)
    return part if codec is None else part.decode(codec, "replace").removeprefix("\ufeff").encode()


def _codec(part: bytes) -> str | None:
    """UTF-16 of either order, or None. A part that begins within a pair looks like the other order, and reads so."""
    probe = part[: PROBE - PROBE % 2]
    pairs = len(probe) // 2
    first, second = probe[0::2].count(0), probe[1::2].count(0)
    for codec, mark, zeros, others in (
        ("utf-16-le", codecs.BOM_UTF16_LE, second, first),
        ("utf-16-be", codecs.BOM_UTF16_BE, first, second),
    ):
        # Behind a mark it may be text of any script; line ends and digits have zeros all the same.
        needed = _FEW_ZERO if probe.startswith(mark) else _MOST_ZERO
        if zeros > needed * pairs and others < _LEAST_ZERO * pairs:
            return codec
    return None
