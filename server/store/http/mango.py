"""Queries by selector over HTTP: `_find`, `_explain`, `_index`."""

import asyncio
from collections.abc import Callable
from typing import Any

import msgspec

from server.store.database import drafts
from server.store.errors import BadRequest, MethodNotAllowed, NotFound, NotOffered, StoreError
from server.store.http import documents, reading
from server.store.http.request import Request
from server.store.http.response import Response, json_response, raw_json
from server.store.http.routing import Route
from server.store.http.views import check_users
from server.store.mango import explain as explaining
from server.store.mango import find as finding
from server.store.mango import indexes, plan
from server.store.mango.indexes import IndexDef
from server.store.mango.request import FindOptions, parse_find, parse_index
from server.store.views.index import Index

_encode = msgspec.json.encode


async def find(request: Request) -> Response:
    """POST /{db}/_find"""
    options, chosen = await _planned(request)
    ddoc = chosen.index.ddoc
    index = None if ddoc is None else request.server.views.index(request.db, ddoc)
    if index is not None and options.update and not index.is_fresh:
        await asyncio.wrap_future(request.server.views.freshen(index))
    found = await request.scripted(_run, request, index, chosen, options)
    return raw_json(found.answer(options, chosen.warnings))


async def explain(request: Request) -> Response:
    """POST /{db}/_explain"""
    options, known = await _asked(request)
    try:
        chosen = plan.choose(options, known)
    except BadRequest as error:
        if error.error != "no_usable_index":
            raise
        chosen = None
    shown: dict[str, Any] = {
        "dbname": request.db.name,
        "index": chosen.index.describe() if chosen else None,
        "partitioned": False,
        "selector": options.selector,
        "opts": _shown_options(options),
        "limit": options.limit,
        "skip": options.skip,
        "fields": list(options.fields),
        "index_candidates": explaining.candidates(options, known, chosen),
        "selector_hints": explaining.hints(options.selector),
    }
    if chosen is not None:
        covering = explaining.covers(chosen.index, options) is True
        shown |= {"mrargs": _shown_range(chosen, options, covering), "covering": covering}
    return json_response(shown)


async def list_indexes(request: Request) -> Response:
    """GET /{db}/_index"""
    if len(request.parts) > 2:
        raise NotFound("missing")
    found = indexes.listed(request.db.design_docs())
    skip, limit = request.number("skip", 0), request.number("limit", len(found))
    shown = [index.describe() for index in found[skip : skip + limit]]
    return json_response({"total_rows": len(found), "indexes": shown})


async def make_index(request: Request) -> Response:
    """POST /{db}/_index and …/_bulk_delete"""
    if len(request.parts) > 2 and request.parts[2:] != ("_bulk_delete",):
        raise NotFound("missing")
    body = await request.json_object()
    if len(request.parts) > 2:
        return await _bulk_delete(request, body)
    asked = parse_index(body)
    if asked.type != "json":
        raise NotOffered(
            "This store has no text indexes. Make an index of type json, or use Apache CouchDB with Nouveau."
        )
    index = indexes.asked_for(asked.index, asked.ddoc, asked.name)
    doc = _design(request, index.ddoc) or {"_id": index.ddoc, "language": "query", "views": {}}
    if doc.get("language") != "query":
        raise BadRequest(f"{index.ddoc} is a design document of another language.", "invalid_design_doc")
    if index in indexes.of_design(doc):
        return json_response({"result": "exists", "id": index.ddoc, "name": index.name})
    doc.setdefault("views", {})[index.name] = index.view(asked.index)
    await _store(request, doc)
    return json_response({"result": "created", "id": index.ddoc, "name": index.name})


