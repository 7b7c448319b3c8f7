"""Which changes a feed shows: by id, by selector, by a function of a design document."""

import hashlib
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl
from uuid import uuid4

import msgspec

from server.store.database import Database
from server.store.database.feed import Filter
from server.store.errors import BadRequest, NotFound
from server.store.feeds.rules import EVERYTHING, Rule, condition_on_ids, conditions_of
from server.store.http.request import Request
from server.store.mango.normal import normal
from server.store.mango.selector import compile_normal, has_pattern

_JSON = frozenset(("key", "startkey", "endkey", "descending"))


def decode(text: bytes) -> Any:
    """A body as a value."""
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        raise BadRequest("invalid UTF-8 JSON") from None


async def choose(request: Request, body: dict[str, Any]) -> Rule:
    """The filter that a request names."""
    name = request.query.get("filter")
    if not name:
        return EVERYTHING
    if name == "_doc_ids":
        return _by_ids(request, body)
    if name == "_design":
        return Rule(
            _key("design"), lambda docs: [_is_design(each.id) for each in docs], lambda doc: _is_design(doc["_id"])
        )
    if name == "_selector":
        return _by_selector(request, body)
    if name == "_view":
        return _by_view(request)
    return _by_function(request, body, name)


def _key(*parts: Any) -> bytes:
    """What filters have in common that say the same."""
    return hashlib.sha256(msgspec.json.encode(parts)).digest()


def _is_design(doc_id: str) -> bool:
    return doc_id.startswith("_design/")


_DESIGNS = Rule(_key("design"), lambda docs: [_is_design(each.id) for each in docs], lambda doc: _is_design(doc["_id"]))


def _by_ids(request: Request, body: dict[str, Any]) -> Rule:
    ids = body.get("doc_ids")
    if ids is None and "doc_ids" in request.query:
        ids = request.json_option("doc_ids")
    if not isinstance(ids, list):
        raise BadRequest("`doc_ids` filter parameter is not a list of doc ids.")
    wanted = {each for each in ids if isinstance(each, str)}
    return Rule(
        _key("ids", *sorted(wanted)),
        lambda docs: [each.id in wanted for each in docs],
        lambda doc: doc["_id"] in wanted,
        (condition_on_ids(wanted),),
    )


def _by_selector(request: Request, body: dict[str, Any]) -> Rule:
    if request.method != "POST" or "selector" not in body:
        raise BadRequest("Selector must be specified in POST payload")
    if not isinstance(body["selector"], dict):
        raise BadRequest("Selector error: expected a JSON object")
    selector = body["selector"]
    explicit = normal(selector)
    test = compile_normal(explicit)  # A senseless one is refused before the first row.
    key = _key("selector", selector)
    if has_pattern(explicit):
        javascript = request.server.javascript
        return Rule(key, _judged(lambda docs: javascript.select(selector, docs)))
    return Rule(
        key,
        _judged(lambda docs: [test(msgspec.json.decode(doc)) for doc in docs]),
        test,
        conditions_of(explicit),
    )


def _by_view(request: Request) -> Rule:
    if "view" not in request.query:
        raise BadRequest("`view` filter parameter is not provided.")
    ddoc, name = _split(request.query["view"], "view")
    text = _design(request, ddoc, "views", name)
    javascript = request.server.javascript
    return Rule(_key("view", text.decode(), name), _judged(lambda docs: javascript.view_filter(text, name, docs)))


def _by_function(request: Request, body: dict[str, Any], path: str) -> Rule:
    ddoc, name = _split(path, "filter")
    text = _design(request, ddoc, "filters", name)
    req = request_object(request, msgspec.json.encode(body).decode() if body else None)
    javascript = request.server.javascript
    # Nobody can mean anything by the number of a request, nor by where the database stood when it came.
    key = _key("function", text.decode(), name, {**req, "uuid": "", "info": {}})
    return Rule(key, _judged(lambda docs: javascript.filter(text, name, docs, req)))


def _judged(run: Callable[[list[bytes]], list[bool]]) -> Filter:
    return lambda docs: run([each.json() for each in docs])


def _split(path: str, option: str) -> tuple[str, str]:
    ddoc, slash, name = path.partition("/")
    if not slash or not ddoc or not name:
        raise BadRequest(f"`{option}` must be of the form `designname/{option}name`")
    return ddoc, name


def _design(request: Request, name: str, member: str, key: str) -> bytes:
    return designed(request.db, name, member, key)


def designed(db: Database, name: str, member: str, key: str) -> bytes:
    """A design document that has a function of that name; NotFound otherwise."""
    text: bytes | None = db.get_winner("_design/" + name)
    if text is None:
        raise NotFound("missing")
    functions = msgspec.json.decode(text).get(member)
    if not isinstance(functions, dict):
        raise NotFound(f"missing json key: {member}")
    if key not in functions:
        raise NotFound(f"missing json key: {key}")
    return text


def request_object(request: Request, body: str | None = None) -> dict[str, Any]:
    """The request as design functions see it."""
    headers = {name.decode("latin-1").title(): value.decode("latin-1") for name, value in request.headers.items()}
    path = list(request.parts)
    return {
        "info": {"db_name": request.db.name, "update_seq": request.db.seq_text(request.db.update_seq())},
        "id": None,
        "uuid": uuid4().hex,
        "method": request.method,
        "requested_path": path,
        "path": path,
        "raw_path": request.scope["raw_path"].decode("latin-1"),
        "query": _query(request),
        "headers": headers,
        "body": body or "undefined",
        "peer": request.peer,
        "form": _form(request, body),
        "cookie": _cookies(request),
        "userCtx": request.user_ctx(),
        "secObj": request.db.security(),
    }


def _query(request: Request) -> dict[str, Any]:
    """The options, those that are JSON by custom as values."""
    return {name: request.json_option(name) if name in _JSON else text for name, text in request.query.items()}


def _form(request: Request, body: str | None) -> dict[str, str]:
    kind = request.header("content-type") or ""
    if not body or not kind.startswith("application/x-www-form-urlencoded"):
        return {}
    return dict(parse_qsl(body, keep_blank_values=True))


def _cookies(request: Request) -> dict[str, str]:
    pairs = (part.strip().partition("=") for part in (request.header("cookie") or "").split(";"))
    return {name: value.strip('"') for name, _, value in pairs if name}
