"""Replication over HTTP: once, for ever, and what goes on."""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any
from urllib.parse import quote

import msgspec

from server.store.errors import BadRequest, NotFound
from server.store.http.request import Request
from server.store.http.response import Response, json_response
from server.store.http.routing import Route
from server.store.replication import scheduler, task
from server.store.replication.scheduler import REPLICATOR, Job
from server.store.settings import NODE


async def replicate(request: Request) -> Response:
    """POST /_replicate"""
    request.require_admin()
    body = _addressed(request, await request.json_object())
    running = request.server.scheduler
    if body.get("cancel") is True:
        job_id = body.get("replication_id") or running.id_of(task.parse(body))
        running.cancel(str(job_id))
        return json_response({"ok": True, "_local_id": job_id})
    wanted = task.parse(body)
    if wanted.continuous:
        return json_response({"ok": True, "_local_id": running.begin(wanted, request.user.name)}, 202)
    return json_response(await _in_its_own_thread(lambda: running.once(wanted, request.user.name)))


def _addressed(request: Request, body: dict[str, Any]) -> dict[str, Any]:
    """The request with bare names as addresses of this server, reached with the credentials of who asks."""
    host, port = request.scope["server"]
    names = ("authorization", "cookie")
    headers = {name: given for name in names if (given := request.header(name)) is not None}
    sides: dict[str, Any] = {}
    for side in ("source", "target"):
        name = body.get(side)
        if isinstance(name, str) and name and "://" not in name:
            url = f"http://{f'[{host}]' if ':' in host else host}:{port}/{quote(name, safe='')}"
            sides[side] = {"url": url, "headers": headers}
    return {**body, **sides}


async def _in_its_own_thread(work: Callable[[], Any]) -> Any:
    """A replication may last for hours, and may ask this very store: it must not hold one of the shared threads."""
    answer: Future[Any] = Future()

    def run() -> None:
        try:
            answer.set_result(work())
        except Exception as error:
            answer.set_exception(error)

    threading.Thread(target=run, name="replicate once", daemon=True).start()
    return await asyncio.wrap_future(answer)


async def jobs(request: Request) -> Response:
    """GET /_scheduler/jobs, /_scheduler/docs and below"""
    request.require_admin()
    kind = request.parts[1:2]
    if kind == ("jobs",):
        return json_response(_page(request, "jobs", [scheduler.shown(job) for job in request.server.scheduler.jobs()]))
    if kind != ("docs",):
        raise NotFound("missing")
    rest = request.parts[2:]
    found = await asyncio.to_thread(_docs, request)
    if len(rest) < 2:
        return json_response(_page(request, "docs", found))
    doc_id = "/".join(rest[1:])
    for each in found:
        if rest[0] == REPLICATOR and each["doc_id"] == doc_id:
            return json_response(each)
    raise NotFound("missing")


def _page(request: Request, name: str, found: list[dict[str, Any]]) -> dict[str, Any]:
    skip = request.number("skip", 0)
    chosen = found[skip : skip + request.number("limit", 25)]
    return {"total_rows": len(found), "offset": skip, name: chosen}


def _docs(request: Request) -> list[dict[str, Any]]:
    """Every replication document with its state."""
    running = {job.doc_id: job for job in request.server.scheduler.jobs() if job.doc_id}
    if REPLICATOR not in request.server.catalog:
        return []
    db = request.server.catalog.open(REPLICATOR)
    found = []
    for change in db.changes_since(0, 1_000_000):
        if not change.deleted and not change.id.startswith("_design/"):
            found.append(_doc(msgspec.json.decode(change.body), running.get(change.id)))
    return found


def _doc(doc: dict[str, Any], job: Job | None) -> dict[str, Any]:
    state = job.state if job else doc.get("_replication_state", "initializing")
    reason = job.error if job else doc.get("_replication_state_reason")
    stats = job.run.stats.shown() if job else doc.get("_replication_stats")
    shown = {
        "database": REPLICATOR,
        "doc_id": doc["_id"],
        "id": job.id if job else doc.get("_replication_id"),
        "node": NODE,
        "source": _address(doc, "source"),
        "target": _address(doc, "target"),
        "state": state,
        "info": {"error": reason} if reason else stats,
        "error_count": job.error_count if job else 0,
        "last_updated": doc.get("_replication_state_time", job.started if job else None),
        "start_time": job.started if job else doc.get("_replication_state_time"),
        "source_proxy": None,
        "target_proxy": None,
    }
    return shown


def _address(doc: dict[str, Any], side: str) -> str | None:
    """An address without credentials."""
    try:
        wanted = task.parse(doc)
    except BadRequest:
        return None
    return wanted.source.url if side == "source" else wanted.target.url


routes = [
    Route("server", "_replicate", {"POST": replicate}),
    Route("server", "_scheduler", {"GET": jobs}),
]
