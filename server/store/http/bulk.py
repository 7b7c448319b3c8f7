"""Many documents at once: writing, reading, what another replica lacks, purging."""

from typing import Any
from uuid import uuid4

import msgspec

from server.store.database import drafts
from server.store.database.drafts import Draft
from server.store.database.writes import DocumentsWrite, LocalWrite, PurgeWrite
from server.store.errors import BadRequest, StoreError, TooLarge
from server.store.http import documents, reading
from server.store.http.depth import check_depth
from server.store.http.request import Request
from server.store.http.response import Response, json_response, raw_json
from server.store.http.routing import Route
from server.store.revisions import Tree, contains, parse_rev

_encode = msgspec.json.Encoder().encode
_OPTIONS = ("revs", "attachments", "att_encoding_info")


async def bulk_docs(request: Request) -> Response:
    """POST /{db}/_bulk_docs"""
    members = _object(await request.text(nested=False))
    if "docs" not in members:
        raise BadRequest("POST body must include `docs` parameter.")
    texts = drafts.split_list(members["docs"])
    if texts is None:
        raise BadRequest("`docs` parameter must be an array.")
    if len(texts) > request.server.settings.max_bulk_documents:
        raise TooLarge(
            f"More than {request.server.settings.max_bulk_documents} documents.", "max_bulk_docs_count_exceeded"
        )
    new_edits = _new_edits(request, members)
    if bytes(members.get("all_or_nothing", b"")) == b"true":
        return _not_all_or_nothing(texts)
    batch = [_draft(request, bytes(text)) for text in texts]
    await _check_writable(request, batch)
    if not new_edits:
        for draft in batch:
            documents.check_replicated(draft)
    results = await _write(request, batch, not new_edits)
    shown = zip(batch, results, strict=True)
    if new_edits:
        rows = [_outcome(draft, result) for draft, result in shown]
    else:
        rows = [_refused(draft, result) for draft, result in shown if isinstance(result, StoreError)]
    return raw_json(b"[" + b",".join(rows) + b"]", 201)


async def bulk_get(request: Request) -> Response:
    """POST /{db}/_bulk_get"""
    body = await request.json_object()
    asked = body.get("docs")
    if not isinstance(asked, list):
        raise BadRequest("Missing JSON list of 'docs'.")
    rows = [_bulk_get_one(request, each) for each in asked]
    return raw_json(b'{"results":[' + b",".join(rows) + b"]}")


async def missing_revs(request: Request) -> Response:
    """POST /{db}/_missing_revs"""
    lacking = _lacking(request, await request.json_object())
    return json_response({"missing_revs": {doc_id: missing for doc_id, missing, _ in lacking if missing}})


async def revs_diff(request: Request) -> Response:
    """POST /{db}/_revs_diff"""
    answer: dict[str, dict[str, list[str]]] = {}
    for doc_id, missing, tree in _lacking(request, await request.json_object()):
        if missing:
            answer[doc_id] = {"missing": missing}
            ancestors = _possible_ancestors(tree, missing)
            if ancestors:
                answer[doc_id]["possible_ancestors"] = ancestors
    return json_response(answer)


async def purge(request: Request) -> Response:
    """POST /{db}/_purge"""
    request.require_db_admin()
    wanted = await request.json_object()
    for revs in wanted.values():
        _check_revs(revs)
    gone = await request.db.write(PurgeWrite(wanted, lambda: uuid4().hex))
    return json_response({"purge_seq": None, "purged": gone}, 201)


def _object(text: bytes) -> dict[str, msgspec.Raw]:
    if not text.startswith(b"{"):
        raise BadRequest("Request body must be a JSON object")
    return drafts.split_members(text)


def _not_all_or_nothing(texts: list[msgspec.Raw]) -> Response:
    reason = "all_or_nothing is not supported"
    refused = [{"id": drafts.parse(text).id, "error": "not_implemented", "reason": reason} for text in texts]
    return json_response(refused, 417)


def _new_edits(request: Request, members: dict[str, msgspec.Raw]) -> bool:
    given = bytes(members.get("new_edits", b"true"))
    if given not in (b"true", b"false"):
        raise BadRequest("`new_edits` parameter must be a boolean.")
    return given == b"true" and request.query.get("new_edits") != "false"


async def _write(request: Request, batch: list[Draft], replicated: bool) -> list[str | StoreError]:
    """Write documents and, apart from them, those that are local."""
    ordinary = [draft for draft in batch if not draft.id.startswith("_local/")]
    written = request.db.write(DocumentsWrite(ordinary, replicated, request.user_ctx()))
    if len(ordinary) == len(batch):
        results: list[str | StoreError] = await written
        return results
    by_draft: dict[int, str | StoreError] = dict(zip(map(id, ordinary), await written, strict=True))
    for draft in batch:
        if id(draft) not in by_draft:
            by_draft[id(draft)] = await _write_local(request, draft)
    return [by_draft[id(draft)] for draft in batch]


