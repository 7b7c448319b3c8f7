"""Reading documents with options: old revisions, histories, conflicts, attachments."""

from typing import Any

import msgspec

from server.store.database import Database, Stored, blobs, render
from server.store.errors import BadRequest, NotFound
from server.store.http import documents, multipart
from server.store.http.request import Request
from server.store.http.response import Response, raw_json
from server.store.revisions import Branch, Tree, branch_of, parse_rev

_encode = msgspec.json.Encoder().encode


async def read(request: Request, doc_id: str) -> Response:
    """GET /{db}/{id} with query options or as multipart."""
    documents.check_readable(request, doc_id)
    if request.query.get("open_revs", "[]") != "[]":
        return _open_revs(request, doc_id)
    found = chosen(request, doc_id)
    tree = request.db.tree(doc_id)
    meta = _meta(request, found, tree)
    headers = {} if meta else {"etag": f'"{found.rev}"'}
    if headers and request.header("if-none-match") == headers["etag"]:
        return Response(304, b"", headers)
    extra = _revisions(request, found, tree) + meta
    if found.atts and request.is_true("attachments") and request.accepts("multipart/related"):
        return multipart.send_related(request, found, extra, headers)
    return raw_json(_json(request, found, extra), 200, headers)


def chosen(request: Request, doc_id: str, asked: str | None = None) -> Stored:
    """The revision that a request asks for: the winner, or the one in `rev` or given as `asked`."""
    rev = asked or request.query.get("rev")
    if rev is None:
        return documents.living(request.db, doc_id)
    pos, name = parse_rev(rev)
    if request.is_true("latest"):
        tree = request.db.tree(doc_id)
        newer = [each for each in tree if branch_of((each,), pos, name)]
        rev = newer[0].rev if newer else rev
    found = request.db.stored(doc_id, rev)
    if found is None or found.rev != rev:
        raise NotFound("missing")
    return found


def document(db: Database, found: Stored, options: dict[str, bool]) -> bytes:
    """A revision as JSON with those of the options revs, revs_info, conflicts, attachments that are true."""
    tree = db.tree(found.id) if options else ()
    extra = revisions_member(found, tree) if options.get("revs") else b""
    if options.get("revs_info"):
        extra += revs_info_member(db, found, tree)
    if options.get("conflicts"):
        extra += render.conflicts(tree[1:], (False,))
    wanted = set(found.kept()) if options.get("attachments") else set()
    return with_attachments(db, found, extra, wanted, options.get("att_encoding_info", False))


def with_attachments(db: Database, found: Stored, extra: bytes, wanted: set[str], encoding_info: bool) -> bytes:
    """A revision as JSON, the wanted attachments in base64, the others as stubs."""
    kept = found.kept()
    if not kept:
        attachments = b""
    elif wanted:
        attachments = blobs.inline(kept, {name: db.blob(kept[name].blob) for name in wanted})
    else:
        attachments = blobs.stubs(kept, encoding_info=encoding_info)
    return render.document(found.id, found.rev, found.deleted, found.body, extra, attachments)


def wanted_attachments(request: Request, found: Stored, tree: Tree) -> set[str]:
    """The attachments whose contents a request wants: all, or those newer than `atts_since`."""
    kept = found.kept()
    if "atts_since" in request.query:
        since = _known_pos(request.json_option("atts_since"), tree, found)
        return {name for name, each in kept.items() if each.revpos > since}
    return set(kept) if request.is_true("attachments") else set()


def revisions_member(found: Stored, tree: Tree) -> bytes:
    """`_revisions` of a revision."""
    branch = branch_of(tree, *parse_rev(found.rev)) or _alone(found)
    return b',"_revisions":' + _encode({"start": branch.pos, "ids": branch.hashes})


def revs_info_member(db: Database, found: Stored, tree: Tree) -> bytes:
    """`_revs_info` of a revision: which of its ancestors still have their bodies."""
    branch = branch_of(tree, *parse_rev(found.rev)) or _alone(found)
    return b',"_revs_info":' + _encode([{"rev": rev, "status": _status(db, found.id, rev)} for rev in branch.revs()])


def _json(request: Request, found: Stored, extra: bytes) -> bytes:
    wanted = wanted_attachments(request, found, request.db.tree(found.id))
    return with_attachments(request.db, found, extra, wanted, request.is_true("att_encoding_info"))


def _revisions(request: Request, found: Stored, tree: Tree) -> bytes:
    return revisions_member(found, tree) if request.is_true("revs") else b""


def _meta(request: Request, found: Stored, tree: Tree) -> bytes:
    everything = request.is_true("meta")
    text = b""
    if everything or request.is_true("revs_info"):
        text += revs_info_member(request.db, found, tree)
    if request.is_true("local_seq"):
        row = request.db.find(found.id)
        text += b',"_local_seq":%d' % (row.seq if row else 0)
    kinds = {"conflicts": False, "deleted_conflicts": True}
    return text + render.conflicts(
        tree[1:], [kind for name, kind in kinds.items() if everything or request.is_true(name)]
    )


def _status(db: Database, doc_id: str, rev: str) -> str:
    found = db.stored(doc_id, rev)
    if found is None or found.rev != rev:
        return "missing"
    return "deleted" if found.deleted else "available"


def _open_revs(request: Request, doc_id: str) -> Response:
    tree = request.db.tree(doc_id)
    found = [_opened(request, doc_id, rev) for rev in _revs_to_open(request, tree)]
    if request.accepts("multipart/mixed"):
        return multipart.send_mixed(request, found, lambda each: _revisions(request, each, tree))
    items = []
    for each in found:
        if isinstance(each, str):
            items.append(b'{"missing":%s}' % _encode(each))
        else:
            items.append(b'{"ok":%s}' % _json(request, each, _revisions(request, each, tree)))
    return raw_json(b"[" + b",".join(items) + b"]")


def _revs_to_open(request: Request, tree: Tree) -> list[str]:
    if request.query["open_revs"] == "all":
        if not tree:
            raise NotFound("missing")
        return [each.rev for each in tree]
    asked = request.json_option("open_revs")
    if not isinstance(asked, list):
        raise BadRequest("`open_revs` must be a list of revisions or `all`", "query_parse_error")
    for text in asked:
        parse_rev(text if isinstance(text, str) else "")
    revs: list[str] = asked
    return latest_of(tree, revs) if request.is_true("latest") else revs


def latest_of(tree: Tree, revs: list[str]) -> list[str]:
    """The leaves that follow each of the revisions; a revision that is unknown stands for itself."""
    found: list[str] = []
    for rev in revs:
        newer = [each.rev for each in tree if branch_of((each,), *parse_rev(rev))]
        found += [each for each in newer or [rev] if each not in found]
    return found


def _opened(request: Request, doc_id: str, rev: str) -> Stored | str:
    found = request.db.stored(doc_id, rev)
    return found if found is not None and found.rev == rev else rev


def _known_pos(revs: Any, tree: Tree, found: Stored) -> int:
    """The position of the newest of the revisions that is an ancestor of the one found."""
    if not isinstance(revs, list):
        raise BadRequest("`atts_since` must be a list of revisions", "query_parse_error")
    branch = branch_of(tree, *parse_rev(found.rev)) or _alone(found)
    own = set(branch.revs())
    known = [parse_rev(rev)[0] for rev in revs if isinstance(rev, str) and rev in own]
    return max(known, default=0)


def _alone(found: Stored) -> Branch:
    pos, name = parse_rev(found.rev)
    return Branch(pos, (name,), found.deleted)
