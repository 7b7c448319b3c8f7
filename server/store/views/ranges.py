"""Reading ranges of a map function's rows through its tree: counts, pieces of groups, partial reductions."""

import itertools
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

import apsw

from server.store import collation

#: What all keys of a group begin with, from any composite key of the group.
GroupOf = Callable[[bytes], bytes]

#: How many bytes of a composite key tell the place among what a document emitted.
_PLACE_BYTES = 4
StoredRow = tuple[bytes, bytes]


class Range(NamedTuple):
    """Composite keys from `start` up to, not including, `end`."""

    start: bytes
    end: bytes


class Whole(NamedTuple):
    """A node of the tree that lies in the range as a whole; only `rows` is known where only counts were asked for."""

    level: int
    lo: bytes
    end: bytes
    rows: int
    red: bytes | None


class Rows(NamedTuple):
    """Some rows, in the order of their keys."""

    rows: list[StoredRow]


Piece = Whole | Rows


class Reader:
    """The rows and the tree of one map function, inside one read transaction."""

    def __init__(self, connection: apsw.Connection, place: int) -> None:
        self._connection = connection
        self._nodes = f"nodes_{place}"
        self._rows = f"rows_{place}"
        self._top: Whole | None = None

    def total(self) -> int:
        """How many rows there are."""
        return self._root.rows

    def count(self, within: Range) -> int:
        """How many rows a range has."""
        return max(self.rank(within.end) - self.rank(within.start), 0)

    def rank(self, bound: bytes) -> int:
        """How many rows sort before a key."""
        root = self._root
        if not bound or bound >= collation.HIGHEST:
            return root.rows if bound else 0
        query = (
            f"SELECT lo, (SELECT total(n) FROM {self._nodes} WHERE level=?1 AND lo>=?2 AND lo<node.lo) "  # noqa: S608
            f"FROM {self._nodes} node WHERE level=?1 AND lo<=?3 ORDER BY lo DESC LIMIT 1"
        )
        lo, rank = root.lo, 0
        for level in range(root.level - 1, -1, -1):
            lo, before = self._connection.execute(query, (level, lo, bound)).get
            rank += int(before)
        return rank + int(self._connection.execute(self._count_rows, (lo, bound)).get)

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
        found = [lo for (lo,) in self._connection.execute(query, (level,))]
        return [Whole(level, lo, self._end(level, lo), 0, None) for lo in found]

    def reductions(self, node: Whole) -> list[bytes]:
        """The stored partial reductions of a node's children."""
        query = f"SELECT red FROM {self._nodes} WHERE level=? AND lo>=? AND lo<? AND n>0 ORDER BY lo"  # noqa: S608
        return [red for (red,) in self._connection.execute(query, (node.level - 1, node.lo, node.end))]

    def pieces(self, within: Range, counts_only: bool) -> list[Piece]:
        """What a range consists of: the largest nodes inside it, and rows at its ends."""
        if within.start >= within.end:
            return []
        if counts_only:
            count = self.count(within)
            return [Whole(0, *within, count, None)] if count else []
        return self._inside(self._root, within)

    def groups(
        self, within: Range, group_of: GroupOf, descending: bool, counts_only: bool
    ) -> Iterator[tuple[bytes, list[Piece]]]:
        """Each group of a range: what its keys begin with, and its pieces; groups in order.

        Read run by run of lowest nodes: small groups come from a run's rows, and what a large group holds beyond
        its run comes from the tree.
        """
        return (self._groups_down if descending else self._groups_up)(within, group_of, counts_only)

    def _groups_up(self, within: Range, group_of: GroupOf, counts_only: bool) -> Iterator[tuple[bytes, list[Piece]]]:
        at = within.start
        while at < within.end:
            stop = min(self._run(at).end, within.end)
            keys, rows = self._load(Range(at, stop))
            first = 0
            at = stop
            while first < len(rows):
                prefix = group_of(keys[first])
                end = min(prefix + collation.HIGHEST, within.end)
                last = bisect_left(keys, end, first)
                pieces: list[Piece] = [Rows(rows[first:last])]
                if last == len(rows) and end > stop:
                    pieces += self.pieces(Range(stop, end), counts_only)
                    at = end
                yield prefix, pieces
                first = last

    def _groups_down(self, within: Range, group_of: GroupOf, counts_only: bool) -> Iterator[tuple[bytes, list[Piece]]]:
        at = within.end
        while at > within.start:
            stop = max(self._run_before(at), within.start)
            keys, rows = self._load(Range(stop, at))
            last = len(rows)
            at = stop
            while last > 0:
                prefix = group_of(keys[last - 1])
                start = max(prefix, within.start)
                first = bisect_left(keys, start, 0, last)
                pieces: list[Piece] = [Rows(rows[first:last])]
                if first == 0 and start < stop:
                    pieces = self.pieces(Range(start, stop), counts_only) + pieces
                    at = start
                yield prefix, pieces
                last = first

    @property
    def _count_rows(self) -> str:
        return f"SELECT count(*) FROM {self._rows} WHERE k>=? AND k<?"  # noqa: S608

    @property
    def _root(self) -> Whole:
        if self._top is None:
            self._top = self._find_root()
        return self._top

    def _find_root(self) -> Whole:
        query = f"SELECT level, lo, ?, n, red FROM {self._nodes} ORDER BY level DESC LIMIT 1"  # noqa: S608
        return Whole(*self._connection.execute(query, (collation.HIGHEST,)).get)

    def _end(self, level: int, lo: bytes) -> bytes:
        query = f"SELECT lo FROM {self._nodes} WHERE level=? AND lo>? ORDER BY lo LIMIT 1"  # noqa: S608
        return self._connection.execute(query, (level, lo)).get or collation.HIGHEST

    def _run(self, key: bytes) -> Range:
        """The run of rows in which a key is."""
        query = f"SELECT lo FROM {self._nodes} WHERE level=0 AND lo<=? ORDER BY lo DESC LIMIT 1"  # noqa: S608
        lo = self._connection.execute(query, (key,)).get
        return Range(lo, self._end(0, lo))

    def _run_before(self, bound: bytes) -> bytes:
        """Where the run begins that holds the last row before a bound."""
        query = f"SELECT lo FROM {self._nodes} WHERE level=0 AND lo<? ORDER BY lo DESC LIMIT 1"  # noqa: S608
        return self._connection.execute(query, (bound,)).get or b""

    def _load(self, within: Range) -> tuple[list[bytes], list[StoredRow]]:
        rows = list(self.rows(within, False, 0, -1))
        return [key for key, _ in rows], rows

    def _children(self, node: Whole, within: Range) -> list[Whole]:
        """The nodes directly below one that have rows and touch a range, in order."""
        query = f"SELECT lo, n, red FROM {self._nodes} WHERE level=? AND lo>=? AND lo<? ORDER BY lo"  # noqa: S608
        level = node.level - 1
        start = max(node.lo, within.start)
        if start > node.lo:
            last = f"SELECT lo FROM {self._nodes} WHERE level=? AND lo<=? ORDER BY lo DESC LIMIT 1"  # noqa: S608
            start = self._connection.execute(last, (level, start)).get
        stop = min(node.end, within.end)
        found = list(self._connection.execute(query, (level, start, stop)))
        ends = [lo for lo, _, _ in found[1:]]
        ends.append(node.end if stop == node.end else self._end(level, found[-1][0]))
        return [Whole(level, lo, end, n, red) for (lo, n, red), end in zip(found, ends, strict=True) if n]

    def _inside(self, node: Whole, within: Range) -> list[Piece]:
        if node.rows == 0:
            return []
        if node.lo >= within.start and node.end <= within.end:
            return [node]
        if node.level == 0:
            _, rows = self._load(Range(max(node.lo, within.start), min(node.end, within.end)))
            return [Rows(rows)] if rows else []
        children = self._children(node, within)
        if len(children) < 3:
            return [piece for child in children for piece in self._inside(child, within)]
        return [*self._inside(children[0], within), *children[1:-1], *self._inside(children[-1], within)]

    def _skip(self, within: Range, descending: bool, skip: int) -> tuple[Range, int]:
        """Narrow a range by whole nodes while the rows to skip last; gives what is left to skip, less than a node."""
        waiting = [self._root]
        while waiting:
            node = waiting.pop()
            part = Range(max(node.lo, within.start), min(node.end, within.end))
            if node.rows == 0 or part.start >= part.end:
                continue
            inside = part == (node.lo, node.end)
            if node.level > 0 and (node.rows > skip or not inside):
                children = self._children(node, within)
                waiting += children if descending else children[::-1]
                continue
            count = node.rows if inside else int(self._connection.execute(self._count_rows, part).get)
            if count > skip:
                break
            skip -= count
            within = Range(within.start, part.start) if descending else Range(part.end, within.end)
        return within, skip


def _in_order_of_emission(rows: Iterable[StoredRow]) -> Iterator[StoredRow]:
    run: list[StoredRow] = []
    for row in rows:
        if run and run[-1][0][:-_PLACE_BYTES] != row[0][:-_PLACE_BYTES]:
            yield from reversed(run)
            run.clear()
        run.append(row)
    yield from reversed(run)
