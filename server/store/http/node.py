"""What the one node says about itself: `/_node/_local/…`. Secrets are never shown."""

import os
import time
from dataclasses import fields
from typing import Any

from server.store.errors import BadRequest, MethodNotAllowed, NotFound
from server.store.http.request import Request
from server.store.http.response import Response, json_response
from server.store.http.routing import Route
from server.store.settings import NODE

_STARTED = time.monotonic()
_DESCRIPTIONS = {
    "requests": "number of HTTP requests",
    "bulk_requests": "number of bulk requests",
    "view_reads": "number of view reads",
    "clients_requesting_changes": "number of clients for continuous _changes",
}


async def node(request: Request) -> Response:
    """GET /_node/_local and below"""
    request.require_admin()
    parts = request.parts[1:]
    if not parts or parts[0] not in ("_local", NODE):
        raise NotFound("no such node: " + (parts[0] if parts else ""))
    if len(parts) == 1:
        return json_response({"name": NODE})
    if parts[1] == "_system":
        return json_response(_system())
    if parts[1] == "_stats":
        return json_response(_below(_stats(request), parts[2:]))
    if parts[1] == "_config":
        return json_response(_config(request, parts[2:]))
    raise NotFound("missing")


async def change(request: Request) -> Response:
    """PUT and DELETE below /_node/_local/_config: the store is set up when it starts, not over HTTP"""
    request.require_admin()
    raise MethodNotAllowed("GET,HEAD")


def _system() -> dict[str, Any]:
    # Loaded when somebody asks, for a start should be short.
    import psutil

    process = psutil.Process(os.getpid())
    memory = process.memory_info()
    return {
        "uptime": int(time.monotonic() - _STARTED),
        "memory": {"processes": memory.rss, "processes_used": memory.rss, "other": 0},
        "process_count": process.num_threads(),
        "os_proc_count": len(process.children()),
        "stale_proc_count": 0,
        "run_queue": 0,
        "message_queues": {},
    }


def _stats(request: Request) -> dict[str, Any]:
    counts = request.server.counts
    shown = {name: _counter(counts.get(name, 0), text) for name, text in _DESCRIPTIONS.items()}
    methods = {name.partition(" ")[2]: _counter(n) for name, n in counts.items() if name.startswith("method ")}
    codes = {name.partition(" ")[2]: _counter(n) for name, n in counts.items() if name.startswith("status ")}
    return {
        "couchdb": {
            "httpd": shown,
            "httpd_request_methods": methods,
            "httpd_status_codes": codes,
            "open_databases": _counter(len(request.server.catalog.names()), "number of open databases"),
        }
    }


def _counter(value: int, text: str = "") -> dict[str, Any]:
    return {"value": value, "type": "counter", "desc": text}


def _below(value: Any, path: tuple[str, ...]) -> Any:
    for step in path:
        if not isinstance(value, dict) or step not in value:
            raise NotFound("missing")
        value = value[step]
    return value


def _config(request: Request, path: tuple[str, ...]) -> Any:
    settings = request.server.settings
    own = {each.name: str(getattr(settings, each.name)) for each in fields(settings)}
    sections = {
        "couchdb": {
            "uuid": request.server.uuid,
            "max_document_size": own["max_document_size"],
            "single_node": "true",
        },
        "chttpd": {"max_http_request_size": own["max_request_size"]},
        "couch_httpd_auth": {"timeout": own["session_timeout"], "authentication_db": "_users"},
        "admins": {name: "hidden" for name in request.server.admins},
        "log": {"level": "warning"},
        "vendor": {"name": "crashfarm"},
        "crashfarm": own,
    }
    if len(path) > 2:
        raise BadRequest("A configuration value is found by section and key.")
    section = sections.get(path[0], {}) if path else sections
    if len(path) < 2:
        return section
    if path[1] not in section:
        raise NotFound("unknown_config_value")
    return section[path[1]]


routes = [Route("server", "_node", {"GET": node, "PUT": change, "DELETE": change, "POST": change})]
