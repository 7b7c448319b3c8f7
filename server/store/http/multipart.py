"""Documents with attachments as MIME parts, in both directions."""

import re
from collections.abc import Callable, Iterator
from urllib.parse import quote, unquote
from uuid import uuid4

import msgspec

from server.store.database import Stored, drafts, render
from server.store.database.blobs import Incoming, Kept, encode_incoming, head
from server.store.database.drafts import Draft
from server.store.errors import BadRequest, StoreError
from server.store.http.request import Request
from server.store.http.response import Response

_encode = msgspec.json.Encoder().encode
_BOUNDARY = re.compile(r'boundary=(?:"([^"]+)"|([^;\s]+))', re.IGNORECASE)
_NAME = re.compile(r'filename="((?:[^"\\]|\\.)*)"')


async def read_related(request: Request, doc_id: str) -> Draft:
    """The document of a multipart/related body: JSON first, then the attachments that it says follow."""
    parts = split(await request.body(), request.header("content-type") or "")
    return assemble(list(parts), doc_id)


def assemble(parts: list[tuple[dict[str, str], bytes]], doc_id: str | None) -> Draft:
    """A draft from the parts of a multipart/related body."""
    if not parts:
        raise BadRequest("The multipart body has no document.")
    draft = drafts.parse(drafts.minify(parts[0][1]), doc_id)
    following = [name for name, each in draft.attachments.items() if each.follows]
    bodies = _by_name(parts[1:], following)
    for name in following:
        if name not in bodies:
            raise BadRequest(f"The attachment {name} does not follow.")
        draft.attachments[name] = _filled(draft.attachments[name], bodies[name])
    return draft


def split(body: bytes, content_type: str) -> Iterator[tuple[dict[str, str], bytes]]:
    """The parts of a MIME body: headers in lower case, and contents."""
    match = _BOUNDARY.search(content_type)
    if match is None:
        raise BadRequest("Missing boundary in multipart content type.")
    mark = b"--" + (match[1] or match[2]).encode()
    pieces = (b"\r\n" + body).split(b"\r\n" + mark)
    if len(pieces) < 2 or not any(piece.startswith(b"--") for piece in pieces[1:]):
        raise BadRequest("The multipart body is not complete.")
    for piece in pieces[1:]:
        if piece.startswith(b"--"):
            return
        lead, gap, content = piece.partition(b"\r\n\r\n")
        yield _headers(lead) if gap else {}, content


def send_related(request: Request, found: Stored, extra: bytes, headers: dict[str, str]) -> Response:
    """A revision as JSON with its attachments after it."""
    boundary = uuid4().hex
    body = b"".join(_related(request, found, extra, boundary))
    return Response(200, body, {**headers, "content-type": f'multipart/related; boundary="{boundary}"'})


def send_mixed(request: Request, found: list[Stored | str], extra: Callable[[Stored], bytes]) -> Response:
    """Several revisions, each a part; one with attachments is a multipart/related of its own."""
    outer = uuid4().hex
    pieces: list[bytes] = []
    for each in found:
        pieces.append(b"--" + outer.encode() + b"\r\n")
        pieces += _mixed_part(request, each, extra)
        pieces.append(b"\r\n")
    pieces.append(b"--" + outer.encode() + b"--")
    return Response(200, b"".join(pieces), {"content-type": f'multipart/mixed; boundary="{outer}"'})


def _mixed_part(request: Request, each: Stored | str, extra: Callable[[Stored], bytes]) -> list[bytes]:
    if isinstance(each, str):
        return [b'Content-Type: application/json; error="true"\r\n\r\n{"missing":%s}' % _encode(each)]
    if not each.atts:
        text = render.document(each.id, each.rev, each.deleted, each.body, extra(each))
        return [b"Content-Type: application/json\r\n\r\n" + text]
    inner = uuid4().hex
    lead = f'Content-Type: multipart/related; boundary="{inner}"\r\n\r\n'.encode()
    return [lead, *_related(request, each, extra(each), inner)]


def _related(request: Request, found: Stored, extra: bytes, boundary: str) -> Iterator[bytes]:
    kept = found.kept()
    mark = b"--" + boundary.encode()
    follows = b",".join(b'%s:{%s,"follows":true}' % (_encode(name), head(each, True)) for name, each in kept.items())
    document = render.document(
        found.id, found.rev, found.deleted, found.body, extra, b',"_attachments":{' + follows + b"}"
    )
    yield mark + b"\r\nContent-Type: application/json\r\n\r\n" + document
    for name, each in kept.items():
        yield b"\r\n" + mark + b"\r\n" + _part_headers(name, each) + b"\r\n"
        yield request.db.blob(each.blob)
    yield b"\r\n" + mark + b"--"


def _part_headers(name: str, each: Kept) -> bytes:
    encoding = f"Content-Encoding: {each.encoding}\r\n" if each.encoding else ""
    return (
        f'Content-Disposition: attachment; filename="{quote(name)}"\r\n'
        f"Content-Type: {each.content_type}\r\nContent-Length: {each.stored}\r\n{encoding}"
    ).encode()


def _filled(each: Incoming, data: bytes) -> Incoming:
    if each.length is not None and each.length != len(data):
        raise StoreError(412, "length_mismatch", f"{each.length} bytes should follow, not {len(data)}.")
    return encode_incoming(each.content_type, data, each.encoding, each.revpos)


def _by_name(parts: list[tuple[dict[str, str], bytes]], following: list[str]) -> dict[str, bytes]:
    """Contents by attachment name: parts that carry no name belong to the attachments in order."""
    names = [_NAME.search(headers.get("content-disposition", "")) for headers, _ in parts]
    if all(names) and {_plain_name(match[1]) for match in names if match} >= set(following):
        return {_plain_name(match[1]): body for match, (_, body) in zip(names, parts, strict=True) if match}
    return dict(zip(following, (body for _, body in parts), strict=False))


def _plain_name(text: str) -> str:
    return unquote(text)


def _headers(lead: bytes) -> dict[str, str]:
    lines = (line.partition(":") for line in lead.decode("utf-8", "replace").split("\r\n"))
    return {name.strip().lower(): value.strip() for name, _, value in lines if name.strip()}
