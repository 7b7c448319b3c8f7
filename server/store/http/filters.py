"""Which changes a feed shows: by id, by selector, by a function of a design document."""

import importlib
import importlib.util
from collections.abc import Callable
from typing import Any

import msgspec

from server.store.database.feed import Filter
from server.store.errors import BadRequest, NotFound
from server.store.http.request import Request


def decode(text: bytes) -> Any:
    """A body as a value."""
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        raise BadRequest("invalid UTF-8 JSON") from None


async def choose(request: Request, body: dict[str, Any]) -> Filter | None:
    """The filter that a request names; None for all changes."""
    name = request.query.get("filter")
    if name is None:
        return None
    if name == "_doc_ids":
        return _by_ids(request, body)
    if name == "_design":
        return lambda docs: [each.id.startswith("_design/") for each in docs]
    if name == "_selector":
        return _by_selector(body)
    if name == "_view":
        return _by_view(request)
    return _by_function(request, body, name)


def _by_ids(request: Request, body: dict[str, Any]) -> Filter:
    ids = body.get("doc_ids")
    if ids is None and "doc_ids" in request.query:
        ids = request.json_option("doc_ids")
    if not isinstance(ids, list):
        raise BadRequest("`doc_ids` filter parameter is not a list.")
    wanted = {each for each in ids if isinstance(each, str)}
    return lambda docs: [each.id in wanted for each in docs]


def _by_selector(body: dict[str, Any]) -> Filter:
    selector = body.get("selector")
    if not isinstance(selector, dict):
        raise BadRequest("Selector must be a JSON object")
    if importlib.util.find_spec("server.store.mango") is None:
        raise BadRequest("Selectors are not there.")
    matcher = importlib.import_module("server.store.mango").compile_selector(selector)
    return lambda docs: [bool(matcher(msgspec.json.decode(each.json()))) for each in docs]


def _by_view(request: Request) -> Filter:
    ddoc, name = _split(request.query.get("view", ""))
    text = _design(request, ddoc)
    javascript = request.server.javascript
    return _judged(lambda docs: javascript.view_filter(text, name, docs))


def _by_function(request: Request, body: dict[str, Any], path: str) -> Filter:
    ddoc, name = _split(path)
    text = _design(request, ddoc)
    functions = msgspec.json.decode(text).get("filters")
    if not isinstance(functions, dict) or name not in functions:
        raise NotFound(f"missing json key: {name}" if isinstance(functions, dict) else "missing json key: filters")
    req = request_object(request, body)
    javascript = request.server.javascript
    return _judged(lambda docs: javascript.filter(text, name, docs, req))


def _judged(run: Callable[[list[bytes]], list[bool]]) -> Filter:
    return lambda docs: run([each.json() for each in docs])


def _split(path: str) -> tuple[str, str]:
    ddoc, slash, name = path.partition("/")
    if not slash or not ddoc or not name:
        raise BadRequest("filter/view parameter must be of the form `designname/filtername`")
    return ddoc, name


def _design(request: Request, name: str) -> bytes:
    text = request.db.get_winner("_design/" + name)
    if text is None:
        raise NotFound("missing")
    return text


def request_object(request: Request, body: Any = None) -> dict[str, Any]:
    """The request as design functions see it."""
    headers = {name.decode("latin-1").title(): value.decode("latin-1") for name, value in request.headers.items()}
    path = list(request.parts)
    return {
        "info": {"db_name": request.db.name, "update_seq": request.db.seq_text(request.db.update_seq())},
        "id": None,
        "uuid": None,
        "method": request.method,
        "requested_path": path,
        "path": path,
        "raw_path": request.scope["raw_path"].decode("latin-1"),
        "query": request.query,
        "headers": headers,
        "body": "undefined" if not body else msgspec.json.encode(body).decode(),
        "peer": (request.scope.get("client") or ("127.0.0.1",))[0],
        "form": {},
        "cookie": {},
        "userCtx": request.user_ctx(),
        "secObj": request.db.security(),
    }
