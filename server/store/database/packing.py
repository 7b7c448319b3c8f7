"""Bodies as they lie on the disk: packed when that makes them clearly smaller.

A body is JSON text that begins with a comma, or nothing at all; a packed one begins with a byte that no text has.
"""

import zlib

#: Raw deflate, quick rather than tight. A small window is quicker to set up, and short texts have no use for more.
_MARK = b"\x01"
_LEVEL = 1
_SHORT, _SHORT_WINDOW, _SHORT_MEMORY = 8192, -12, 4
_WINDOW, _MEMORY = -15, 8
#: Shorter bodies are not worth it.
_LEAST = 150
#: Bytes of texts that are remembered: what was packed a moment ago is wanted again soon, by indexes, by readers, and
#: by the validation functions that see the next write.
_REMEMBERED = 1 << 20


class Recent:
    """The texts of some short bodies, up to a number of bytes, by their packed forms. Safe to use from any thread."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._texts: dict[bytes, bytes] = {}
        self._size = 0

    def add(self, packed: bytes, text: bytes) -> None:
        """Remember a body; when there are too many, all are forgotten."""
        if len(text) > _SHORT:
            return
        self._size += len(text)
        if self._size > self._limit:
            self._texts, self._size = {}, len(text)
        self._texts[packed] = text

    def get(self, packed: bytes) -> bytes | None:
        """The text, if it is remembered."""
        return self._texts.get(packed)


_recent = Recent(_REMEMBERED)


def pack(body: bytes) -> bytes:
    """A body for the disk; one that is packed already stays as it is."""
    if len(body) < _LEAST or body[:1] == _MARK:
        return body
    window, memory = (_SHORT_WINDOW, _SHORT_MEMORY) if len(body) <= _SHORT else (_WINDOW, _MEMORY)
    engine = zlib.compressobj(_LEVEL, zlib.DEFLATED, window, memory)
    packed = _MARK + engine.compress(body) + engine.flush()
    if len(packed) >= len(body) * 7 // 8:
        return body
    _recent.add(packed, body)
    return packed


def unpack(body: bytes) -> bytes:
    """The text of a body from the disk."""
    if body[:1] != _MARK:
        return body
    return _recent.get(body) or zlib.decompress(memoryview(body)[1:], _WINDOW, len(body) * 4)
