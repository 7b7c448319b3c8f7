"""Documents with attachments as MIME parts, in both directions."""

from collections.abc import AsyncIterator, Callable, Iterator
from urllib.parse import quote
from uuid import uuid4

import msgspec

from server.store.database import Database, Stored, drafts, render
from server.store.database.blobs import CHUNK, Incoming, Kept, head
from server.store.database.drafts import Draft
from server.store.errors import BadRequest, StoreError, TooLarge
from server.store.http import contents
from server.store.http.mime import MimeReader, name_of
from server.store.http.request import Request
from server.store.http.response import Response

_encode = msgspec.json.Encoder().encode


async def read_related(request: Request, doc_id: str) -> Draft:
    """The document of a multipart/related body: JSON first, then the attachments that it says follow."""
    reader = MimeReader(request.pieces(), request.header("content-type") or "")
    if await reader.next_part() is None:
        raise BadRequest("The multipart body has no document.")
    draft = drafts.parse(request.minified(await _collected(reader, request.server.settings.max_json_size)), doc_id)
    waiting = [name for name, each in draft.attachments.items() if each.follows]
    while (headers := await reader.next_part()) is not None:
        given = name_of(headers)
        # A part without a name belongs to the next attachment in order.
        name = given if given in waiting else next(iter(waiting), None)
        if name is None:
            await _collected(reader, 0, keep=False)
            continue
        waiting.remove(name)
        draft.attachments[name] = await _uploaded(request, reader, draft.attachments[name])
    for name in waiting:
        raise BadRequest(f"The attachment {name} does not follow.")
    return draft


async def _collected(reader: MimeReader, limit: int, *, keep: bool = True) -> bytes:
    pieces: list[bytes] = []
    size = 0
    async for piece in reader.content():
        size += len(piece)
        if keep:
            pieces.append(piece)
            if size > limit:
                raise TooLarge("the request entity is too large")
    return b"".join(pieces)


async def _uploaded(request: Request, reader: MimeReader, each: Incoming) -> Incoming:
    upload = await contents.receive(request, reader.content(), each.content_type, each.encoding)
    if each.length is not None and each.length != upload.length:
        raise StoreError(412, "length_mismatch", f"{each.length} bytes should follow, not {upload.length}.")
    return upload.finish(each.revpos)


def send_related(request: Request, found: Stored, extra: bytes, headers: dict[str, str]) -> Response:
    """A revision as JSON with its attachments after it."""
    boundary = uuid4().hex
    kind = f'multipart/related; boundary="{boundary}"'
    return _sent(request.db, [*_related(found, extra, boundary)], {**headers, "content-type": kind})


def send_mixed(request: Request, found: list[Stored | str], extra: Callable[[Stored], bytes]) -> Response:
    """Several revisions, each a part; one with attachments is a multipart/related of its own."""
    outer = uuid4().hex
    pieces: list[bytes | Kept] = []
    for each in found:
        pieces.append(b"--" + outer.encode() + b"\r\n")
        pieces += _mixed_part(each, extra)
        pieces.append(b"\r\n")
    pieces.append(b"--" + outer.encode() + b"--")
    return _sent(request.db, pieces, {"content-type": f'multipart/mixed; boundary="{outer}"'})


def _sent(db: Database, pieces: list[bytes | Kept], headers: dict[str, str]) -> Response:
    """Text and attachments one after the other; in one piece when they are small."""
    length = sum(len(each) if isinstance(each, bytes) else each.stored for each in pieces)
    if length <= CHUNK:
        return Response(
            200, b"".join(each if isinstance(each, bytes) else db.blob(each.blob) for each in pieces), headers
        )
    return Response(200, _streamed(db, pieces), {**headers, "content-length": str(length)})


async def _streamed(db: Database, pieces: list[bytes | Kept]) -> AsyncIterator[bytes]:
    for each in pieces:
        if isinstance(each, bytes):
            yield each
            continue
        async for chunk in contents.chunks(db, each):
            yield chunk


def _mixed_part(each: Stored | str, extra: Callable[[Stored], bytes]) -> list[bytes | Kept]:
    if isinstance(each, str):
        return [b'Content-Type: application/json; error="true"\r\n\r\n{"missing":%s}' % _encode(each)]
    if not each.atts:
        text = render.document(each.id, each.rev, each.deleted, each.body, extra(each))
        return [b"Content-Type: application/json\r\n\r\n" + text]
    inner = uuid4().hex
    lead = f'Content-Type: multipart/related; boundary="{inner}"\r\n\r\n'.encode()
    return [lead, *_related(each, extra(each), inner)]


def _related(found: Stored, extra: bytes, boundary: str) -> Iterator[bytes | Kept]:
    kept = found.kept()
    mark = b"--" + boundary.encode()
    follows = b",".join(b'%s:{%s,"follows":true}' % (_encode(name), head(each, True)) for name, each in kept.items())
    document = render.document(
        found.id, found.rev, found.deleted, found.body, extra, b',"_attachments":{' + follows + b"}"
    )
    yield mark + b"\r\nContent-Type: application/json\r\n\r\n" + document
    for name, each in kept.items():
        yield b"\r\n" + mark + b"\r\n" + _part_headers(name, each) + b"\r\n"
        yield each
    yield b"\r\n" + mark + b"--"


def _part_headers(name: str, each: Kept) -> bytes:
    encoding = f"Content-Encoding: {each.encoding}\r\n" if each.encoding else ""
    return (
        f'Content-Disposition: attachment; filename="{quote(name)}"\r\n'
        f"Content-Type: {each.content_type}\r\nContent-Length: {each.stored}\r\n{encoding}"
    ).encode()
