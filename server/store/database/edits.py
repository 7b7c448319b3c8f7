"""Writing documents inside a transaction: conflicts, revisions, attachments, where each body goes."""

from collections.abc import Callable
from typing import NamedTuple

import apsw
import msgspec

from server.store.database import blobs
from server.store.database.blobs import Incoming, Kept
from server.store.database.drafts import Draft
from server.store.database.packing import pack
from server.store.errors import BadRequest, Conflict, StoreError
from server.store.revisions import (
    Branch,
    Tree,
    branch_of,
    contains,
    decode,
    encode,
    holds_branch,
    is_linear,
    merge,
    new_hash,
    parse_rev,
    remove,
)

_encode = msgspec.json.Encoder().encode
_COLUMNS = "seq, id, rev, deleted, body, atts, tree"
_FIND = f"SELECT {_COLUMNS} FROM doc WHERE id = ?"  # noqa: S608 - a constant
_FIND_MANY = f"""SELECT {_COLUMNS} FROM doc WHERE id IN (SELECT value FROM json_each(?))
 AND length(body) <= ?"""  # noqa: S608 - a constant
_INSERT = f"INSERT INTO doc ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?)"  # noqa: S608 - a constant
_MOVE = "UPDATE doc SET seq = ?, rev = ?, deleted = ?, body = ?, atts = ?, tree = ? WHERE seq = ?"
_KEEP = "INSERT OR REPLACE INTO rev VALUES (?, ?, ?, ?, ?)"
#: Rows with larger bodies, in bytes, are not held for the rest of a transaction.
HELD = 1 << 16


class Row(NamedTuple):
    """A document's row: its winner, and the tree beside it. The body is as it lies on the disk."""

    seq: int
    id: str
    rev: str
    deleted: int
    body: bytes
    atts: str | None
    tree: str | None


class Replaced(NamedTuple):
    """A document's row, and what comes into its place."""

    row: Row
    rev: str
    deleted: bool
    body: bytes
    tree: str | None


class State:
    """The counters of a database, as the last commit left them or as the running transaction has them."""

    __slots__ = ("del_count", "doc_count", "next_blob", "purge_seq", "update_seq")

    def __init__(self, update_seq: int, doc_count: int, del_count: int, purge_seq: int, next_blob: int) -> None:
        self.update_seq = update_seq
        self.doc_count = doc_count
        self.del_count = del_count
        self.purge_seq = purge_seq
        self.next_blob = next_blob

    def values(self) -> tuple[int, int, int, int, int]:
        """In the order of the table's columns."""
        return self.update_seq, self.doc_count, self.del_count, self.purge_seq, self.next_blob


