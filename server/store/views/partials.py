"""Partial reductions: stored in the tree's nodes after a build, and put together for a query."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import apsw
import msgspec

from server.store.views.ranges import GroupOf, Piece, Range, Reader, Rows, StoredRow, Whole
from server.store.views.reduces import Count, IndexRow, Reducer

#: Nodes that are reduced in one go.
BATCH = 64

_decode_rows = msgspec.json.Decoder(list[IndexRow]).decode
_pack = msgspec.msgpack.encode
_unpack = msgspec.msgpack.decode


def parse_rows(rows: Iterable[StoredRow]) -> list[IndexRow]:
    """Stored rows as values."""
    return _decode_rows(b"[" + b",".join([row for _, row in rows]) + b"]")


def needs_storing(reducers: Sequence[Reducer]) -> bool:
    """Counts stand in the tree anyway."""
    return any(not isinstance(reducer, Count) for reducer in reducers)


def store_missing(connection: apsw.Connection, place: int, reducers: Sequence[Reducer]) -> Iterator[None]:
    """Fill in the partial reductions that are missing, level by level; yields after each batch of nodes."""
    nodes = f"nodes_{place}"
    top = connection.execute(f"SELECT max(level) FROM {nodes}").get  # noqa: S608
    reader = Reader(connection, place)
    for level in range(top + 1):
        for batch in _batches(reader.missing(level), BATCH):
            reds = _reduce_nodes(reader, batch, reducers)
            connection.executemany(
                f"UPDATE {nodes} SET red=? WHERE level=? AND lo=?",  # noqa: S608
                [(red, level, node.lo) for node, red in zip(batch, reds, strict=True)],
            )
            yield


def _batches(nodes: Iterable[Whole], size: int) -> Iterator[list[Whole]]:
    waiting = list(nodes)
    for at in range(0, len(waiting), size):
        yield waiting[at : at + size]


def _reduce_nodes(reader: Reader, nodes: Sequence[Whole], reducers: Sequence[Reducer]) -> list[bytes]:
    if nodes[0].level == 0:
        rows = [parse_rows(reader.rows(Range(node.lo, node.end), False, 0, -1)) for node in nodes]
        columns = [reducer.reduce(rows) for reducer in reducers]
    else:
        below = [[_unpack(red) for red in reader.reductions(node)] for node in nodes]
        columns = [
            reducer.rereduce([[reds[at] for reds in group] for group in below]) for at, reducer in enumerate(reducers)
        ]
    return [_pack(reds) for reds in zip(*columns, strict=True)]


class Grouping:
    """Reduces the groups of a range with one reducer, some groups at a time."""

    def __init__(self, reader: Reader, reducer: Reducer, at: int) -> None:
        self._reader = reader
        self._reducer = reducer
        self._at = at
        self._counting = isinstance(reducer, Count)

    def all(self, within: Range) -> Iterator[tuple[bytes, list[Piece]]]:
        """The whole range as one group, unless it is empty."""
        pieces = self._reader.pieces(within, self._counting)
        if pieces:
            yield b"", pieces

    def groups(self, within: Range, group_of: GroupOf, descending: bool) -> Iterator[tuple[bytes, list[Piece]]]:
        """Each group's beginning of keys, and its pieces."""
        return self._reader.groups(within, group_of, descending, self._counting)

    def results(self, groups: Sequence[Sequence[Piece]]) -> list[Any]:
        """The answer for each group."""
        if self._counting:
            return [sum(map(_count, group)) for group in groups]
        partials = iter(self._reducer.reduce([rows for group in groups for rows in self._unreduced(group)]))
        collected = [[self._partial(piece, partials) for piece in group] for group in groups]
        several = iter(self._reducer.rereduce([group for group in collected if len(group) != 1]))
        return [self._reducer.answer(group[0] if len(group) == 1 else next(several)) for group in collected]

    def _unreduced(self, group: Sequence[Piece]) -> Iterator[list[IndexRow]]:
        for piece in group:
            if isinstance(piece, Rows):
                yield parse_rows(piece.rows)
            elif piece.red is None:
                yield parse_rows(self._reader.rows(Range(piece.lo, piece.end), False, 0, -1))

    def _partial(self, piece: Piece, reduced: Iterator[Any]) -> Any:
        if isinstance(piece, Rows) or piece.red is None:
            return next(reduced)
        return _unpack(piece.red)[self._at]


def _count(piece: Piece) -> int:
    return len(piece.rows) if isinstance(piece, Rows) else piece.rows