async def delete_index(request: Request) -> Response:
    """DELETE /{db}/_index/{ddoc}/json/{name}"""
    rest = request.parts[2:]
    if not rest:
        raise MethodNotAllowed("GET,POST")
    if rest[:1] == ("_design",):
        rest = rest[1:]
    if len(rest) != 3 or rest[1] != "json":
        raise NotFound("missing")
    ddoc = rest[0] if rest[0].startswith("_design/") else f"_design/{rest[0]}"
    doc = _design(request, ddoc)
    if doc is None or rest[2] not in [index.name for index in indexes.of_design(doc)]:
        raise NotFound("missing")
    del doc["views"][rest[2]]
    await _store(request, doc if doc["views"] else {**doc, "_deleted": True})
    return json_response({"ok": True})


async def _bulk_delete(request: Request, body: dict[str, Any]) -> Response:
    if not isinstance(body.get("docids"), list):
        raise BadRequest("Missing required key: docids", "missing_required_key")
    request.require_db_admin()
    done, failed = [], []
    for name in body["docids"]:
        ddoc = name if str(name).startswith("_design/") else f"_design/{name}"
        doc = _design(request, ddoc)
        if doc is None or not indexes.of_design(doc):
            failed.append({"id": ddoc, "error": "not_found"})
            continue
        try:
            await _store(request, {"_id": ddoc, "_rev": doc["_rev"], "_deleted": True})
            done.append({"id": ddoc, "ok": True})
        except StoreError as exc:
            failed.append({"id": ddoc, "error": exc.error})
    return json_response({"success": done, "fail": failed})


async def _planned(request: Request) -> tuple[FindOptions, plan.Plan]:
    options, known = await _asked(request)
    return options, plan.choose(options, known)


async def _asked(request: Request) -> tuple[FindOptions, list[IndexDef]]:
    """The query, and the indexes that there are."""
    check_users(request)
    options = parse_find(await request.json_object())
    return options, indexes.listed(request.db.design_docs())


def _run(request: Request, index: Index | None, chosen: plan.Plan, options: FindOptions) -> finding.Found:
    return finding.run(request.db, index, chosen, options, request.server.javascript.select, _conflicts(request))


def _conflicts(request: Request) -> Callable[[str, bytes], bytes]:
    def with_conflicts(doc_id: str, body: bytes) -> bytes:
        found = request.db.winner(doc_id)
        return body if found is None else reading.document(request.db, found, {"conflicts": True})

    return with_conflicts


def _design(request: Request, ddoc: str | None) -> dict[str, Any] | None:
    body = request.db.get_winner(ddoc) if ddoc else None
    return None if body is None else msgspec.json.decode(body)


async def _store(request: Request, doc: dict[str, Any]) -> None:
    await documents.store(request, drafts.parse(drafts.minify(_encode(doc))))


def _shown_options(options: FindOptions) -> dict[str, Any]:
    return {
        "use_index": [name.removeprefix("_design/") for name in options.use_index],
        "bookmark": options.bookmark or "nil",
        "limit": options.limit,
        "skip": options.skip,
        "sort": dict(options.sort),
        "fields": list(options.fields),
        "partition": options.partition,
        "r": options.r,
        "conflicts": options.conflicts,
        "stale": False,
        "update": options.update,
        "stable": options.stable,
        "execution_stats": options.execution_stats,
        "allow_fallback": options.allow_fallback,
    }


def _shown_range(chosen: plan.Plan, options: FindOptions, covering: bool) -> dict[str, Any]:
    start, end = chosen.start_key(), chosen.end_key()
    if options.descending:
        start, end = end, start
    return {
        "include_docs": not covering,
        "view_type": "map",
        "reduce": False,
        "partition": None,
        "start_key": (start[0] if start else None) if chosen.index.is_special else start,
        "end_key": (end[0] if end else None) if chosen.index.is_special else end,
        "direction": "rev" if options.descending else "fwd",
        "stable": options.stable,
        "update": options.update,
        "conflicts": options.conflicts or "undefined",
    }


routes = [
    Route("database", "_find", {"POST": find}),
    Route("database", "_explain", {"POST": explain}),
    Route("database", "_index", {"GET": list_indexes, "POST": make_index, "DELETE": delete_index}, "GET,POST"),
]
