"""Signing in and out with a cookie."""

from typing import Any
from urllib.parse import parse_qsl

from server.store.errors import BadRequest
from server.store.http.request import Request
from server.store.http.response import Response, json_response
from server.store.http.routing import Route


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
    user = await request.server.authenticator.sign_in(name, password)
    cookie = request.server.authenticator.cookie_for(name)
    answer = {"ok": True, "name": None if user.is_admin and not user.name else user.name, "roles": list(user.roles)}
    return json_response(answer, headers={"set-cookie": f"AuthSession={cookie}; Version=1; Path=/; HttpOnly"})


async def sign_out(request: Request) -> Response:
    """DELETE /_session"""
    return json_response({"ok": True}, headers={"set-cookie": "AuthSession=; Version=1; Path=/; HttpOnly"})


async def _credentials(request: Request) -> tuple[str, str]:
    kind = request.header("content-type") or ""
    if kind.startswith("application/json"):
        form = await request.json_object()
    else:
        form = dict(parse_qsl((await request.body(1 << 20)).decode("utf-8", "replace"), keep_blank_values=True))
    name = form.get("name", form.get("username", ""))
    password = form.get("password", "")
    if not isinstance(name, str) or not isinstance(password, str):
        raise BadRequest("Name and password must be strings")
    return name, password


routes = [Route("server", "_session", {"GET": show, "POST": sign_in, "DELETE": sign_out})]
