"""Single documents."""

import asyncio
from typing import Any
from urllib.parse import quote, unquote, urlsplit
from uuid import uuid4

import msgspec

from server.store import auth
from server.store.database import Database, Stored, drafts
from server.store.database.blobs import Incoming
from server.store.database.drafts import Draft
from server.store.database.writes import DocumentsWrite
from server.store.errors import BadRequest, NotFound, NotOffered, StoreError, TooLarge
from server.store.http import contents, multipart, reading
from server.store.http.request import Request
from server.store.http.response import Response, raw_json
from server.store.http.routing import Route
from server.store.revisions import parse_rev

_encode = msgspec.json.Encoder().encode
METHODS = "DELETE,GET,HEAD,POST,PUT,COPY"


async def get(request: Request) -> Response:
    """GET /{db}/{id}"""
    doc_id = document_id(request)
    if request.query:
        return await reading.read(request, doc_id)
    found = request.db.winner(doc_id)
    check_readable(request, doc_id)
    if found is None:
        raise NotFound("missing")
    if found.deleted:
        raise NotFound("deleted")
    tag = f'"{found.rev}"'
    if request.headers.get(b"if-none-match") == tag.encode():
        return Response(304, b"", {"etag": tag})
    return raw_json(found.json(), 200, {"etag": tag})


async def put(request: Request) -> Response:
    """PUT /{db}/{id}"""
    doc_id = document_id(request)
    draft = await draft_of(request, doc_id)
    draft.rev = given_rev(request, draft.rev)
    return await store(request, draft)


async def post(request: Request) -> Response:
    """POST /{db}"""
    request.require_json()
    draft = drafts.parse(request.minified(await document_body(request)))
    if not draft.id:
        draft.id = uuid4().hex
        # Nobody can have based a new document on anything.
        draft.rev = None if request.query.get("new_edits") != "false" else draft.rev
    return await store(request, draft)


async def post_form(request: Request) -> Response:
    """POST /{db}/{id}: a form with files, from a page of this very server; the store takes PUT only."""
    referer = request.header("referer")
    if referer is None:
        raise BadRequest("Referer header required.")
    if urlsplit(referer).netloc != urlsplit(request.base_url()).netloc:
        raise BadRequest("Referer header must match host.")
    check_id(document_id(request), request.server.settings.max_document_id_length)
    if not (request.header("content-type") or "").startswith("multipart/form-data"):
        raise StoreError(415, "bad_content_type", "Content-Type must be multipart/form-data")
    raise NotOffered("This store takes no forms. PUT the document, or the attachment.")


async def delete(request: Request) -> Response:
    """DELETE /{db}/{id}"""
    doc_id = document_id(request)
    living(request.db, doc_id)
    draft = Draft(doc_id, b"", deleted=True, rev=given_rev(request, None))
    return await store(request, draft)


async def copy(request: Request) -> Response:
    """COPY /{db}/{id} with the header Destination"""
    asked = given_rev(request, None)
    target, rev = destination(request)
    source = reading.chosen(request, document_id(request), asked)
    draft = Draft(target, source.body, rev=rev)
    kept = source.kept()
    for name, each in kept.items():
        data = await contents.copied(request, each)
        draft.attachments[name] = Incoming(each.content_type, data, each.encoding, each.length, each.digest)
    return await store(request, draft)


async def store(request: Request, draft: Draft) -> Response:
    """Write one document and answer with its new revision."""
    check_id(draft.id, request.server.settings.max_document_id_length)
    await check_writable(request, draft)
    replicated = request.query.get("new_edits") == "false"
    if replicated:
        check_replicated(draft)
    answer = request.db.write(DocumentsWrite([draft], replicated, request.user_ctx()))
    if request.query.get("batch") == "ok":
        answer.add_done_callback(_heard)
        return raw_json(b'{"ok":true,"id":%s}' % _encode(draft.id), 202, {"location": location(request, draft.id)})
    result = (await answer)[0]
    if isinstance(result, StoreError):
        raise result
    headers = {"etag": f'"{result}"', "location": location(request, draft.id)}
    status = 200 if draft.deleted and request.method != "POST" else 201
    body = b'{"ok":true,"id":%s,"rev":"%s"}' % (_encode(draft.id), result.encode())
    return raw_json(body, status, headers)


async def draft_of(request: Request, doc_id: str) -> Draft:
    """The document in a request's body, which may be multipart."""
    if (request.header("content-type") or "").startswith("multipart/related"):
        return await multipart.read_related(request, doc_id)
    return drafts.parse(request.minified(await document_body(request)), doc_id)


