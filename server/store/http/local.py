"""Documents under `_local/`, which are never replicated and have no history."""

from typing import Any

import msgspec

from server.store.database import drafts
from server.store.database.writes import LocalWrite
from server.store.errors import NotFound
from server.store.http import documents
from server.store.http.request import Request
from server.store.http.response import Response, json_response, raw_json
from server.store.http.routing import Route

_encode = msgspec.json.Encoder().encode


async def get(request: Request) -> Response:
    """GET /{db}/_local/{id}"""
    found = request.db.local(request.parts[2])
    if found is None:
        raise NotFound("missing")
    rev, body = found
    doc_id = _encode("_local/" + request.parts[2])
    return raw_json(b'{"_id":%s,"_rev":"0-%d"%s}' % (doc_id, rev, body), 200, {"etag": f'"0-{rev}"'})


async def put(request: Request) -> Response:
    """PUT /{db}/_local/{id}"""
    draft = drafts.parse(request.minified(await documents.document_body(request)))
    rev = _given_rev(request, draft.rev)
    body = None if draft.deleted else draft.body
    new = await request.db.write(LocalWrite(request.parts[2], body, rev))
    if request.query.get("batch") == "ok":
        return json_response({"ok": True, "id": "_local/" + request.parts[2]}, 202)
    return _answer(request, new, 201)


async def delete(request: Request) -> Response:
    """DELETE /{db}/_local/{id}"""
    new = await request.db.write(LocalWrite(request.parts[2], None, _given_rev(request, None)))
    return _answer(request, new, 200)


async def listing(request: Request) -> Response:
    """GET /{db}/_local_docs"""
    with request.db.reader() as connection:
        found: list[Any] = connection.execute("SELECT id, rev, body FROM local ORDER BY id").fetchall()
    rows = [_row(request, *each) for each in found]
    return raw_json(b'{"total_rows":null,"offset":null,"rows":[\r\n' + b",\r\n".join(rows) + b"\r\n]}")


def _row(request: Request, name: str, rev: int, body: bytes) -> bytes:
    doc_id = _encode("_local/" + name)
    doc = b',"doc":{"_id":%s,"_rev":"0-%d"%s}' % (doc_id, rev, body) if request.flag("include_docs") else b""
    return b'{"id":%s,"key":%s,"value":{"rev":"0-%d"}%s}' % (doc_id, doc_id, rev, doc)


def _given_rev(request: Request, in_body: str | None) -> str | None:
    header = (request.header("if-match") or "").strip('"')
    return request.query.get("rev") or header or in_body


def _answer(request: Request, rev: str, status: int) -> Response:
    doc_id = "_local/" + request.parts[2]
    headers = {"etag": f'"{rev}"', "location": documents.location(request, doc_id)}
    return json_response({"ok": True, "id": doc_id, "rev": rev}, status, headers)


routes = [
    Route("local", "", {"GET": get, "PUT": put, "DELETE": delete}),
    Route("database", "_local_docs", {"GET": listing, "POST": listing}),
]
