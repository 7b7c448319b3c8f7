"""A tree of counts and partial reductions over the sorted rows of a map function.

Level 0 nodes each stand for a run of rows, level 1 nodes for a run of level 0 nodes, and so on to one root. A node is
known by the composite key at which its run begins (`lo`); it ends where the next node of its level begins, and a node
begins where its first child does. `n` counts the rows below, `kids` the direct children, and `red` holds the partial
results of the view's reduces as msgpack, or NULL where rows changed since (then all ancestors hold NULL too).

So a total is one node, any range is a few nodes of each level and the ends of two runs of rows, and one changed row
makes stale only the nodes above it.
"""

from bisect import bisect_left
from collections.abc import Sequence
from typing import NamedTuple

import apsw

from server.store import collation

#: Children of a node, at most: rows of a lowest one, nodes of a higher one. Above it is split into parts of about half
#: as many.
MAX_ROWS = 256
MAX_NODES = 64
#: A node with less than this part of the most is joined to its neighbour.
LEAST = 1 / 8


_ADD = "UPDATE {nodes} SET n=n+?, kids=kids+?, red=NULL WHERE level=? AND lo=?"

Value = int | str | bytes


class Delta(NamedTuple):
    """Something changed at a key: so many rows more, so many children more."""

    at: bytes
    rows: int
    kids: int


class _Node(NamedTuple):
    lo: bytes
    rows: int
    kids: int


