"""The bytes of attachments, coming in and going out, a piece at a time."""

import asyncio
import re
import zlib
from collections.abc import AsyncIterator
from uuid import uuid4

from server.store.database import Database, blobs
from server.store.database.blobs import CHUNK, Kept
from server.store.database.uploads import Spool, Upload
from server.store.errors import StoreError, TooLarge
from server.store.http.request import Request
from server.store.http.response import Response

_RANGE = re.compile(r"[0-9]+-[0-9]*|-[0-9]+")
_MOST_RANGES = 100


async def receive(request: Request, pieces: AsyncIterator[bytes], kind: str, encoding: str | None) -> Upload:
    """Take an attachment in; TooLarge when it is longer than allowed."""
    limit = request.server.settings.max_attachment_size
    upload = Upload(kind, encoding, request.server.folder)
    async for piece in pieces:
        if upload.length + len(piece) > limit:
            raise TooLarge(str(limit), "attachment_too_large")
        if upload.length + len(piece) <= CHUNK:
            upload.add(piece)
        else:
            await asyncio.to_thread(upload.add, piece)
    return upload


async def copied(request: Request, kept: Kept) -> Spool:
    """A content as it is kept, to be kept once more."""
    spool = Spool(request.server.folder)
    async for chunk in chunks(request.db, kept):
        spool.add(chunk)
    return spool


def send(request: Request, kept: Kept, headers: dict[str, str]) -> Response:
    """A content, or the ranges of it that are asked for."""
    if kept.encoding == "gzip":
        headers["accept-ranges"] = "none"
        if "gzip" in (request.header("accept-encoding") or ""):
            return _whole(request.db, kept, headers | {"content-encoding": "gzip"}, kept.stored)
        return _whole(request.db, kept, headers, kept.length, unpack=True)
    headers["accept-ranges"] = "bytes"
    spans = ranges(request.header("range"), kept.length)
    if not spans:
        return _whole(request.db, kept, headers, kept.length)
    if len(spans) > 1:
        return _parts(request.db, kept, spans, headers)
    [(first, last)] = spans
    headers["content-range"] = f"bytes {first}-{last}/{kept.length}"
    headers["content-length"] = str(last - first + 1)
    return Response(206, _slice(request.db, kept, first, last), headers)


async def chunks(db: Database, kept: Kept) -> AsyncIterator[bytes]:
    """A content as it is kept."""
    for part in range(-(-kept.stored // CHUNK)):
        yield await asyncio.to_thread(db.chunk, kept.blob, part)


def _whole(db: Database, kept: Kept, headers: dict[str, str], length: int, *, unpack: bool = False) -> Response:
    """In one piece when it is small, chunk by chunk when it is not."""
    if max(length, kept.stored) <= CHUNK:
        data = db.blob(kept.blob)
        return Response(200, blobs.plain(data, "gzip") if unpack else data, headers)
    headers["content-length"] = str(length)
    return Response(200, _unpacked(chunks(db, kept)) if unpack else chunks(db, kept), headers)


async def _unpacked(packed: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    engine = zlib.decompressobj(wbits=31)
    async for chunk in packed:
        while chunk:
            yield await asyncio.to_thread(engine.decompress, chunk, CHUNK)
            chunk = engine.unconsumed_tail


async def _slice(db: Database, kept: Kept, first: int, last: int) -> AsyncIterator[bytes]:
    """The bytes from one position to another, both included."""
    for part in range(first // CHUNK, last // CHUNK + 1):
        chunk = await asyncio.to_thread(db.chunk, kept.blob, part)
        begin = part * CHUNK
        yield chunk[max(first - begin, 0) : last + 1 - begin]


def _parts(db: Database, kept: Kept, spans: list[tuple[int, int]], headers: dict[str, str]) -> Response:
    boundary = uuid4().hex
    kind = f"multipart/byteranges; boundary={boundary}"
    return Response(206, _mixed(db, kept, spans, boundary), headers | {"content-type": kind})


async def _mixed(db: Database, kept: Kept, spans: list[tuple[int, int]], boundary: str) -> AsyncIterator[bytes]:
    for first, last in spans:
        lead = (
            f"\r\n--{boundary}\r\nContent-Type: {kept.content_type}\r\n"
            f"Content-Range: bytes {first}-{last}/{kept.length}\r\n\r\n"
        )
        yield lead.encode()
        async for piece in _slice(db, kept, first, last):
            yield piece
    yield f"\r\n--{boundary}--".encode()


def ranges(header: str | None, size: int) -> list[tuple[int, int]]:
    """First and last byte of each part of a Range header; none when it is not understood: then all is sent."""
    if not header or not header.startswith("bytes="):
        return []
    parts = header.removeprefix("bytes=").split(",")
    if len(parts) > _MOST_RANGES or not all(_RANGE.fullmatch(part.strip()) for part in parts):
        return []
    return [_span(part.strip(), size) for part in parts]


def _span(part: str, size: int) -> tuple[int, int]:
    first, _, last = part.partition("-")
    low = int(first) if first else max(0, size - int(last))
    high = min(int(last), size - 1) if first and last else size - 1
    if low >= size or low > high:
        raise StoreError(416, "requested_range_not_satisfiable", "Requested range not satisfiable")
    return low, high
