"""Signing in and out with a cookie."""

from typing import Any
from urllib.parse import parse_qsl

from server.store.errors import BadRequest, StoreError
from server.store.http.request import Request
from server.store.http.response import Response, json_response
from server.store.http.routing import Route

_FORM = "application/x-www-form-urlencoded"
_LONGEST_FORM = 1 << 20


async def show(request: Request) -> Response:
    """GET /_session"""
    user = request.user
    info: dict[str, Any] = {"authentication_handlers": ["cookie", "default"]}
    if user.name is not None:
        info["authenticated"] = user.handler
    ctx = {"name": user.name, "roles": list(user.roles)}
    return json_response({"ok": True, "userCtx": ctx, "info": info})


async def sign_in(request: Request) -> Response:
    """POST /_session with a form or JSON"""
    name, password = await _credentials(request)
    user = await request.server.authenticator.sign_in(name, password, request.peer)
    headers = {"set-cookie": cookie(request, name)}
    status = 200
    onwards = request.query.get("next")
    if onwards is not None and onwards.startswith("/") and not onwards.startswith(("//", "/\\")):
        status = 302
        headers["location"] = request.base_url() + onwards
    return json_response({"ok": True, "name": user.name, "roles": list(user.roles)}, status, headers)


async def sign_out(request: Request) -> Response:
    """DELETE /_session"""
    return json_response({"ok": True}, headers={"set-cookie": "AuthSession=; Version=1; Path=/; HttpOnly"})


async def _credentials(request: Request) -> tuple[str, str]:
    kind = (request.header("content-type") or "").partition(";")[0].strip()
    if kind == "application/json":
        form: dict[str, Any] = await request.json_object()
    elif kind == _FORM:
        text = await request.body(_LONGEST_FORM)
        form = dict(parse_qsl(text.decode("utf-8", "replace"), keep_blank_values=True))
    else:
        raise StoreError(
            415, "bad_content_type", "Content-Type must be 'application/x-www-form-urlencoded' or 'application/json'"
        )
    name, password = form.get("name", form.get("username")), form.get("password", "")
    if not isinstance(name, str) or not isinstance(password, str):
        raise BadRequest("request body must contain a username")
    return name, password


def cookie(request: Request, name: str) -> str:
    """A fresh session's cookie."""
    value = request.server.authenticator.cookie_for(name)
    seconds = request.server.settings.session_timeout
    return f"AuthSession={value}; Version=1; Max-Age={seconds}; Path=/; HttpOnly"


routes = [Route("server", "_session", {"GET": show, "POST": sign_in, "DELETE": sign_out})]