class Tree:
    """The tree of one map function, seen by the builder inside its transaction."""

    def __init__(self, connection: apsw.Connection, place: int) -> None:
        self._connection = connection
        self._nodes = f"nodes_{place}"
        self._rows = f"rows_{place}"

    def apply(self, keys: Sequence[bytes], rows: Sequence[int]) -> None:
        """Account for a row added (1), removed (-1) or replaced (0) at each key; the keys are sorted."""
        kids, level, top = rows, 0, self._top()
        while keys:
            touched = self._add(level, keys, rows, kids)
            above = self._balance(level, touched)
            if level == top:
                self._grow(level)
                return
            keys, rows, kids = zip(*above, strict=True)
            level += 1

    def _top(self) -> int:
        return int(self._execute("SELECT max(level) FROM {nodes}").get)

    def _add(self, level: int, keys: Sequence[bytes], rows: Sequence[int], kids: Sequence[int]) -> list[Delta]:
        """Add to the nodes of a level in whose runs the keys are; gives each touched node's sum."""
        touched: list[Delta] = []
        at = 0
        while at < len(keys):
            lo, end = self._find(level, keys[at])
            after = bisect_left(keys, end, at)
            touched.append(Delta(lo, sum(rows[at:after]), sum(kids[at:after])))
            at = after
        for lo, more_rows, more_kids in touched:
            self._execute(_ADD, more_rows, more_kids, level, lo)
        return touched

    def _find(self, level: int, key: bytes) -> tuple[bytes, bytes]:
        """Beginning and end of the node in whose run a key is."""
        query = "SELECT lo FROM {nodes} WHERE level=? AND lo<=? ORDER BY lo DESC LIMIT 1"
        lo: bytes = self._execute(query, level, key).get
        return lo, self._next(level, lo)

    def _next(self, level: int, lo: bytes) -> bytes:
        query = "SELECT lo FROM {nodes} WHERE level=? AND lo>? ORDER BY lo LIMIT 1"
        return self._execute(query, level, lo).get or collation.HIGHEST

    def _balance(self, level: int, touched: Sequence[Delta]) -> list[Delta]:
        """Split the nodes that grew too large, join those that shrank; gives the deltas for the level above."""
        above: list[Delta] = []
        for lo, rows, kids in touched:
            above.append(Delta(lo, rows, 0))
            node = self._node(level, lo)
            most = _most(level)
            if node.kids > most:
                above.append(Delta(lo, 0, self._split(level, node) - 1))
            elif lo and (node.rows == 0 or (kids < 0 and node.kids < most * LEAST)):
                above += self._shrink(level, node)
        return sorted(above)

    def _grow(self, level: int) -> None:
        """Put a root above the top level, if that has more than one node."""
        count, rows = self._execute("SELECT count(*), sum(n) FROM {nodes} WHERE level=?", level).get
        if count > 1:
            self._execute("INSERT INTO {nodes} VALUES(?, x'', ?, ?, NULL)", level + 1, rows, count)
            if count > MAX_NODES:
                self._split(level + 1, _Node(b"", rows, count))
            self._grow(level + 1)

    def _node(self, level: int, lo: bytes) -> _Node:
        return _Node(*self._execute("SELECT lo, n, kids FROM {nodes} WHERE level=? AND lo=?", level, lo).get)

    def _split(self, level: int, node: _Node) -> int:
        """Cut a node into parts of equal numbers of children; gives the number of parts."""
        parts = -(-node.kids // (_most(level) // 2))
        size = -(-node.kids // parts)
        cut = self._cut_rows(node, size) if level == 0 else self._cut_nodes(level, node, size)
        self._execute("DELETE FROM {nodes} WHERE level=? AND lo=?", level, node.lo)
        for at, (lo, rows, kids) in enumerate(cut):
            self._execute("INSERT INTO {nodes} VALUES(?, ?, ?, ?, NULL)", level, node.lo if at == 0 else lo, rows, kids)
        return len(cut)

    def _cut_rows(self, node: _Node, size: int) -> list[Delta]:
        """Every so many rows a part begins. SQLite counts, so that few rows come here."""
        query = (
            "SELECT k FROM (SELECT k, row_number() OVER (ORDER BY k) - 1 AS at FROM {rows} "
            "WHERE k>=? AND k<?) WHERE at % ? = 0"
        )
        starts = [lo for (lo,) in self._execute(query, node.lo, self._next(0, node.lo), size)]
        sizes = [min(size, node.kids - at) for at in range(0, node.kids, size)]
        return [Delta(lo, count, count) for lo, count in zip(starts, sizes, strict=True)]

    def _cut_nodes(self, level: int, node: _Node, size: int) -> list[Delta]:
        query = "SELECT lo, n FROM {nodes} WHERE level=? AND lo>=? AND lo<? ORDER BY lo"
        children = list(self._execute(query, level - 1, node.lo, self._next(level, node.lo)))
        parts = [children[at : at + size] for at in range(0, len(children), size)]
        return [Delta(part[0][0], sum(rows for _, rows in part), len(part)) for part in parts]

    def _shrink(self, level: int, node: _Node) -> list[Delta]:
        """Give a small node's run to the node before, if both have one parent: a parent begins where a child does.

        A parent's first child stays, until no row is left below the parent: then it goes with all below it.
        """
        parent, _ = self._find(level + 1, node.lo)
        if parent == node.lo:
            return []
        if node.rows == 0:
            query = "DELETE FROM {nodes} WHERE level=? AND lo>=? AND lo<?"
            end = self._next(level, node.lo)
            for below in range(level):
                self._execute(query, below, node.lo, end)
            node = _Node(node.lo, 0, 0)
        before = self._before(level, node.lo)
        self._execute("DELETE FROM {nodes} WHERE level=? AND lo=?", level, node.lo)
        self._execute(_ADD, node.rows, node.kids, level, before)
        return [Delta(parent, 0, -1)]

    def _before(self, level: int, lo: bytes) -> bytes:
        query = "SELECT lo FROM {nodes} WHERE level=? AND lo<? ORDER BY lo DESC LIMIT 1"
        before: bytes = self._execute(query, level, lo).get
        return before

    def _execute(self, query: str, *values: Value) -> apsw.Cursor:
        return self._connection.execute(query.format(nodes=self._nodes, rows=self._rows), values)


def _most(level: int) -> int:
    return MAX_NODES if level else MAX_ROWS