class Transaction:
    """What a write may do: the writer's connection, the counters, and how long branches may be."""

    def __init__(self, connection: apsw.Connection, state: State, revs_limit: int) -> None:
        self.connection = connection
        self.state = state
        self.revs_limit = revs_limit
        self.designs_changed = False
        #: How many bodies were put aside, for compaction to forget.
        self.put_aside = 0
        #: By how many documents of each id there are more.
        self.counted: list[tuple[str, int]] = []
        #: Rows of documents that have not changed since they were read.
        self.held: dict[str, Row] = {}

    def find(self, doc_id: str) -> Row | None:
        """The document's row; None when there never was one."""
        if doc_id in self.held:
            return self.held[doc_id]
        for found in self.connection.execute(_FIND, (doc_id,)):
            row = Row(*found)
            if len(row.body) <= HELD:
                self.held[doc_id] = row
            return row
        return None

    def read_ahead(self, ids: list[str]) -> None:
        """Have the rows of documents at hand: they are found more quickly together than one by one."""
        wanted = [doc_id for doc_id in ids if doc_id not in self.held]
        if wanted:
            rows = self.connection.execute(_FIND_MANY, (_encode(wanted).decode(), HELD))
            self.held.update({row[1]: Row(*row) for row in rows})

    def forget_held(self) -> None:
        """Rows were changed in another way than by the methods below."""
        self.held.clear()

    def insert(self, doc_id: str, rev: str, deleted: bool, body: bytes, atts: str | None, tree: str | None) -> None:
        """Add a document's row at the end of the sequence."""
        state = self.state
        state.update_seq += 1
        self.connection.execute(_INSERT, (state.update_seq, doc_id, rev, deleted, pack(body), atts, tree))
        self._count(doc_id, deleted, 1)

    def known(self, ids: list[str]) -> set[str]:
        """Those of the ids that have a row."""
        query = "SELECT id FROM doc WHERE id IN (SELECT value FROM json_each(?))"
        return {str(doc_id) for (doc_id,) in self.connection.execute(query, (_encode(ids).decode(),))}

    def insert_many(self, fresh: list[tuple[str, str, bool, bytes]]) -> None:
        """Add new documents, given as (id, revision, deleted, body), at the end of the sequence."""
        first = self.state.update_seq + 1
        rows = (
            (first + n, doc_id, rev, deleted, pack(body), None, None)
            for n, (doc_id, rev, deleted, body) in enumerate(fresh)
        )
        self.connection.executemany(_INSERT, rows)
        self.state.update_seq += len(fresh)
        for doc_id, _, deleted, _ in fresh:
            self._count(doc_id, deleted, 1)

    def move(self, row: Row, rev: str, deleted: bool, body: bytes, atts: str | None, tree: str | None) -> None:
        """Give a document's row new contents and the next sequence number."""
        state = self.state
        state.update_seq += 1
        self.connection.execute(_MOVE, (state.update_seq, rev, deleted, pack(body), atts, tree, row.seq))
        self._moved(row, deleted)

    def replace_many(self, replaced: list[Replaced]) -> None:
        """Keep the bodies of winners and put others in their places, which have no attachments; each document once."""
        first = self.state.update_seq + 1
        self.connection.executemany(_KEEP, [(row.id, row.rev, row.deleted, row.body, row.atts) for row, *_ in replaced])
        moves = (
            (first + n, rev, deleted, pack(body), None, tree, row.seq)
            for n, (row, rev, deleted, body, tree) in enumerate(replaced)
        )
        self.connection.executemany(_MOVE, moves)
        self.state.update_seq += len(replaced)
        self.put_aside += len(replaced)
        for row, _, deleted, *_ in replaced:
            self._moved(row, deleted)

    def keep(self, row: Row) -> None:
        """Keep the body of a winner that is to be replaced."""
        self.put_aside += 1
        self.connection.execute(_KEEP, (row.id, row.rev, row.deleted, row.body, row.atts))

    def delete(self, row: Row) -> None:
        """Forget a document altogether; its sequence number stays used."""
        self.state.update_seq += 1
        self.held.pop(row.id, None)
        self.connection.execute("DELETE FROM doc WHERE seq = ?", (row.seq,))
        self.connection.execute("DELETE FROM rev WHERE id = ?", (row.id,))
        self._count(row.id, bool(row.deleted), -1)

    def kept(self, doc_id: str, rev: str) -> tuple[int, bytes, str | None] | None:
        """(deleted, body, atts) of a revision that is not the winner, if its body, as it lies on the disk, is there."""
        query = "SELECT deleted, body, atts FROM rev WHERE id = ? AND rev = ?"
        for deleted, body, atts in self.connection.execute(query, (doc_id, rev)):
            return deleted, body, atts
        return None

    def _moved(self, row: Row, deleted: bool) -> None:
        self.held.pop(row.id, None)
        if deleted != row.deleted:
            self._count(row.id, bool(row.deleted), -1)
            self._count(row.id, deleted, 1)
        elif row.id.startswith("_design/"):
            self.designs_changed = True

    def _count(self, doc_id: str, deleted: bool, by: int) -> None:
        if deleted:
            self.state.del_count += by
        else:
            self.state.doc_count += by
            self.counted.append((doc_id, by))
        if doc_id.startswith("_design/"):
            self.designs_changed = True


