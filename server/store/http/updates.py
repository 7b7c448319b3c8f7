"""Update handlers: a design document's function decides what is written, and what is answered."""

import base64
from typing import Any

import msgspec

from server.store.database import drafts
from server.store.errors import StoreError
from server.store.http import documents, filters
from server.store.http.request import Request
from server.store.http.response import Response
from server.store.http.routing import Route

_HTML = "text/html; charset=utf-8"
_SANDBOX = "sandbox"


async def update(request: Request) -> Response:
    """Any method that may write, at /{db}/_design/{ddoc}/_update/{name} and …/{id}"""
    if len(request.parts) < 5:
        raise StoreError(404, "update_error", "Invalid path.")
    ddoc, name, doc_id = request.parts[2], request.parts[4], "/".join(request.parts[5:]) or None
    text = filters.designed(request.db, ddoc, "updates", name)
    if request.method in ("GET", "HEAD"):
        raise StoreError(405, "method_not_allowed", "Update functions do not allow GET")
    body = (await request.plain_body()).decode("utf-8", "replace")
    req = filters.request_object(request, body) | {"id": doc_id}
    old = request.db.get_winner(doc_id) if doc_id else None
    new, answer = await request.scripted(request.server.javascript.update, text, name, old, req)
    if new is None:
        return _answer(answer, 200, {})
    return await _written(request, new, answer)


async def _written(request: Request, new: bytes, answer: Any) -> Response:
    draft = drafts.parse(request.minified(new))
    stored = await documents.store(request, draft)
    rev = stored.headers["etag"].strip('"')
    return _answer(answer, 201, {"x-couch-id": draft.id, "x-couch-update-newrev": rev})


def _answer(answer: Any, status: int, headers: dict[str, str]) -> Response:
    """What the function wants answered: a text, or an object with code, headers, and body, json or base64."""
    if isinstance(answer, str):
        answer = {"body": answer}
    if not isinstance(answer, dict):
        raise StoreError(500, "render_error", "undefined response")
    own = answer.get("headers")
    given = {str(name).lower(): str(value) for name, value in own.items()} if isinstance(own, dict) else {}
    kind, body = _body(answer)
    code = answer.get("code")
    chosen = {"content-type": kind, "content-security-policy": _SANDBOX} | given | headers
    return Response(code if isinstance(code, int) and 100 <= code < 600 else status, body, chosen)


def _body(answer: dict[str, Any]) -> tuple[str, bytes]:
    if "json" in answer:
        return "application/json", msgspec.json.encode(answer["json"])
    if "base64" in answer:
        return "application/binary", base64.b64decode(str(answer["base64"]))
    return _HTML, str(answer.get("body", "")).encode()


_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "COPY")

routes = [Route("design", "_update", dict.fromkeys(_METHODS, update), "POST,PUT")]
