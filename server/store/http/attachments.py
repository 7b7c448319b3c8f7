"""Single attachments."""

from urllib.parse import quote

from server.store.database import Stored
from server.store.database.blobs import Incoming, Kept
from server.store.database.drafts import Draft, bad_name
from server.store.errors import BadRequest, Conflict, NotFound, StoreError
from server.store.http import contents, documents, reading
from server.store.http.documents import document_id
from server.store.http.request import Request
from server.store.http.response import Response
from server.store.http.routing import Route

_NOT_THERE = "Document is missing attachment"

#: What anybody may have written does nothing in a browser, as with CouchDB.
_SANDBOX = "sandbox"
#: Pages that a design document carries are an administrator's: they may run, with what comes from this store alone.
_APPLICATION = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


async def get(request: Request) -> Response:
    """GET /{db}/{id}/{name}"""
    doc_id = document_id(request)
    documents.check_readable(request, doc_id)
    found = reading.chosen(request, doc_id)
    kept = found.kept().get(attachment_name(request))
    if kept is None:
        raise NotFound(_NOT_THERE)
    tag = f'"{kept.digest.removeprefix("md5-")}"'
    if request.header("if-none-match") == tag:
        return Response(304, b"", {"etag": tag})
    headers = {
        "etag": tag,
        "content-type": kept.content_type,
        "content-md5": _md5(kept),
        "content-security-policy": _APPLICATION if doc_id.startswith("_design/") else _SANDBOX,
    }
    return contents.send(request, kept, headers)


async def put(request: Request) -> Response:
    """PUT /{db}/{id}/{name}"""
    name, encoding = attachment_name(request), _encoding(request)
    if name.startswith("_"):
        raise bad_name(name)
    kind = request.header("content-type") or "application/octet-stream"
    upload = await contents.receive(request, request.pieces(), kind, encoding)
    if request.header("content-md5") not in (None, upload.received_md5()):
        raise StoreError(400, "content_md5_mismatch", "Possible message corruption.")
    draft = _draft(request)
    draft.attachments[name] = upload.finish()
    answer = await documents.store(request, draft)
    answer.headers["location"] = _location(request, draft.id)
    return answer


async def delete(request: Request) -> Response:
    """DELETE /{db}/{id}/{name}"""
    draft = _draft(request)
    if draft.attachments.pop(attachment_name(request), None) is None:
        raise NotFound(_NOT_THERE)
    answer = await documents.store(request, draft)
    answer.status = 200 if answer.status == 201 else answer.status
    return answer


async def not_on_local(request: Request) -> Response:
    """PUT /{db}/_local/{id}/{name}"""
    raise BadRequest("_local documents do not accept attachments.")


def _encoding(request: Request) -> str | None:
    given = request.header("content-encoding")
    if given in (None, "identity"):
        return None
    if given != "gzip":
        raise StoreError(415, "bad_content_type", "Only gzip and identity content-encodings are supported")
    return given


def attachment_name(request: Request) -> str:
    """The name in the path; it may hold slashes."""
    skip = 3 if request.parts[1] == "_design" else 2
    return "/".join(request.parts[skip:])


def _draft(request: Request) -> Draft:
    """The next revision of the document, every attachment as it is."""
    doc_id = document_id(request)
    rev = documents.given_rev(request, None)
    if rev is None:
        return _unfounded(request, doc_id)
    base = request.db.stored(doc_id, rev)
    if base is None or base.rev != rev:
        raise StoreError(409, "not_found", "missing_rev")
    return Draft(doc_id, base.body, rev=rev, attachments=_stubs(base))


def _unfounded(request: Request, doc_id: str) -> Draft:
    """The first revision of a document; Conflict where there is one, once it is clear that there is something to do."""
    if request.method == "DELETE" and attachment_name(request) not in documents.living(request.db, doc_id).kept():
        raise NotFound(_NOT_THERE)
    winner = request.db.winner(doc_id)
    if winner is not None and not winner.deleted:
        raise Conflict
    return Draft(doc_id, b"")


def _stubs(base: Stored) -> dict[str, Incoming]:
    return {name: Incoming(each.content_type, revpos=each.revpos) for name, each in base.kept().items()}


def _md5(kept: Kept) -> str:
    return kept.digest.removeprefix("md5-")


def _location(request: Request, doc_id: str) -> str:
    return f"{documents.location(request, doc_id)}/{quote(attachment_name(request))}"


routes = [
    Route("attachment", "", {"GET": get, "PUT": put, "DELETE": delete}),
    Route("local attachment", "", {"GET": not_on_local, "PUT": not_on_local, "DELETE": not_on_local}),
]
