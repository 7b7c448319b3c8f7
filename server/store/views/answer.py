"""From an index and a query's options to the JSON text that CouchDB answers with, piece by piece."""

import functools
import itertools
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Protocol

import msgspec

from server.store import collation
from server.store.collation import HIGHEST, Encode
from server.store.views.options import EXACT, Bound, Options
from server.store.views.partials import Grouping, parse_rows
from server.store.views.ranges import GroupOf, Piece, Range, Reader, Rows, StoredRow
from server.store.views.reduces import Reducer

#: Rows, or groups, that make one piece of an answer.
CHUNK = 500
GROUP_CHUNK = 64

_encode = msgspec.json.encode


#: A document that a row asks for: its id, and a revision or None for the winner.
Wanted = tuple[str, str | None]


class FetchDocs(Protocol):
    """Finds documents as JSON text, in their order; None for one that is not there, or deleted."""

    def __call__(self, wanted: Sequence[Wanted], /) -> Sequence[bytes | None]: ...


class _RowParts(msgspec.Struct):
    id: str
    value: Any


_decode_parts = msgspec.json.Decoder(_RowParts).decode


def rows_answer(
    reader: Reader, options: Options, encode: Encode, update_seq: str | None, fetch: FetchDocs
) -> Iterator[bytes]:
    """The answer of a query that does not reduce, without the newline at its end."""
    rows = _rows(reader, options, encode)
    chunk = list(itertools.islice(rows, CHUNK))
    offset = _offset(reader, options, encode, chunk) if options.sorted else None
    yield _head(reader, offset, update_seq)
    first = True
    while chunk:
        texts = [row for _, row in chunk]
        if options.include_docs:
            docs = fetch([_wanted(row) for row in texts])
            texts = [row[:-1] + b',"doc":' + (doc or b"null") + b"}" for row, doc in zip(texts, docs, strict=True)]
        yield (b"" if first else b",\r\n") + b",\r\n".join(texts)
        first = False
        chunk = list(itertools.islice(rows, CHUNK))
    yield b"\r\n]}"


def reduced_answer(
    reader: Reader, reducer: Reducer, at: int, options: Options, encode: Encode, update_seq: str | None
) -> Iterator[bytes]:
    """The answer of a query that reduces with the reduce at place `at`, without the newline at its end."""
    yield b"{" + (b'"update_seq":' + _encode(update_seq) + b"," if update_seq else b"") + b'"rows":[\r\n'
    grouping = Grouping(reader, reducer, at)
    stop = None if options.limit is None else options.skip + options.limit
    groups = itertools.islice(_groups(grouping, options, encode), options.skip, stop)
    first = True
    while chunk := list(itertools.islice(groups, GROUP_CHUNK)):
        values = grouping.results([pieces for _, pieces in chunk])
        lines = [_group_row(reader, pieces, options) for _, pieces in chunk]
        texts = [b'{"key":%s,"value":%s}' % pair for pair in zip(lines, map(_encode, values), strict=True)]
        yield (b"" if first else b",\r\n") + b",\r\n".join(texts)
        first = False
    yield b"\r\n]}"


def _head(reader: Reader, offset: int | None, update_seq: str | None) -> bytes:
    parts = []
    if offset is not None:
        parts += [b'"total_rows":%d' % reader.total(), b'"offset":%d' % offset]
    if update_seq:
        parts.append(b'"update_seq":' + _encode(update_seq))
    return b"{" + b",".join([*parts, b'"rows":[\r\n'])


def _offset(reader: Reader, options: Options, encode: Encode, rows: Sequence[StoredRow]) -> int:
    """How many rows of the view come before the first one of the answer."""
    if options.keys is not None:
        if not options.keys:
            return min(options.skip, reader.total())
        if rows:
            return _place(reader, options, Range(rows[0][0], rows[0][0] + HIGHEST))
        options = _for_key(options, options.keys[-1])
    return min(_place(reader, options, options.range(encode)) + options.skip, reader.total())


def _place(reader: Reader, options: Options, within: Range) -> int:
    return reader.total() - reader.rank(within.end) if options.descending else reader.rank(within.start)


def _rows(reader: Reader, options: Options, encode: Encode) -> Iterator[StoredRow]:
    limit = -1 if options.limit is None else options.limit
    if options.keys is None:
        return reader.rows(options.range(encode), options.descending, options.skip, limit)
    ranges = (_for_key(options, key).range(encode) for key in options.keys)
    rows = itertools.chain.from_iterable(reader.rows(each, options.descending, 0, -1) for each in ranges)
    return itertools.islice(rows, options.skip, None if limit < 0 else options.skip + limit)


def _for_key(options: Options, key: Any) -> Options:
    start = Bound(key, options.start.doc_id if options.start else None)
    end = Bound(key, options.end.doc_id if options.end else None)
    return msgspec.structs.replace(options, start=start, end=end)


def _wanted(row: bytes) -> Wanted:
    parts = _decode_parts(row)
    doc_id, rev = parts.id, None
    if isinstance(parts.value, dict) and isinstance(parts.value.get("_id"), str):
        doc_id = parts.value["_id"]
    if isinstance(parts.value, dict) and isinstance(parts.value.get("_rev"), str):
        rev = parts.value["_rev"]
    return doc_id, rev


def _groups(grouping: Grouping, options: Options, encode: Encode) -> Iterable[tuple[bytes, list[Piece]]]:
    ranges = [options.range(encode)]
    if options.keys is not None:
        ranges = [_for_key(options, key).range(encode) for key in options.keys]
    if not options.group_level:
        return itertools.chain.from_iterable(map(grouping.all, ranges))
    group_of = _group_of(options.group_level)
    found = (grouping.groups(each, group_of, options.descending) for each in ranges)
    return itertools.chain.from_iterable(found)


def _group_of(level: int) -> GroupOf:
    if level == EXACT:
        return collation.whole_key
    return functools.partial(collation.array_prefix, length=level)


def _group_row(reader: Reader, pieces: list[Piece], options: Options) -> bytes:
    """The key that stands for a group, as JSON text."""
    if not options.group_level:
        return b"null"
    piece = pieces[0]
    row = piece.rows[0] if isinstance(piece, Rows) else reader.first(Range(piece.lo, piece.end))
    [parsed] = parse_rows([row])
    if options.group_level > 0 and isinstance(parsed.key, list):
        return _encode(parsed.key[: options.group_level])
    return _encode(parsed.key)
