"""The ASGI application: identify, authorize, dispatch, and turn errors into answers."""

import asyncio
import logging
import os
from collections import Counter
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import apsw

from server.store import auth
from server.store.auth import Authenticator
from server.store.catalog import Catalog
from server.store.database.failures import explain
from server.store.errors import StoreError
from server.store.events import Events
from server.store.feeds import Boards
from server.store.http import (
    all_docs,
    attachments,
    bulk,
    changes,
    databases,
    db_updates,
    documents,
    local,
    mango,
    node,
    replicate,
    server,
    sessions,
    updates,
    utils,
    views,
)
from server.store.http.overdue import Overdue
from server.store.http.request import Receive, Request
from server.store.http.response import Response, Send, error_response
from server.store.http.routing import Router
from server.store.javascript.pool import JavaScript
from server.store.replication.scheduler import Scheduler
from server.store.settings import Settings
from server.store.views import ViewServer

_log = logging.getLogger(__name__)
_ROOMS: tuple[Any, ...] = (
    server,
    sessions,
    node,
    db_updates,
    replicate,
    databases,
    documents,
    attachments,
    local,
    bulk,
    all_docs,
    changes,
    updates,
    utils,
    views,
    mango,
)
_SCRIPT_THREADS = 32
_TOO_LONG = "The request could not be processed in a reasonable amount of time."
#: What is meant to last, or to wait for news.
_LASTING = {("server", "_replicate"), ("server", "_db_updates"), ("database", "_changes")}
#: What those who do not administer `_users` may ask of it: single documents are checked one by one.
_OPEN_IN_USERS = {("document", ""), ("attachment", ""), ("database", ""), ("database", "_bulk_docs")}


@dataclass(slots=True)
class Server:
    """What handlers get at: the databases, who is who, and the helpers of the whole store."""

    folder: Path
    uuid: str
    catalog: Catalog
    authenticator: Authenticator
    events: Events
    scheduler: Scheduler
    settings: Settings
    javascript: JavaScript
    views: ViewServer
    admins: tuple[str, ...] = ()
    extra: dict[str, Any] = field(default_factory=dict)
    #: Where feeds wait for changes.
    boards: Boards = field(default_factory=Boards)
    #: For work that calls functions of design documents, so that it never keeps other work waiting.
    script_threads: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(_SCRIPT_THREADS, "script"))
    #: Feeds that wait for news; cancelling one ends its answer.
    feeds: set["asyncio.Future[None]"] = field(default_factory=set)
    #: What happened how often since the start.
    counts: Counter[str] = field(default_factory=Counter)


class App:
    """The store as an ASGI application."""

    def __init__(self, store: Server) -> None:
        self._store = store
        self._overdue = Overdue(store.settings.request_timeout)
        self._router = Router(route for room in _ROOMS for route in room.routes)

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            return
        try:
            request = Request(self._store, scope, receive)
            response = await self._answer(request)
            if request.user.wears_off and request.user.name is not None:
                response.headers.setdefault("set-cookie", sessions.cookie(request, request.user.name))
        except StoreError as error:
            response = error_response(error)
        except (apsw.Error, OSError) as error:
            response = error_response(explain(error, scope["path"]))
        except asyncio.CancelledError:
            # Nothing else interrupts a request here, and its time of grace is over.
            response = error_response(StoreError(503, "service_unavailable", "The store is stopping."))
        except Exception:
            _log.exception("%s %s failed", scope["method"], scope["path"])
            response = error_response(StoreError(500, "internal_server_error", "The log says more."))
        counts = self._store.counts
        counts["requests"] += 1
        counts["method " + scope["method"]] += 1
        counts[f"status {response.status}"] += 1
        with suppress(asyncio.CancelledError):
            await _send(response, scope, send)

    async def _answer(self, request: Request) -> Response:
        request.user = await self._store.authenticator.identify(request.headers, request.peer)
        place, handler = self._router.find(request)
        if place[0] != "server":
            self._enter(request, place)
        if place in _LASTING:
            return await handler(request)
        try:
            return await self._overdue.limit(handler(request))
        except TimeoutError:
            if request.is_listening:
                raise StoreError(408, "request_timeout", "The body did not come in time.") from None
            raise StoreError(500, "timeout", _TOO_LONG) from None

    def _enter(self, request: Request, place: tuple[str, str]) -> None:
        """Open the database that the request is about, if the user may read it."""
        name = request.parts[0]
        if len(request.parts) == 1 and request.method in ("PUT", "DELETE"):
            return
        request.db = self._store.catalog.open(name)
        auth.check_member(request.user, request.db.security())
        if name == "_users" and place not in _OPEN_IN_USERS:
            request.require_db_admin()


async def _send(response: Response, scope: dict[str, Any], send: Send) -> None:
    headers = response.headers
    headers.setdefault("cache-control", "must-revalidate")
    headers.setdefault("content-type", "application/json")
    headers["x-couch-request-id"] = os.urandom(5).hex()
    body = response.body
    if isinstance(body, bytes):
        headers["content-length"] = str(len(body))
    await send({"type": "http.response.start", "status": response.status, "headers": _raw(headers)})
    if isinstance(body, bytes):
        await send({"type": "http.response.body", "body": body})
    else:
        await _stream(body, scope, send)


async def _stream(body: AsyncIterator[bytes], scope: dict[str, Any], send: Send) -> None:
    if scope["method"] != "HEAD":
        try:
            async for piece in body:
                await send({"type": "http.response.body", "body": piece, "more_body": True})
        except StoreError as error:
            text = error_response(error).body
            await send({"type": "http.response.body", "body": text, "more_body": True})
    await send({"type": "http.response.body", "body": b""})


def _raw(headers: dict[str, str]) -> list[tuple[bytes, bytes]]:
    return [(name.encode("latin-1"), value.encode("latin-1", "replace")) for name, value in headers.items()]
