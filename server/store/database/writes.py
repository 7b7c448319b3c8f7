"""The kinds of writes that a database's writer takes."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import msgspec

from server.store.database import blobs, edits, render, runs
from server.store.database.drafts import Draft
from server.store.database.edits import Row, Transaction
from server.store.errors import BadRequest, Conflict, NotFound, StoreError
from server.store.revisions import decode, encode, stem

_encode = msgspec.json.Encoder().encode
#: A document with a single leaf has no use for other bodies; those with several keep some in the same table.
_FORGET_ANCESTORS = """DELETE FROM rev WHERE NOT EXISTS
 (SELECT 1 FROM doc WHERE doc.id = rev.id AND substr(doc.tree, 1, 1) = char(10))"""
_BRANCHED = "SELECT seq, id, rev, deleted, tree FROM doc WHERE id IN (SELECT DISTINCT id FROM rev)"

#: What a validation function has to see: the draft it is about, the new document, and the old one or None.
Call = tuple[Draft, bytes, bytes | None]


@dataclass(slots=True)
class DocumentsWrite:
    """Write documents, each for itself. The answer has a revision or a StoreError for each.

    `user` is the context that validation functions see; None is the store itself, which nobody validates.
    """

    drafts: list[Draft]
    replicated: bool = False
    user: dict[str, Any] | None = None

    def apply(self, txn: Transaction) -> list[str | StoreError]:
        """Write each document; StoreError for all of them when a stub has nothing to stand for."""
        for draft in self.drafts:
            if draft.attachments and draft.refusal is None:
                edits.check_stubs(txn, draft, replicated=self.replicated)
        if self.replicated:
            return [edits.outcome(edits.graft, txn, draft) for draft in self.drafts]
        if len(self.drafts) > 1:
            return runs.edit_many(txn, self.drafts)
        return [edits.outcome(edits.edit, txn, draft) for draft in self.drafts]

    def to_validate(self, txn: Transaction) -> list[Call]:
        """What validation functions have to see."""
        if self.user is None:
            return []
        txn.read_ahead([draft.id for draft in self.drafts if draft.rev and draft.refusal is None])
        return [call for draft in self.drafts if (call := self._call(txn, draft)) is not None]

    def _call(self, txn: Transaction, draft: Draft) -> Call | None:
        if draft.refusal is not None or draft.id.startswith("_design/"):
            return None
        row = txn.find(draft.id)
        if self.replicated:
            return draft, _as_json(draft), _nearest(txn, row, draft)
        try:
            edits.base_revision(row, draft)
        except Conflict:
            return None
        return draft, _as_json(draft), _body_of(txn, row, draft.rev) if draft.rev else None


@dataclass(slots=True)
class LocalWrite:
    """Write a document that is never replicated. The answer is its new revision.

    Such a document belongs to one writer: as in CouchDB, the last write wins, and the revision only counts.
    """

    id: str
    body: bytes | None
    rev: str | None

    def apply(self, txn: Transaction) -> str:
        """Write or, without a body, delete it; BadRequest when the revision is none of a local document."""
        before = self._number()
        if self.body is None:
            if not list(txn.connection.execute("DELETE FROM local WHERE id = ? RETURNING id", (self.id,))):
                raise NotFound("missing")
            return "0-0"
        new = before + 1
        txn.connection.execute("INSERT OR REPLACE INTO local VALUES (?, ?, ?)", (self.id, new, self.body))
        return f"0-{new}"

    def _number(self) -> int:
        if self.rev is None:
            return 0
        generation, _, number = self.rev.partition("-")
        if generation != "0" or not (number.isascii() and number.isdigit() and len(number) < 18):
            raise BadRequest("Invalid rev format")
        return int(number)


@dataclass(slots=True)
class SettingWrite:
    """Keep a setting of the database."""

    name: str
    value: str

    def apply(self, txn: Transaction) -> None:
        """Write the setting."""
        txn.connection.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (self.name, self.value))


@dataclass(slots=True)
class PurgeWrite:
    """Forget revisions. The answer names, for each document, the revisions that were there."""

    requests: dict[str, list[str]]
    uuid: Callable[[], str]

    def apply(self, txn: Transaction) -> dict[str, list[str]]:
        """Forget, and note it for the indexes."""
        return {doc_id: self._purge(txn, doc_id, revs) for doc_id, revs in self.requests.items()}

    def _purge(self, txn: Transaction, doc_id: str, revs: list[str]) -> list[str]:
        gone = edits.purge(txn, doc_id, revs)
        if gone:
            txn.state.purge_seq += 1
            row = (txn.state.purge_seq, self.uuid(), doc_id, _encode(gone).decode())
            txn.connection.execute("INSERT INTO purge VALUES (?, ?, ?, ?)", row)
        return gone


@dataclass(slots=True)
class CompactWrite:
    """Forget the bodies of revisions that are not leaves, attachments that nothing refers to, and old purges."""

    purges: int

    def apply(self, txn: Transaction) -> None:
        """Delete them; the file's free pages are given back afterwards."""
        db = txn.connection
        db.execute(_FORGET_ANCESTORS)
        rows: list[Any] = db.execute(_BRANCHED).fetchall()
        for seq, doc_id, rev, deleted, text in rows:
            tree = stem(decode(rev, bool(deleted), text), txn.revs_limit)
            db.execute("UPDATE doc SET tree = ? WHERE seq = ?", (encode(tree), seq))
            txn.forget_held()
            known = [str(name) for (name,) in db.execute("SELECT rev FROM rev WHERE id = ?", (doc_id,))]
            old = set(known) - {branch.rev for branch in tree}
            db.executemany("DELETE FROM rev WHERE id = ? AND rev = ?", ((doc_id, name) for name in old))
        blobs.collect(db, _used_blobs(txn))
        db.execute("DELETE FROM purge WHERE seq <= ?", (txn.state.purge_seq - self.purges,))