async def document_body(request: Request) -> bytes:
    """The body, if it is not longer than a document may be."""
    settings = request.server.settings
    body = await request.plain_body()
    if len(body) > settings.max_document_size and b'"_attachments"' not in body:
        raise TooLarge(str(settings.max_document_size), "document_too_large")
    return body


def check_replicated(draft: Draft) -> None:
    """BadRequest when a replicated document does not say which revision it is."""
    if draft.rev is None and draft.revisions is None:
        raise BadRequest("When `new_edits: false`, the document needs `_rev` or `_revisions` specified")


def _heard(answer: "asyncio.Future[Any]") -> None:
    """Nobody waits for a batch's outcome."""
    if not answer.cancelled():
        answer.exception()


def document_id(request: Request) -> str:
    """The id in the path."""
    parts = request.parts
    return f"{parts[1]}/{parts[2]}" if parts[1] in ("_design", "_local") and len(parts) > 2 else parts[1]


def location(request: Request, doc_id: str) -> str:
    """The full address of a document."""
    safe = "/" if doc_id.startswith(("_design/", "_local/")) else ""
    return f"{request.base_url()}/{quote(request.db.name, safe='')}/{quote(doc_id, safe=safe)}"


def given_rev(request: Request, in_body: str | None) -> str | None:
    """The revision from `rev`, If-Match or the body; BadRequest when they differ."""
    given = request.query.get("rev")
    if given is not None:
        pos, name = parse_rev(given)
        given = f"{pos}-{name}"
    header = _matched(request.header("if-match"))
    if given and header and given != header:
        raise BadRequest("Document rev and etag have different values")
    if given and in_body and given != in_body:
        raise BadRequest("Document rev from request body and query string have different values")
    if header and in_body and header != in_body:
        raise BadRequest("Document rev and etag have different values")
    return given or header or in_body


def _matched(header: str | None) -> str | None:
    """The revision in If-Match; what stands between the server and the client may have called it weak."""
    if not header:
        return None
    pos, name = parse_rev(header.strip().removeprefix("W/").strip('"'))
    return f"{pos}-{name}"


def check_id(doc_id: str, longest: int) -> None:
    """BadRequest unless a document may have that id."""
    if not doc_id:
        raise BadRequest("Document id must not be empty", "illegal_docid")
    if doc_id[0] == "_":
        if doc_id in ("_local", "_local/"):
            raise BadRequest("Invalid _local document id.")
        if doc_id == "_design/":
            raise BadRequest(f"Illegal document id `{doc_id}`", "illegal_docid")
        if not doc_id.startswith(("_design/", "_local/")):
            raise BadRequest("Only reserved document ids may start with underscore.", "illegal_docid")
    if len(doc_id.encode("utf-8", "replace")) > longest:
        raise BadRequest("Document id is too long", "illegal_docid")


async def check_writable(request: Request, draft: Draft) -> None:
    """Design documents are for administrators of the database; `_users` has rules of its own."""
    if draft.id.startswith("_design/"):
        request.require_db_admin()
        if not draft.deleted:
            await request.scripted(request.server.views.check_design, b"{" + draft.body[1:] + b"}")
    if has_rules(request):
        request.server.extra[f"prepare {request.db.name}"](draft, request.user)


def has_rules(request: Request) -> bool:
    """Whether the documents of the database have rules of the store's own, as users have."""
    return f"prepare {request.db.name}" in request.server.extra


def check_readable(request: Request, doc_id: str) -> None:
    """A user's document is for that user and for administrators."""
    if request.db.name != "_users" or doc_id.startswith("_design/"):
        return
    if auth.is_database_admin(request.user, request.db.security()):
        return
    if request.user.name is None or doc_id != f"org.couchdb.user:{request.user.name}":
        raise NotFound("missing")


def living(db: Database, doc_id: str) -> Stored:
    """The winner of a document that is not deleted."""
    found = db.winner(doc_id)
    if found is None or found.deleted:
        raise NotFound("missing" if found is None else "deleted")
    return found


def destination(request: Request) -> tuple[str, str | None]:
    """Where a copy goes: the id, and the revision that it is to replace."""
    header = request.header("destination")
    if header is None:
        raise BadRequest("Destination header is mandatory for COPY.")
    path, _, query = header.partition("?")
    if path.startswith(("http://", "https://")):
        raise BadRequest("Destination URL must be relative.")
    rev = query.removeprefix("rev=") if query.startswith("rev=") else None
    if rev is not None:
        parse_rev(rev)
    target = unquote(path)
    check_id(target, request.server.settings.max_document_id_length)
    return target, rev


routes = [
    Route("document", "", {"GET": get, "PUT": put, "DELETE": delete, "COPY": copy, "POST": post_form}, METHODS),
    Route("database", "", {"POST": post}),
]
