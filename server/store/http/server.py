"""What the server says about itself and its databases as a whole."""

from typing import Any
from uuid import uuid4

from server.store.errors import BadRequest
from server.store.http import databases
from server.store.http.request import Request
from server.store.http.response import Response, json_response
from server.store.http.routing import Route
from server.store.replication.scheduler import active_task
from server.store.settings import NODE

#: The version of CouchDB whose protocol this is; clients choose their ways by it.
PROTOCOL = "3.5.0"
_MAX_UUIDS = 1000
_MAX_KEYS = 100


async def welcome(request: Request) -> Response:
    """GET /"""
    return json_response(
        {
            "couchdb": "Welcome",
            "version": PROTOCOL,
            "git_sha": "embedded",
            "uuid": request.server.uuid,
            "features": ["quickjs"],
            "vendor": {"name": "crashfarm"},
        }
    )


async def up(request: Request) -> Response:
    """GET /_up"""
    return json_response({"status": "ok", "seeds": {}})


async def uuids(request: Request) -> Response:
    """GET /_uuids"""
    text = request.query.get("count", "1")
    if not text.isdigit():
        raise BadRequest("count must be a positive integer")
    count = int(text)
    if count > _MAX_UUIDS:
        raise BadRequest("count parameter too large")
    headers = {
        "cache-control": "no-cache",
        "pragma": "no-cache",
        "expires": "Mon, 01 Jan 1990 00:00:00 GMT",
        "etag": f'"{uuid4().hex}"',
    }
    return json_response({"uuids": [uuid4().hex for _ in range(count)]}, headers=headers)


async def all_dbs(request: Request) -> Response:
    """GET /_all_dbs"""
    request.require_admin()
    return json_response(_slice(request, request.server.catalog.names()))


async def dbs_info(request: Request) -> Response:
    """GET and POST /_dbs_info"""
    request.require_admin()
    catalog = request.server.catalog
    if request.method == "POST":
        keys = _keys(await request.json_object())
    elif "keys" in request.query:
        keys = _keys({"keys": request.json_option("keys")})
    else:
        keys = _slice(request, catalog.names())
    return json_response([_one_info(request, key) for key in keys])


async def active_tasks(request: Request) -> Response:
    """GET /_active_tasks"""
    request.require_admin()
    replications = [active_task(job) for job in request.server.scheduler.jobs()]
    return json_response(replications + request.server.views.active_tasks())


async def membership(request: Request) -> Response:
    """GET /_membership"""
    request.require_admin()
    return json_response({"all_nodes": [NODE], "cluster_nodes": [NODE]})


def _keys(body: dict[str, Any]) -> list[Any]:
    if "keys" not in body:
        raise BadRequest("`keys` member must exist.")
    keys = body["keys"]
    if not isinstance(keys, list):
        raise BadRequest("`keys` member must be an array.")
    if len(keys) > _MAX_KEYS:
        raise BadRequest("too_many_keys")
    return keys


def _one_info(request: Request, key: Any) -> dict[str, Any]:
    catalog = request.server.catalog
    if not isinstance(key, str) or key not in catalog:
        return {"key": key, "error": "not_found"}
    return {"key": key, "info": databases.info_of(catalog.open(key))}


def _slice(request: Request, names: list[str]) -> list[str]:
    """Names by startkey, endkey, descending, skip and limit."""
    query = request.query
    start, end = ("startkey", "endkey")
    low = _bound(request.json_option(start)) if start in query else None
    high = _bound(request.json_option(end)) if end in query else None
    if request.flag("descending"):
        names = names[::-1]
        low, high = high, low
    names = [name for name in names if (low is None or name >= low) and (high is None or name <= high)]
    if not request.flag("inclusive_end", True):
        names = [name for name in names if name != request.json_option(end)]
    skip = request.number("skip", 0)
    return names[skip : skip + request.number("limit", len(names))]


def _bound(key: Any) -> str | None:
    """A key as the bound of a range of names: what is not a string stands before or after all of them."""
    if key is None or isinstance(key, str):
        return key
    return "\U0010ffff" if isinstance(key, list | dict) else ""


routes = [
    Route("server", "", {"GET": welcome}),
    Route("server", "_up", {"GET": up}),
    Route("server", "_uuids", {"GET": uuids}, "GET"),
    Route("server", "_all_dbs", {"GET": all_dbs}),
    Route("server", "_dbs_info", {"GET": dbs_info, "POST": dbs_info}),
    Route("server", "_active_tasks", {"GET": active_tasks}),
    Route("server", "_membership", {"GET": membership}, "GET"),
]
