"""Reading ranges of a map function's rows through its tree: counts, pieces of groups, partial reductions."""

import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

import apsw

from server.store import collation

#: What all keys of a group begin with, from any composite key of the group.
GroupOf = Callable[[bytes], bytes]

#: How many bytes of a composite key tell the place among what a document emitted.
_PLACE_BYTES = 4
#: The level of a part of a lowest node.
CUT = -1

StoredRow = tuple[bytes, bytes]


class Range(NamedTuple):
    """Composite keys from `start` up to, not including, `end`."""

    start: bytes
    end: bytes


class Whole(NamedTuple):
    """A node of the tree that lies in the range, and in one group, as a whole."""

    level: int
    lo: bytes
    end: bytes
    rows: int
    red: bytes | None


class Rows(NamedTuple):
    """Some rows of one group."""

    rows: list[StoredRow]


Piece = Whole | Rows


class Reader:
    """The rows and the tree of one map function, inside one read transaction."""

    def __init__(self, connection: apsw.Connection, place: int) -> None:
        self._connection = connection
        self._nodes = f"nodes_{place}"
        self._rows = f"rows_{place}"

    def total(self) -> int:
        """How many rows there are."""
        return self._root().rows

    def count(self, within: Range) -> int:
        """How many rows a range has."""
        return sum(self._count(piece) for piece in self._cover(within, everything, False))

    def rows(self, within: Range, descending: bool, skip: int, limit: int) -> Iterator[StoredRow]:
        """The rows of a range in order; a negative limit is none.

        What one document emitted under one key comes in the order of emission, descending or not, as in CouchDB.
        """
        if skip > 0:
            within, skip = self._skip(within, descending, skip)
        if not descending:
            query = f"SELECT k, row FROM {self._rows} WHERE k>=? AND k<? ORDER BY k LIMIT ? OFFSET ?"  # noqa: S608
            return iter(self._connection.execute(query, (*within, limit, skip)))
        query = f"SELECT k, row FROM {self._rows} WHERE k>=? AND k<? ORDER BY k DESC"  # noqa: S608
        found = _in_order_of_emission(self._connection.execute(query, within))
        return itertools.islice(found, skip, None if limit < 0 else skip + limit)

    def first(self, within: Range) -> StoredRow:
        """The first row of a range that has one."""
        found: StoredRow = self._connection.execute(
            f"SELECT k, row FROM {self._rows} WHERE k>=? AND k<? LIMIT 1",  # noqa: S608
            within,
        ).get
        return found

    def missing(self, level: int) -> list[Whole]:
        """The nodes of a level whose partial reductions are missing."""
        query = f"SELECT lo FROM {self._nodes} WHERE level=? AND red IS NULL AND n>0"  # noqa: S608
        after = f"SELECT lo FROM {self._nodes} WHERE level=? AND lo>? ORDER BY lo LIMIT 1"  # noqa: S608
        found = [lo for (lo,) in self._connection.execute(query, (level,))]
        ends = [self._connection.execute(after, (level, lo)).get or collation.HIGHEST for lo in found]
        return [Whole(level, lo, end, 0, None) for lo, end in zip(found, ends, strict=True)]

    def reductions(self, node: Whole) -> list[bytes]:
        """The stored partial reductions of a node's children."""
        query = f"SELECT red FROM {self._nodes} WHERE level=? AND lo>=? AND lo<? AND n>0 ORDER BY lo"  # noqa: S608
        return [red for (red,) in self._connection.execute(query, (node.level - 1, node.lo, node.end))]

    def pieces(self, within: Range, group_of: GroupOf, descending: bool) -> Iterator[tuple[bytes, Piece]]:
        """Each group's pieces, with what the group's keys begin with; groups in order."""
        for piece in self._cover(within, group_of, descending):
            if piece.level != CUT:
                yield group_of(piece.lo), piece
            else:
                yield from _grouped(list(self.rows(Range(piece.lo, piece.end), descending, 0, -1)), group_of)

    def _root(self) -> Whole:
        query = f"SELECT level, lo, ?, n, red FROM {self._nodes} ORDER BY level DESC LIMIT 1"  # noqa: S608
        return Whole(*self._connection.execute(query, (collation.HIGHEST,)).get)

    def _children(self, node: Whole, descending: bool) -> list[Whole]:
        """The nodes below one, so that the last one of the list is to be visited first."""
        query = f"SELECT lo, n, red FROM {self._nodes} WHERE level=? AND lo>=? AND lo<? ORDER BY lo"  # noqa: S608
        found = list(self._connection.execute(query, (node.level - 1, node.lo, node.end)))
        ends = [lo for lo, _, _ in found[1:]] + [node.end]
        pairs = zip(found, ends, strict=True)
        children = [Whole(node.level - 1, lo, end, rows, red) for (lo, rows, red), end in pairs]
        return children if descending else children[::-1]

    def _cover(self, within: Range, group_of: GroupOf, descending: bool) -> Iterator[Whole]:
        """The largest nodes inside a range, and what it cuts off lowest nodes, as nodes of level CUT."""
        waiting = [self._root()]
        while waiting:
            node = waiting.pop()
            if _outside(node, within):
                continue
            if _inside(node, within) and _one_group(node, group_of):
                yield node
            elif node.level > 0:
                waiting += self._children(node, descending)
            else:
                yield _cut(node, within)

    def _count(self, piece: Whole) -> int:
        if piece.level != CUT:
            return piece.rows
        query = f"SELECT count(*) FROM {self._rows} WHERE k>=? AND k<?"  # noqa: S608
        return int(self._connection.execute(query, (piece.lo, piece.end)).get)

    def _skip(self, within: Range, descending: bool, skip: int) -> tuple[Range, int]:
        """Narrow a range by whole nodes while the rows to skip last; gives what is left to skip, less than a node."""
        waiting = [self._root()]
        while waiting:
            node = waiting.pop()
            if _outside(node, within):
                continue
            if node.level > 0 and (node.rows > skip or not _inside(node, within)):
                waiting += self._children(node, descending)
                continue
            part = node if _inside(node, within) else _cut(node, within)
            count = self._count(part)
            if count > skip:
                break
            skip -= count
            within = Range(within.start, part.lo) if descending else Range(part.end, within.end)
        return within, skip


def everything(_key: bytes) -> bytes:
    """All rows are one group."""
    return b""


def _in_order_of_emission(rows: Iterable[StoredRow]) -> Iterator[StoredRow]:
    run: list[StoredRow] = []
    for row in rows:
        if run and run[-1][0][:-_PLACE_BYTES] != row[0][:-_PLACE_BYTES]:
            yield from reversed(run)
            run.clear()
        run.append(row)
    yield from reversed(run)


def _outside(node: Whole, within: Range) -> bool:
    return node.rows == 0 or node.lo >= within.end or node.end <= within.start


def _inside(node: Whole, within: Range) -> bool:
    return node.lo >= within.start and node.end <= within.end


def _cut(node: Whole, within: Range) -> Whole:
    return Whole(CUT, max(node.lo, within.start), min(node.end, within.end), node.rows, None)


def _one_group(node: Whole, group_of: GroupOf) -> bool:
    return group_of is everything or (node.lo != b"" and node.end.startswith(group_of(node.lo)))


def _grouped(rows: Sequence[StoredRow], group_of: GroupOf) -> Iterator[tuple[bytes, Rows]]:
    at = 0
    while at < len(rows):
        prefix = group_of(rows[at][0])
        end = at + 1
        while end < len(rows) and rows[end][0].startswith(prefix):
            end += 1
        yield prefix, Rows(list(rows[at:end]))
        at = end