def edit(txn: Transaction, draft: Draft) -> str:
    """Write a client's edit; the new revision. Conflict unless it is based on a leaf."""
    row = txn.find(draft.id)
    parent = base_revision(row, draft)
    pos = int(parent.partition("-")[0]) + 1 if parent else 1
    kept = _keep_attachments(txn, draft, pos, _attachments_of(txn, row, draft.rev)) if draft.attachments else {}
    name = new_hash(draft.body, parent, draft.deleted, (each.digest for each in kept.values()))
    rev, atts = f"{pos}-{name}", blobs.encode_kept(kept)
    if row is None or parent is None:
        txn.insert(draft.id, rev, draft.deleted, draft.body, atts, None)
    elif parent == row.rev and is_linear(row.tree):
        txn.keep(row)
        tree = longer(row, txn.revs_limit)
        txn.move(row, rev, draft.deleted, draft.body, atts, tree)
    else:
        _branch_off(txn, row, draft, atts, _line(row, parent, pos, name, draft.deleted))
    return rev


def outcome(write: Callable[[Transaction, Draft], str], txn: Transaction, draft: Draft) -> str | StoreError:
    """What became of one of several documents."""
    if draft.refusal is not None:
        return draft.refusal
    try:
        return write(txn, draft)
    except StoreError as error:
        return error


def graft(txn: Transaction, draft: Draft) -> str:
    """Write a replicated revision with its line of ancestors; nothing happens when it is known already."""
    start, names = _own_line(draft)
    row = txn.find(draft.id)
    branch = Branch(start, names[: txn.revs_limit], draft.deleted)
    if row is not None and holds_branch(leaves(row), branch):
        return branch.rev
    kept: dict[str, Kept] = {}
    if draft.attachments:
        kept = _keep_attachments(txn, draft, start, _ancestor_attachments(txn, row, branch))
    atts = blobs.encode_kept(kept)
    if row is None:
        txn.insert(draft.id, branch.rev, draft.deleted, draft.body, atts, encode((branch,)))
    else:
        _branch_off(txn, row, draft, atts, branch)
    return branch.rev


def check_stubs(txn: Transaction, draft: Draft, *, replicated: bool) -> None:
    """StoreError (412) when a stub of an attachment has nothing to stand for."""
    stubs = [name for name, each in draft.attachments.items() if each.data is None]
    if not stubs:
        return
    row = txn.find(draft.id)
    if replicated:
        start, names = _own_line(draft)
        known = _ancestor_attachments(txn, row, Branch(start, names, draft.deleted))
        if row is not None and contains(leaves(row), start, names[0]):
            return
    else:
        known = _attachments_of(txn, row, draft.rev)
    for name in stubs:
        if name not in known:
            raise _missing_stub(draft, name)


def _missing_stub(draft: Draft, name: str) -> StoreError:
    return StoreError(412, "missing_stub", f"Invalid attachment stub in {draft.id} for {name}")


def base_revision(row: Row | None, draft: Draft) -> str | None:
    """The leaf that an edit continues, None for a new document; Conflict when there is no such leaf."""
    if row is None:
        if draft.rev:
            raise Conflict
        return None
    if draft.rev is None:
        if not row.deleted or draft.deleted:
            raise Conflict
        return row.rev
    if draft.rev == row.rev:
        return row.rev
    if is_linear(row.tree) or all(each.rev != draft.rev for each in leaves(row)):
        raise Conflict
    return draft.rev


def leaves(row: Row) -> Tree:
    """The tree of a row, winner first."""
    return decode(row.rev, bool(row.deleted), row.tree)


