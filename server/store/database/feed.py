"""Changes in order of their sequence numbers, as rows of JSON."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import apsw
import msgspec

from server.store.database import render
from server.store.database.core import Database
from server.store.database.stored import Stored, stored_from
from server.store.revisions import decode

_encode = msgspec.json.Encoder().encode

_ROW = """'{"seq":"' || seq || '-' || ? || '","id":' || json_quote(id) || ',"changes":[{"rev":"' || rev || '"}]'
 || CASE WHEN deleted THEN ',"deleted":true' ELSE '' END"""
_DOC = """ || ',"doc":{"_id":' || json_quote(id) || ',"_rev":"' || rev || '"'
 || iif(substr(body, 1, 1) = x'01', unpacked(body), body)
 || CASE WHEN deleted THEN ',"_deleted":true' ELSE '' END
 || CASE WHEN atts IS NULL THEN '' ELSE att_stubs(atts) END || '}'"""
_PAGE = 1000
_PAGE_WITH_DOCS = 100
_COLUMNS = "seq, id, rev, deleted, body, atts, tree"

#: Says of each document (as JSON) whether a row for it is wanted.
Filter = Callable[[list[Stored]], list[bool]]


@dataclass(frozen=True, slots=True)
class Shape:
    """What a feed's rows show, and in which order they come."""

    include_docs: bool = False
    all_leaves: bool = False
    descending: bool = False
    document: Callable[[Stored], bytes] | None = None
    wanted: Filter | None = None

    @property
    def is_plain(self) -> bool:
        """True when SQLite can make the rows."""
        return not self.all_leaves and self.document is None and self.wanted is None


class Page(NamedTuple):
    """Rows, the sequence number to go on from, and whether there may be more after it."""

    rows: list[bytes]
    last: int
    more: bool


def page(db: Database, shape: Shape, since: int, limit: int) -> Page:
    """Up to `limit` rows of changes after `since` (before it, when descending), but not too many at once."""
    size = _PAGE_WITH_DOCS if shape.include_docs else _PAGE
    if shape.wanted is None:
        size = min(size, limit)
    with db.reader() as connection:
        if shape.is_plain:
            return _plain_page(connection, db, shape, since, size)
        found = _select(connection, _COLUMNS, shape, since, size)
    return _judged_page(db, shape, found, since, size, limit)


def _judged_page(db: Database, shape: Shape, found: list[Any], since: int, size: int, limit: int) -> Page:
    stored = [stored_from(*row[1:-1]) for row in found]
    wanted = shape.wanted(stored) if shape.wanted and stored else [True] * len(stored)
    rows: list[bytes] = []
    for (seq, *_, tree), each, good in zip(found, stored, wanted, strict=True):
        if good:
            rows.append(_row(db, shape, seq, each, tree))
        if len(rows) == limit:
            return Page(rows, seq, True)
    return Page(rows, found[-1][0] if found else since, len(found) == size)


def count_after(db: Database, since: int) -> int:
    """How many documents changed after a sequence number."""
    if since >= db.update_seq():
        return 0
    with db.reader() as connection:
        return int(next(iter(connection.execute("SELECT count(*) FROM doc WHERE seq > ?", (since,))))[0])


def _plain_page(connection: apsw.Connection, db: Database, shape: Shape, since: int, limit: int) -> Page:
    columns = f"seq, CAST({_ROW}{_DOC if shape.include_docs else ''} || '}}' AS BLOB)"
    found = _select(connection, columns, shape, since, limit, db.uuid)
    rows = [row for _, row in found]
    return Page(rows, found[-1][0] if found else since, len(rows) == limit)


def _select(connection: apsw.Connection, columns: str, shape: Shape, since: int, limit: int, *values: str) -> list[Any]:
    where = "seq < ? ORDER BY seq DESC" if shape.descending else "seq > ? ORDER BY seq"
    query = f"SELECT {columns} FROM doc WHERE {where} LIMIT ?"  # noqa: S608 - built of constants
    rows: list[Any] = connection.execute(query, (*values, since, limit)).fetchall()
    return rows


def _row(db: Database, shape: Shape, seq: int, each: Stored, tree: str | None) -> bytes:
    revs = [each.rev]
    if shape.all_leaves:
        revs = [branch.rev for branch in decode(each.rev, each.deleted, tree)]
    text = b'{"seq":"%s","id":%s,"changes":%s' % (
        db.seq_text(seq).encode(),
        _encode(each.id),
        _encode([{"rev": rev} for rev in revs]),
    )
    if each.deleted:
        text += b',"deleted":true'
    if shape.include_docs:
        text += b',"doc":' + (shape.document(each) if shape.document else render.plain(*each))
    return text + b"}"
