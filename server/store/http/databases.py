"""Databases as a whole: making, deleting, describing, who may do what, upkeep."""

import asyncio
from typing import Any
from urllib.parse import quote

from server.store.catalog import check_name
from server.store.database import Database
from server.store.errors import BadRequest, StoreError
from server.store.http.request import Request
from server.store.http.response import Response, json_response
from server.store.http.routing import Route


async def create(request: Request) -> Response:
    """PUT /{db}"""
    name = request.parts[0]
    request.require_admin()
    check_name(name)
    for option in ("q", "n"):
        given = request.query.get(option, "1")
        if not given.isdigit() or int(given) < 1:
            raise BadRequest(f"The `{option}` value should be a positive integer.")
    await asyncio.to_thread(request.server.catalog.create, name)
    location = f"{request.base_url()}/{quote(name, safe='')}"
    return json_response({"ok": True}, 201, {"location": location})


async def delete(request: Request) -> Response:
    """DELETE /{db}"""
    request.require_admin()
    if "rev" in request.query:
        reason = "You tried to DELETE a database with a ?=rev parameter. Did you mean to DELETE a document instead?"
        raise BadRequest(reason)
    name = request.parts[0]
    uuid = await asyncio.to_thread(request.server.catalog.delete, name)
    if uuid is not None:
        await asyncio.to_thread(request.server.views.database_deleted, uuid)
    return json_response({"ok": True})


async def info(request: Request) -> Response:
    """GET /{db}"""
    return json_response(info_of(request.db))


async def get_security(request: Request) -> Response:
    """GET /{db}/_security"""
    return json_response(request.db.security())


async def put_security(request: Request) -> Response:
    """PUT /{db}/_security"""
    request.require_db_admin()
    value = await request.json()
    if not isinstance(value, dict):
        raise BadRequest("Request body must be a JSON object")
    _check_security(value)
    await asyncio.to_thread(request.db.set_security_now, value)
    return json_response({"ok": True})


async def get_revs_limit(request: Request) -> Response:
    """GET /{db}/_revs_limit"""
    return json_response(request.db.revs_limit())


async def put_revs_limit(request: Request) -> Response:
    """PUT /{db}/_revs_limit"""
    request.require_db_admin()
    value = await request.json()
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise BadRequest("Rev limit has to be an integer")
    await asyncio.to_thread(request.db.set_revs_limit_now, value)
    return json_response({"ok": True})


async def get_purged_limit(request: Request) -> Response:
    """GET /{db}/_purged_infos_limit"""
    return json_response(request.db.purged_limit())


async def put_purged_limit(request: Request) -> Response:
    """PUT /{db}/_purged_infos_limit"""
    request.require_db_admin()
    value = await request.json()
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise BadRequest("`purged_infos_limit` must be positive integer")
    await asyncio.to_thread(request.db.set_purged_limit_now, value)
    return json_response({"ok": True})


async def compact(request: Request) -> Response:
    """POST /{db}/_compact"""
    request.require_json()
    request.require_db_admin()
    await request.body()
    if request.db.begin_compaction():
        asyncio.get_running_loop().run_in_executor(None, request.db.compact_now)
    return json_response({"ok": True}, 202)


async def ensure_full_commit(request: Request) -> Response:
    """POST /{db}/_ensure_full_commit: every acknowledged write is on disk already"""
    request.require_json()
    await request.body()
    return json_response({"ok": True, "instance_start_time": request.db.created}, 201)


def info_of(db: Database) -> dict[str, Any]:
    """What GET /{db} says."""
    return {
        "instance_start_time": db.created,
        "db_name": db.name,
        "purge_seq": db.seq_text(db.purge_seq()),
        "update_seq": db.seq_text(db.update_seq()),
        "sizes": db.sizes(),
        "props": {},
        "doc_del_count": db.del_count(),
        "doc_count": db.doc_count(),
        "disk_format_version": 8,
        "compact_running": db.compacting(),
        "cluster": {"q": 1, "n": 1, "w": 1, "r": 1},
    }


def _check_security(value: dict[str, Any]) -> None:
    for section in ("admins", "members"):
        part = value.get(section, {})
        if not isinstance(part, dict):
            raise StoreError(400, "bad_request", f"{section} must be a JSON object")
        for field in ("names", "roles"):
            items = part.get(field, [])
            if not isinstance(items, list) or not all(isinstance(item, str) for item in items):
                raise StoreError(400, "bad_request", f"{field} must be a JSON list of strings")


routes = [
    Route("database", "", {"GET": info, "PUT": create, "DELETE": delete}, "DELETE,GET,HEAD,POST"),
    Route("database", "_purged_infos_limit", {"GET": get_purged_limit, "PUT": put_purged_limit}, "GET,PUT"),
    Route("database", "_security", {"GET": get_security, "PUT": put_security}, "PUT,GET"),
    Route("database", "_revs_limit", {"GET": get_revs_limit, "PUT": put_revs_limit}, "PUT,GET"),
    Route("database", "_compact", {"POST": compact}),
    Route("database", "_ensure_full_commit", {"POST": ensure_full_commit}),
]