def purge(txn: Transaction, doc_id: str, revs: list[str]) -> list[str]:
    """Forget leaves as if they had never been; those that were there."""
    row = txn.find(doc_id)
    if row is None:
        return []
    tree = leaves(row)
    gone = [rev for rev in revs if any(each.rev == rev for each in tree)]
    if not gone:
        return []
    rest = remove(tree, set(gone))
    if not rest:
        txn.delete(row)
        return gone
    _settle(txn, row, rest)
    txn.connection.executemany("DELETE FROM rev WHERE id = ? AND rev = ?", ((doc_id, rev) for rev in gone))
    return gone


def _branch_off(txn: Transaction, row: Row, draft: Draft, atts: str | None, branch: Branch) -> None:
    tree = merge(leaves(row), branch, txn.revs_limit)
    txn.connection.execute(_KEEP, (row.id, branch.rev, branch.deleted, pack(draft.body), atts))
    _settle(txn, row, tree)


def _settle(txn: Transaction, row: Row, tree: Tree) -> None:
    """Put the winner of a tree into the document's row, the body of the old one aside."""
    winner = tree[0]
    text = encode(tree)
    if winner.rev == row.rev:
        txn.move(row, row.rev, winner.deleted, row.body, row.atts, text)
        return
    txn.keep(row)
    found = txn.kept(row.id, winner.rev)
    deleted, body, atts = found if found else (winner.deleted, b"", None)
    txn.connection.execute("DELETE FROM rev WHERE id = ? AND rev = ?", (row.id, winner.rev))
    txn.move(row, winner.rev, bool(deleted), body, atts, text)


def longer(row: Row, limit: int) -> str | None:
    """The ancestors of an edit of this linear row, newest first, the edit itself counting to the limit."""
    name = row.rev.partition("-")[2]
    if limit < 2:
        return None
    if not row.tree:
        return name
    if row.tree.count(",") + 3 <= limit:
        return f"{name},{row.tree}"
    return ",".join([name, *row.tree.split(",")[: limit - 2]])


def _line(row: Row, parent: str, pos: int, name: str, deleted: bool) -> Branch:
    below = branch_of(leaves(row), *parse_rev(parent))
    return Branch(pos, (name, *(below.hashes if below else ())), deleted)


def _own_line(draft: Draft) -> tuple[int, tuple[str, ...]]:
    if draft.revisions and draft.revisions[1]:
        if draft.revisions[0] < len(draft.revisions[1]):
            raise BadRequest("Invalid rev format")
        return draft.revisions
    if draft.rev is None:
        name = new_hash(draft.body, None, draft.deleted)
        return 1, (name,)
    pos, name = parse_rev(draft.rev)
    return pos, (name,)


def _attachments_of(txn: Transaction, row: Row | None, rev: str | None) -> dict[str, Kept]:
    if row is None or rev is None:
        return {}
    if rev == row.rev:
        return blobs.decode_kept(row.atts)
    found = txn.kept(row.id, rev)
    return blobs.decode_kept(found[2]) if found else {}


def _ancestor_attachments(txn: Transaction, row: Row | None, branch: Branch) -> dict[str, Kept]:
    """What the nearest known ancestor of a replicated revision has."""
    for rev in branch.revs()[1:]:
        if row is not None and (rev == row.rev or txn.kept(row.id, rev)):
            return _attachments_of(txn, row, rev)
    return {}


def _keep_attachments(txn: Transaction, draft: Draft, pos: int, known: dict[str, Kept]) -> dict[str, Kept]:
    return {name: _keep_one(txn, draft, name, each, pos, known) for name, each in draft.attachments.items()}


def _keep_one(txn: Transaction, draft: Draft, name: str, each: Incoming, pos: int, known: dict[str, Kept]) -> Kept:
    if each.data is None:
        if name not in known:
            raise _missing_stub(draft, name)
        return known[name]
    blob = txn.state.next_blob
    txn.state.next_blob += 1
    blobs.store(txn.connection, blob, each.data)
    revpos = each.revpos if draft.revisions and each.revpos else pos
    length = len(each.data) if each.length is None else each.length
    return Kept(each.content_type, revpos, each.digest or "", length, len(each.data), blob, each.encoding)
