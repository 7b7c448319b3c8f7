"""Documents under `_local/`, which are never replicated and have no history."""

from typing import Any

import msgspec

from server.store.database import drafts
from server.store.database import listing as listings
from server.store.database.drafts import Draft
from server.store.database.writes import LocalWrite
from server.store.errors import NotFound
from server.store.http import all_docs, documents
from server.store.http.request import Request
from server.store.http.response import Response, json_response, raw_json
from server.store.http.routing import Route
from server.store.revisions import parse_rev

_encode = msgspec.json.Encoder().encode


async def get(request: Request) -> Response:
    """GET /{db}/_local/{id}"""
    if "rev" in request.query:
        parse_rev(request.query["rev"])
        raise NotFound("missing")
    rev, body = _found(request)
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
    _found(request)
    new = await request.db.write(LocalWrite(request.parts[2], None, _given_rev(request, None)))
    return _answer(request, new, 200)


async def copy(request: Request) -> Response:
    """COPY /{db}/_local/{id} with the header Destination"""
    target, rev = documents.destination(request)
    found = _found(request)
    return await documents.store(request, Draft(target, found[1], rev=rev))


async def listing(request: Request) -> Response:
    """GET and POST /{db}/_local_docs"""
    return raw_json(_listed(request, await all_docs.options_of(request)))


async def queries(request: Request) -> Response:
    """POST /{db}/_local_docs/queries"""
    asked = [all_docs.one_of(request, each) for each in await request.queries(typed=False)]
    return raw_json(b'{"results":[\r\n' + b",\r\n".join(_listed(request, each) for each in asked) + b"\r\n]}")


def _listed(request: Request, options: dict[str, Any]) -> bytes:
    with request.db.reader() as connection:
        found: list[Any] = connection.execute("SELECT id, rev, body FROM local ORDER BY id").fetchall()
    known = {f"_local/{name}": (rev, body) for name, rev, body in found}
    docs = options.get("include_docs") is True
    rows = [_row(key, known.get(key), docs) for key in _chosen(list(known), options)]
    return b'{"total_rows":null,"offset":null,"rows":[\r\n' + b",\r\n".join(rows) + b"\r\n]}"


def _chosen(ids: list[str], options: dict[str, Any]) -> list[Any]:
    """Which of the ids, which are in order, the options ask for; keys that are asked for by name are all there."""
    span = all_docs.span_of(options)
    if "keys" in options:
        found: list[Any] = options["keys"][::-1] if span.descending else options["keys"]
    else:
        found = [each for each in (ids[::-1] if span.descending else ids) if listings.holds(span, each)]
    return found[span.skip :][: span.limit]


def _row(key: Any, found: tuple[int, bytes] | None, docs: bool) -> bytes:
    quoted = _encode(key)
    if found is None:
        return b'{"key":%s,"error":"not_found"}' % quoted
    rev, body = found
    doc = b',"doc":{"_id":%s,"_rev":"0-%d"%s}' % (quoted, rev, body) if docs else b""
    return b'{"id":%s,"key":%s,"value":{"rev":"0-%d"}%s}' % (quoted, quoted, rev, doc)


def _found(request: Request) -> tuple[int, bytes]:
    found = request.db.local(request.parts[2])
    if found is None:
        raise NotFound("missing")
    return found


def _given_rev(request: Request, in_body: str | None) -> str | None:
    header = (request.header("if-match") or "").strip('"')
    return request.query.get("rev") or header or in_body


def _answer(request: Request, rev: str, status: int) -> Response:
    doc_id = "_local/" + request.parts[2]
    headers = {"etag": f'"{rev}"', "location": documents.location(request, doc_id)}
    return json_response({"ok": True, "id": doc_id, "rev": rev}, status, headers)


routes = [
    Route(
        "local",
        "",
        {"GET": get, "PUT": put, "DELETE": delete, "COPY": copy, "POST": documents.post_form},
        documents.METHODS,
    ),
    Route("database", "_local_docs", {"GET": listing, "POST": listing}),
    Route("database", "_local_docs/queries", {"POST": queries}),
]
