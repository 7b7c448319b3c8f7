"""The parts of a MIME body, taken apart while it comes in."""

import re
from collections.abc import AsyncIterator
from urllib.parse import unquote

from server.store.errors import BadRequest

_BOUNDARY = re.compile(r'boundary=(?:"([^"]+)"|([^;\s]+))', re.IGNORECASE)
_NAME = re.compile(r'filename="((?:[^"\\]|\\.)*)"')
_LONGEST_HEAD = 1 << 16


class MimeReader:
    """Reads part after part: `next_part`, then all of its `content`, then `next_part` again.

    BadRequest for a body that is no MIME, or ends early.
    """

    def __init__(self, pieces: AsyncIterator[bytes], content_type: str) -> None:
        match = _BOUNDARY.search(content_type)
        if match is None:
            raise BadRequest("Missing boundary in multipart content type.")
        self._mark = b"\r\n--" + (match[1] or match[2]).encode()
        self._pieces = pieces
        self._buffer = b"\r\n"
        self._begun = False

    async def next_part(self) -> dict[str, str] | None:
        """The headers of the next part, names in lower case; None after the last one."""
        if not self._begun:
            self._begun = True
            async for _ in self.content():
                pass
        while len(self._buffer) < 2:
            await self._read()
        if self._buffer.startswith(b"--"):
            async for _ in self._pieces:
                pass
            return None
        while b"\r\n\r\n" not in self._buffer and self._mark not in self._buffer:
            if len(self._buffer) > _LONGEST_HEAD:
                raise BadRequest("The headers of a part are too long.")
            await self._read()
        lead, gap, rest = self._buffer.partition(b"\r\n\r\n")
        if not gap or self._mark in lead:
            return {}
        self._buffer = rest
        return headers_of(lead)

    async def content(self) -> AsyncIterator[bytes]:
        """The bytes of the part."""
        held = len(self._mark) - 1
        while (at := self._buffer.find(self._mark)) < 0:
            if len(self._buffer) > held:
                yield self._buffer[:-held]
                self._buffer = self._buffer[-held:]
            await self._read()
        content, self._buffer = self._buffer[:at], self._buffer[at + len(self._mark) :]
        yield content

    async def _read(self) -> None:
        piece = await anext(self._pieces, None)
        if piece is None:
            raise BadRequest("The multipart body is not complete.")
        self._buffer += piece


def headers_of(lead: bytes) -> dict[str, str]:
    """Headers by their names in lower case."""
    lines = (line.partition(":") for line in lead.decode("utf-8", "replace").split("\r\n"))
    return {name.strip().lower(): value.strip() for name, _, value in lines if name.strip()}


def name_of(headers: dict[str, str]) -> str | None:
    """The name that a part gives its content."""
    match = _NAME.search(headers.get("content-disposition", ""))
    return None if match is None else unquote(match[1])
