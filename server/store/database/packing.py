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


def pack(body: bytes) -> bytes:
    """A body for the disk; one that is packed already stays as it is."""
    if len(body) < _LEAST or body[:1] == _MARK:
        return body
    window, memory = (_SHORT_WINDOW, _SHORT_MEMORY) if len(body) <= _SHORT else (_WINDOW, _MEMORY)
    engine = zlib.compressobj(_LEVEL, zlib.DEFLATED, window, memory)
    packed = _MARK + engine.compress(body) + engine.flush()
    return packed if len(packed) < len(body) * 7 // 8 else body


def unpack(body: bytes) -> bytes:
    """The text of a body from the disk."""
    return zlib.decompress(memoryview(body)[1:], _WINDOW, len(body) * 4) if body[:1] == _MARK else body