async def _write_local(request: Request, draft: Draft) -> str | StoreError:
    body = None if draft.deleted else draft.body
    try:
        rev: str = await request.db.write(LocalWrite(draft.id.removeprefix("_local/"), body, draft.rev))
    except StoreError as error:
        return error
    return rev


def _draft(request: Request, text: bytes) -> Draft:
    settings = request.server.settings
    check_depth(text, settings.max_json_depth)
    draft = drafts.parse(text)
    if len(draft.body) > settings.max_document_size:
        raise TooLarge(draft.id, "document_too_large")
    draft.id = draft.id or uuid4().hex
    documents.check_id(draft.id, settings.max_document_id_length)
    return draft


async def _check_writable(request: Request, batch: list[Draft]) -> None:
    for draft in batch if documents.has_rules(request) else [each for each in batch if each.id[0] == "_"]:
        try:
            await documents.check_writable(request, draft)
        except StoreError as error:
            draft.refusal = error


def _outcome(draft: Draft, result: str | StoreError) -> bytes:
    doc_id = _encode(draft.id)
    if isinstance(result, StoreError):
        return b'{"id":%s,"error":%s,"reason":%s}' % (doc_id, _encode(result.error), _encode(result.reason))
    return b'{"ok":true,"id":%s,"rev":"%s"}' % (doc_id, result.encode())


def _refused(draft: Draft, error: StoreError) -> bytes:
    """A replicated document that was not written."""
    start, names = draft.revisions or (0, ())
    rev = f"{start}-{names[0]}" if names else draft.rev or ""
    return _encode({"id": draft.id, "rev": rev, "error": error.error, "reason": error.reason})


def _bulk_get_one(request: Request, asked: Any) -> bytes:
    doc_id = asked.get("id") if isinstance(asked, dict) else None
    if not isinstance(doc_id, str):
        return b'{"id":null,"docs":[%s]}' % _bulk_get_item(None, None, "bad_request", "document id missed")
    tree = request.db.tree(doc_id)
    rev = asked.get("rev")
    if rev is not None and not _is_rev(rev):
        items = [_bulk_get_item(doc_id, str(rev), "bad_request", "Invalid rev format")]
    elif not tree:
        items = [_bulk_get_item(doc_id, rev or "undefined", "not_found", "missing")]
    else:
        revs = [rev] if rev else [each.rev for each in tree]
        revs = reading.latest_of(tree, revs) if request.is_true("latest") else revs
        items = [_bulk_get_rev(request, doc_id, each) for each in revs]
    return b'{"id":%s,"docs":[%s]}' % (_encode(doc_id), b",".join(items))


def _is_rev(value: Any) -> bool:
    try:
        parse_rev(value if isinstance(value, str) else "")
    except BadRequest:
        return False
    return True


def _bulk_get_rev(request: Request, doc_id: str, rev: str) -> bytes:
    found = request.db.stored(doc_id, rev)
    if found is None or found.rev != rev:
        return _bulk_get_item(doc_id, rev, "not_found", "missing")
    options = {name: request.is_true(name) for name in _OPTIONS}
    return b'{"ok":%s}' % reading.document(request.db, found, options)


def _bulk_get_item(doc_id: str | None, rev: str | None, error: str, reason: str) -> bytes:
    return b'{"error":%s}' % _encode({"id": doc_id, "rev": rev, "error": error, "reason": reason})


def _lacking(request: Request, asked: dict[str, Any]) -> list[tuple[str, list[str], Tree]]:
    found = []
    for doc_id, revs in asked.items():
        _check_revs(revs)
        tree = request.db.tree(doc_id)
        missing = [rev for rev in revs if not contains(tree, *parse_rev(rev))]
        found.append((doc_id, missing, tree))
    return found


def _possible_ancestors(tree: Tree, missing: list[str]) -> list[str]:
    """Leaves from which a missing revision may have come."""
    highest = max(parse_rev(rev)[0] for rev in missing)
    return [each.rev for each in tree if each.pos < highest]


def _check_revs(revs: Any) -> None:
    if not isinstance(revs, list) or not all(isinstance(rev, str) for rev in revs):
        raise BadRequest("Revisions must be a list of strings")
    for rev in revs:
        parse_rev(rev)


routes = [
    Route("database", "_bulk_docs", {"POST": bulk_docs}),
    Route("database", "_bulk_get", {"POST": bulk_get}),
    Route("database", "_missing_revs", {"POST": missing_revs}),
    Route("database", "_revs_diff", {"POST": revs_diff}),
    Route("database", "_purge", {"POST": purge}),
]
