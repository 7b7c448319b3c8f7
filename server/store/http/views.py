"""Views over HTTP: queries, information on an index, and the clearing away of old ones."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from typing import Any, TypeVar

from server.store import auth
from server.store.errors import BadRequest, MethodNotAllowed, NotOffered, StoreError
from server.store.http import reading
from server.store.http.request import Request
from server.store.http.response import Response, json_response, raw_json
from server.store.http.routing import Route
from server.store.views.answer import FetchDocs, Wanted
from server.store.views.options import Options, check_keys, parse, parse_one_of
from server.store.views.server import Query, ViewServer

T = TypeVar("T")
#: An answer up to about this size is sent in one piece, a longer one in such pieces.
_SMALL = 1 << 16


async def get_view(request: Request) -> Response:
    """GET /{db}/_design/{ddoc}/_view/{view}"""
    with _design_first(request):
        options = parse(request.query)
    return await _answer(request, _prepare(request, options))


async def post_view(request: Request) -> Response:
    """POST /{db}/_design/{ddoc}/_view/{view}"""
    with _design_first(request):
        body = await request.json_object()
        if "queries" in body:
            raise BadRequest("The `queries` parameter is no longer supported at this endpoint")
        check_keys(body, "member")
        options = parse(request.query, body)
    return await _answer(request, _prepare(request, options))


async def info(request: Request) -> Response:
    """GET /{db}/_design/{ddoc}/_info"""
    views: ViewServer = request.server.views
    index = views.index(request.db, _ddoc_id(request))
    return json_response({"name": request.parts[2], "view_index": await asyncio.to_thread(index.info)})


async def cleanup(request: Request) -> Response:
    """POST /{db}/_view_cleanup"""
    request.require_db_admin()
    await asyncio.to_thread(request.server.views.cleanup, request.db)
    return json_response({"ok": True}, 202)


async def temporary(request: Request) -> Response:
    """GET and POST /{db}/_temp_view"""
    raise StoreError(410, "gone", "Temporary views are not supported in CouchDB")


async def not_offered(request: Request) -> Response:
    """Shows, lists and rewrites."""
    name = request.parts[3].removeprefix("_")
    raise NotOffered(f"This store has no {name} functions: CouchDB deprecates them. Query a view instead.")


def check_users(request: Request) -> None:
    """Who has an account is for administrators to know, in whatever way it is asked."""
    if request.db.name == "_users":
        auth.check_database_admin(request.user, request.db.security())


def _ddoc_id(request: Request) -> str:
    return "_design/" + request.parts[2]


@contextlib.contextmanager
def _design_first(request: Request) -> Iterator[None]:
    """What is wrong with a query matters only where there is such a design document: else that is the error."""
    try:
        yield
    except StoreError:
        check_users(request)
        request.server.views.index(request.db, _ddoc_id(request))
        raise


def _prepare(request: Request, options: Options) -> Query:
    if len(request.parts) != 5:
        raise MethodNotAllowed("GET,POST,HEAD")
    views: ViewServer = request.server.views
    return views.query(request.db, _ddoc_id(request), request.parts[4], options)


async def queries(request: Request) -> Response:
    """POST /{db}/_design/{ddoc}/_view/{view}/queries"""
    check_users(request)
    with _design_first(request):
        asked = await request.queries(typed=True)
    views: ViewServer = request.server.views
    name = request.parts[4]
    found = [views.query(request.db, _ddoc_id(request), name, parse_one_of(request.query, each)) for each in asked]
    for query in found:
        await _freshen(request, query)
    pieces = [await _in_thread(request, query, _whole, query, request) for query in found]
    return raw_json(b'{"results":[\r\n' + b",\r\n".join(pieces) + b"\r\n]}")


async def _answer(request: Request, query: Query) -> Response:
    await _freshen(request, query)
    pieces = query.pieces(_fetcher(request, query.options))
    body, ended = _read(pieces) if query.is_quick else await _in_thread(request, query, _read, pieces)
    if ended:
        return raw_json(body)
    return Response(200, _stream(request, query, body, pieces))


async def _freshen(request: Request, query: Query) -> None:
    """Do what the option `update` wants."""
    index, update = query.index, query.options.update
    if update == "false" or index.is_fresh:
        return
    building = request.server.views.freshen(index)
    if update == "true":
        await asyncio.wrap_future(building)


def _whole(query: Query, request: Request) -> bytes:
    return b"".join(query.pieces(_fetcher(request, query.options)))


def _read(pieces: Iterator[bytes]) -> tuple[bytes, bool]:
    """The next pieces, not much more than what is sent at once, and whether they were the last."""
    found: list[bytes] = []
    size = 0
    for piece in pieces:
        found.append(piece)
        size += len(piece)
        if size > _SMALL:
            return b"".join(found), False
    return b"".join(found), True


async def _in_thread(request: Request, query: Query, work: Callable[..., T], *arguments: Any) -> T:
    if query.is_scripted:
        return await request.scripted(work, *arguments)
    return await asyncio.to_thread(work, *arguments)


async def _stream(request: Request, query: Query, first: bytes, pieces: Iterator[bytes]) -> AsyncIterator[bytes]:
    try:
        yield first
        ended = False
        while not ended:
            body, ended = await _in_thread(request, query, _read, pieces)
            yield body
        yield b"\n"
    finally:
        pieces.close()  # type: ignore[attr-defined]


def _fetcher(request: Request, options: Options) -> FetchDocs:
    """How rows get their documents."""
    db = request.db
    told = {name: True for name in ("conflicts", "attachments", "att_encoding_info") if getattr(options, name)}

    def shown(doc_id: str, rev: str | None) -> bytes | None:
        found = db.stored(doc_id, rev) if rev else db.winner(doc_id)
        if found is None or (rev and found.rev != rev) or (found.deleted and not rev):
            return None
        return reading.document(db, found, told)

    def fetch(wanted: Sequence[Wanted]) -> list[bytes | None]:
        if told:
            return [shown(doc_id, rev) for doc_id, rev in wanted]
        winners = db.get_winners([doc_id for doc_id, rev in wanted if not rev])
        return [shown(doc_id, rev) if rev else winners.get(doc_id) for doc_id, rev in wanted]

    return fetch


_VIEW: dict[str, Any] = {"GET": get_view, "POST": post_view}
_REFUSED: dict[str, Any] = dict.fromkeys(("GET", "POST", "PUT", "DELETE"), not_offered)

routes = [
    Route("design", "_view", _VIEW, "GET,POST,HEAD"),
    Route("design", "_view/queries", {"POST": queries}),
    Route("design", "_info", {"GET": info}, "GET"),
    Route("database", "_view_cleanup", {"POST": cleanup}),
    Route("database", "_temp_view", {"GET": temporary, "POST": temporary}),
    *(Route("design", name, _REFUSED) for name in ("_show", "_list", "_rewrite")),
]