def _used_blobs(txn: Transaction) -> list[int]:
    query = "SELECT atts FROM doc WHERE atts IS NOT NULL UNION ALL SELECT atts FROM rev WHERE atts IS NOT NULL"
    return [each.blob for (atts,) in txn.connection.execute(query) for each in blobs.decode_kept(atts).values()]


def _as_json(draft: Draft) -> bytes:
    """A draft as validation functions see it."""
    pieces = [b'{"_id":', _encode(draft.id)]
    start, names = draft.revisions or _alone(draft.rev)
    rev = f"{start}-{names[0]}" if names else draft.rev
    if rev:
        pieces.append(b',"_rev":%s,"_revisions":{"start":%d,"ids":%s}' % (_encode(rev), start, _encode(names)))
    pieces.append(draft.body)
    if draft.deleted:
        pieces.append(b',"_deleted":true')
    if draft.attachments:
        shown = {name: {"content_type": each.content_type, "stub": True} for name, each in draft.attachments.items()}
        pieces += (b',"_attachments":', _encode(shown))
    pieces.append(b"}")
    return b"".join(pieces)


def _alone(rev: str | None) -> tuple[int, tuple[str, ...]]:
    """A line of a revision whose ancestors are not told."""
    pos, _, name = (rev or "").partition("-")
    return (int(pos), (name,)) if name else (0, ())


def _body_of(txn: Transaction, row: Row | None, rev: str) -> bytes | None:
    if row is None:
        return None
    if rev == row.rev:
        return render.plain(row.id, row.rev, row.deleted, row.body, row.atts)
    found = txn.kept(row.id, rev)
    return render.plain(row.id, rev, *found) if found else None


def _nearest(txn: Transaction, row: Row | None, draft: Draft) -> bytes | None:
    """The newest known ancestor of a replicated revision."""
    if row is None or not draft.revisions:
        return None
    start, names = draft.revisions
    for depth, name in enumerate(names[1:], 1):
        body = _body_of(txn, row, f"{start - depth}-{name}")
        if body is not None:
            return body
    return None
