"""Single attachments."""

import asyncio
import base64
import re
import zlib
from collections.abc import AsyncIterator
from hashlib import md5
from urllib.parse import quote
from uuid import uuid4

from server.store.database import Database, Stored, blobs
from server.store.database.blobs import Incoming, Kept, encode_incoming
from server.store.database.drafts import Draft, bad_name
from server.store.errors import BadRequest, Conflict, NotFound, StoreError, TooLarge
from server.store.http import documents, reading
from server.store.http.documents import document_id
from server.store.http.request import Request
from server.store.http.response import Response
from server.store.http.routing import Route

_RANGE = re.compile(r"[0-9]+-[0-9]*|-[0-9]+")
_MOST_RANGES = 100
_NOT_THERE = "Document is missing attachment"

#: What anybody may have written does nothing in a browser, as with CouchDB.
_SANDBOX = "sandbox"
#: Pages that a design document carries are an administrator's: they may run, with what comes from this store alone.
_APPLICATION = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


async def get(request: Request) -> Response:
    """GET /{db}/{id}/{name}"""
    doc_id = document_id(request)
    documents.check_readable(request, doc_id)
    found = reading.chosen(request, doc_id)
    kept = found.kept().get(attachment_name(request))
    if kept is None:
        raise NotFound(_NOT_THERE)
    tag = f'"{kept.digest.removeprefix("md5-")}"'
    if request.header("if-none-match") == tag:
        return Response(304, b"", {"etag": tag})
    headers = {
        "etag": tag,
        "content-type": kept.content_type,
        "content-md5": _md5(kept),
        "content-security-policy": _APPLICATION if doc_id.startswith("_design/") else _SANDBOX,
    }
    return _contents(request, kept, headers)


async def put(request: Request) -> Response:
    """PUT /{db}/{id}/{name}"""
    limit = request.server.settings.max_attachment_size
    data = await request.body(limit + 1)
    if len(data) > limit:
        raise TooLarge(str(limit), "attachment_too_large")
    kind = request.header("content-type") or "application/octet-stream"
    _check_md5(request, data)
    encoding = _encoding(request)
    name = attachment_name(request)
    if name.startswith("_"):
        raise bad_name(name)
    draft = _draft(request)
    draft.attachments[name] = encode_incoming(kind, data, encoding)
    answer = await documents.store(request, draft)
    answer.headers["location"] = _location(request, draft.id)
    return answer


async def delete(request: Request) -> Response:
    """DELETE /{db}/{id}/{name}"""
    draft = _draft(request)
    if draft.attachments.pop(attachment_name(request), None) is None:
        raise NotFound(_NOT_THERE)
    answer = await documents.store(request, draft)
    answer.status = 200 if answer.status == 201 else answer.status
    return answer


async def not_on_local(request: Request) -> Response:
    """PUT /{db}/_local/{id}/{name}"""
    raise BadRequest("_local documents do not accept attachments.")


def _encoding(request: Request) -> str | None:
    given = request.header("content-encoding")
    if given in (None, "identity"):
        return None
    if given != "gzip":
        raise StoreError(415, "bad_content_type", "Only gzip and identity content-encodings are supported")
    return given


def attachment_name(request: Request) -> str:
    """The name in the path; it may hold slashes."""
    skip = 3 if request.parts[1] == "_design" else 2
    return "/".join(request.parts[skip:])


def _draft(request: Request) -> Draft:
    """The next revision of the document, every attachment as it is."""
    doc_id = document_id(request)
    rev = documents.given_rev(request, None)
    winner = request.db.winner(doc_id)
    if winner is None:
        if rev is not None or request.method == "DELETE":
            raise NotFound("missing") if request.method == "DELETE" else Conflict
        return Draft(doc_id, b"")
    if rev is None:
        if not winner.deleted:
            raise Conflict
        return Draft(doc_id, b"")
    base = request.db.stored(doc_id, rev)
    if base is None or base.rev != rev:
        raise Conflict
    return Draft(doc_id, base.body, rev=rev, attachments=_stubs(base))


def _stubs(base: Stored) -> dict[str, Incoming]:
    return {name: Incoming(each.content_type, revpos=each.revpos) for name, each in base.kept().items()}


def _contents(request: Request, kept: Kept, headers: dict[str, str]) -> Response:
    if kept.encoding == "gzip":
        headers["accept-ranges"] = "none"
        if "gzip" in (request.header("accept-encoding") or ""):
            return _sent(request.db, kept, headers | {"content-encoding": "gzip"}, kept.stored)
        return _sent(request.db, kept, headers, kept.length, unpack=True)
    headers["accept-ranges"] = "bytes"
    spans = _ranges(request.header("range"), kept.length)
    if not spans:
        return _sent(request.db, kept, headers, kept.length)
    data = request.db.blob(kept.blob)
    if len(spans) > 1:
        return _parts(data, spans, headers)
    [(first, last)] = spans
    headers["content-range"] = f"bytes {first}-{last}/{len(data)}"
    return Response(206, data[first : last + 1], headers)


def _sent(db: Database, kept: Kept, headers: dict[str, str], length: int, *, unpack: bool = False) -> Response:
    """The whole content: in one piece when it is small, chunk by chunk when it is not."""
    if max(length, kept.stored) <= blobs.CHUNK:
        data = db.blob(kept.blob)
        return Response(200, blobs.plain(data, "gzip") if unpack else data, headers)
    headers["content-length"] = str(length)
    return Response(200, _unpacked(_chunks(db, kept)) if unpack else _chunks(db, kept), headers)


async def _chunks(db: Database, kept: Kept) -> AsyncIterator[bytes]:
    for part in range(-(-kept.stored // blobs.CHUNK)):
        yield await asyncio.to_thread(db.chunk, kept.blob, part)


async def _unpacked(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    engine = zlib.decompressobj(wbits=31)
    async for chunk in chunks:
        while chunk:
            yield await asyncio.to_thread(engine.decompress, chunk, blobs.CHUNK)
            chunk = engine.unconsumed_tail


def _parts(data: bytes, spans: list[tuple[int, int]], headers: dict[str, str]) -> Response:
    boundary = uuid4().hex
    pieces: list[bytes] = []
    for first, last in spans:
        lead = (
            f"\r\n--{boundary}\r\nContent-Type: {headers['content-type']}\r\n"
            f"Content-Range: bytes {first}-{last}/{len(data)}\r\n\r\n"
        )
        pieces += (lead.encode(), data[first : last + 1])
    pieces.append(f"\r\n--{boundary}--".encode())
    return Response(206, b"".join(pieces), headers | {"content-type": f"multipart/byteranges; boundary={boundary}"})


def _ranges(header: str | None, size: int) -> list[tuple[int, int]]:
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


def _md5(kept: Kept) -> str:
    return kept.digest.removeprefix("md5-")


def _check_md5(request: Request, data: bytes) -> None:
    given = request.header("content-md5")
    if given is None:
        return
    actual = base64.b64encode(md5(data, usedforsecurity=False).digest()).decode()
    if given != actual:
        raise StoreError(400, "content_md5_mismatch", "Possible message corruption.")


def _location(request: Request, doc_id: str) -> str:
    return f"{documents.location(request, doc_id)}/{quote(attachment_name(request))}"


routes = [
    Route("attachment", "", {"GET": get, "PUT": put, "DELETE": delete}),
    Route("local attachment", "", {"GET": not_on_local, "PUT": not_on_local, "DELETE": not_on_local}),
]
