"""All documents by id, as rows of JSON that SQLite itself puts together."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import apsw
import msgspec

from server.store.database import render
from server.store.database.ranks import Ranks

_encode = msgspec.json.Encoder().encode
_FIRST_PAGE = 100
_PAGE_BYTES = 1 << 20
_LONGEST_PAGE = 20_000

_PLAIN = """'{"id":' || j || ',"key":' || j || ',"value":{"rev":"' || rev || '"}}'"""
_WITH_DOC = """'{"id":' || j || ',"key":' || j || ',"value":{"rev":"' || rev || '"},"doc":{"_id":' || j || ',"_rev":"'
 || rev || '"' || iif(substr(body, 1, 1) = x'01', unpacked(body), body)
 || CASE WHEN atts IS NULL THEN '' ELSE att_stubs(atts) END || '}}'"""


@dataclass(frozen=True, slots=True)
class Range:
    """Which rows: ids between `low` and `high` (None: open), the ends included or not, in either direction."""

    low: str | None = None
    high: str | None = None
    low_inclusive: bool = True
    high_inclusive: bool = True
    descending: bool = False
    skip: int = 0
    limit: int | None = None


def holds(span: Range, doc_id: str) -> bool:
    """Whether an id lies between the ends of a range."""
    low, high = span.low, span.high
    above = low is None or doc_id > low or (span.low_inclusive and doc_id == low)
    return above and (high is None or doc_id < high or (span.high_inclusive and doc_id == high))


def pages(connection: apsw.Connection, span: Range, *, docs: bool) -> Iterator[bytes]:
    """The rows as JSON text, joined by commas, in pieces of about a megabyte."""
    left = span.limit
    size = _FIRST_PAGE
    while left is None or left > 0:
        size = size if left is None else min(size, left)
        text, count, last = _page(connection, replace(span, limit=size), docs)
        if text is None:
            return
        yield text
        if count < size:
            return
        left = None if left is None else left - count
        span = _after(span, last)
        size = max(1, min(_LONGEST_PAGE, size * _PAGE_BYTES // max(1, len(text))))


def offset(connection: apsw.Connection, ranks: Ranks, total: int, span: Range) -> int:
    """How many documents stand before the first row of a range, in a database of so many."""
    start = span.high if span.descending else span.low
    if start is None:
        return span.skip
    inclusive = span.high_inclusive if span.descending else not span.low_inclusive
    known = ranks.nearest(start, total)
    counted = count(connection, Range(known.id, start, high_inclusive=inclusive))
    if not inclusive:
        ranks.learn(start, counted, known, total)
    before = known.rank + counted
    return max(0, total - before if span.descending else before) + span.skip


def count(connection: apsw.Connection, span: Range) -> int:
    """How many documents a range has, whatever its skip and limit."""
    where, values = _where(span)
    return int(next(iter(connection.execute(f"SELECT count(*) FROM doc WHERE {where}", values)))[0])  # noqa: S608


def by_keys(connection: apsw.Connection, keys: Sequence[object], *, docs: bool) -> list[bytes]:
    """The row for each key of a list."""
    columns = "id, rev, deleted, body, atts" if docs else "id, rev, deleted"
    query = f"SELECT {columns} FROM doc WHERE id IN (SELECT value FROM json_each(?))"  # noqa: S608 - built of constants
    ids = [key for key in keys if isinstance(key, str)]
    rows = {row[0]: _row(*row) for row in connection.execute(query, (_encode(ids).decode(),))}
    missing = b'{"key":%s,"error":"not_found"}'
    return [rows[key] if isinstance(key, str) and key in rows else missing % _encode(key) for key in keys]


def _row(doc_id: str, rev: str, deleted: int, body: bytes | None = None, atts: str | None = None) -> bytes:
    quoted = _encode(doc_id)
    gone = b',"deleted":true' if deleted else b""
    doc = b""
    if body is not None:
        doc = b',"doc":' + (b"null" if deleted else render.plain(doc_id, rev, 0, body, atts))
    return b'{"id":%s,"key":%s,"value":{"rev":"%s"%s}%s}' % (quoted, quoted, rev.encode(), gone, doc)


def _page(connection: apsw.Connection, span: Range, docs: bool) -> tuple[bytes | None, int, str]:
    where, values = _where(span)
    order = "DESC" if span.descending else "ASC"
    row, extra = (_WITH_DOC, ", body, atts") if docs else (_PLAIN, "")
    last = "min" if span.descending else "max"
    query = (
        f"SELECT CAST(group_concat({row}, ',' || char(13, 10)) AS BLOB), count(*), {last}(id) FROM "  # noqa: S608
        f"(SELECT json_quote(id) AS j, id, rev{extra} FROM doc WHERE {where} ORDER BY id {order} LIMIT ? OFFSET ?)"
    )
    text, count, end = next(iter(connection.execute(query, (*values, span.limit, span.skip))))
    return text, count, end


def _where(span: Range) -> tuple[str, tuple[str, ...]]:
    where, values = "deleted = 0", []
    if span.low is not None:
        where += " AND id >= ?" if span.low_inclusive else " AND id > ?"
        values.append(span.low)
    if span.high is not None:
        where += " AND id <= ?" if span.high_inclusive else " AND id < ?"
        values.append(span.high)
    return where, tuple(values)


def _after(span: Range, last: str) -> Range:
    if span.descending:
        return replace(span, high=last, high_inclusive=False, skip=0)
    return replace(span, low=last, low_inclusive=False, skip=0)
