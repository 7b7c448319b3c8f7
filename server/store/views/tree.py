"""A tree of counts and partial reductions over the sorted rows of a map function.

Level 0 nodes each stand for a run of rows, level 1 nodes for a run of level 0 nodes, and so on to one root. A node is
known by the composite key at which its run begins (`lo`); it ends where the next node of its level begins, and a node
begins where its first child does. `n` counts the rows below, `kids` the direct children, and `red` holds the partial
results of the view's reduces as msgpack, or NULL where rows changed since (then all ancestors hold NULL too).

So a total is one node, any range is a few nodes of each level and the ends of two runs of rows, and one changed row
makes stale only the nodes above it.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import apsw

#: Children of a node: it is split above MAX into parts of about half as many, and joined to its neighbour below MIN.
MAX = 256
MIN = 24


_ADD = "UPDATE {nodes} SET n=n+?, kids=kids+?, red=NULL WHERE level=? AND lo=?"

Value = int | str | bytes | None


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

    def apply(self, changed: Iterable[tuple[bytes, int]]) -> None:
        """Account for rows added (1), removed (-1) or replaced (0), given in the order of their keys."""
        deltas = [Delta(key, rows, rows) for key, rows in changed]
        level, top = 0, self._top()
        while deltas:
            touched = self._add(level, deltas)
            deltas = self._balance(level, touched)
            if level == top:
                self._grow(level)
                return
            level += 1

    def _top(self) -> int:
        return int(self._execute("SELECT max(level) FROM {nodes}").get)

    def _add(self, level: int, deltas: Sequence[Delta]) -> list[Delta]:
        """Add deltas, sorted by key, to the nodes of a level; gives each touched node's sum."""
        touched: list[Delta] = []
        end: bytes | None = b""
        for delta in deltas:
            if touched and (end is None or delta.at < end):
                lo, rows, kids = touched[-1]
                touched[-1] = Delta(lo, rows + delta.rows, kids + delta.kids)
            else:
                lo, end = self._find(level, delta.at)
                touched.append(Delta(lo, delta.rows, delta.kids))
        for lo, rows, kids in touched:
            self._execute(_ADD, rows, kids, level, lo)
        return touched

    def _find(self, level: int, key: bytes) -> tuple[bytes, bytes | None]:
        """Beginning and end of the node in whose run a key is; no end: the last one."""
        query = "SELECT lo FROM {nodes} WHERE level=? AND lo<=? ORDER BY lo DESC LIMIT 1"
        lo: bytes = self._execute(query, level, key).get
        return lo, self._next(level, lo)

    def _next(self, level: int, lo: bytes) -> bytes | None:
        query = "SELECT lo FROM {nodes} WHERE level=? AND lo>? ORDER BY lo LIMIT 1"
        end: bytes | None = self._execute(query, level, lo).get
        return end

    def _balance(self, level: int, touched: Sequence[Delta]) -> list[Delta]:
        """Split the nodes that grew too large, join those that shrank; gives the deltas for the level above."""
        above: list[Delta] = []
        for lo, rows, kids in touched:
            above.append(Delta(lo, rows, 0))
            node = self._node(level, lo)
            if node.kids > MAX:
                above.append(Delta(lo, 0, self._split(level, node) - 1))
            elif lo and (node.rows == 0 or (kids < 0 and node.kids < MIN)):
                above += self._shrink(level, node)
        return sorted(above)

    def _grow(self, level: int) -> None:
        """Put a root above the top level, if that has more than one node."""
        count, rows = self._execute("SELECT count(*), sum(n) FROM {nodes} WHERE level=?", level).get
        if count > 1:
            self._execute("INSERT INTO {nodes} VALUES(?, x'', ?, ?, NULL)", level + 1, rows, count)
            if count > MAX:
                self._split(level + 1, _Node(b"", rows, count))
            self._grow(level + 1)

    def _node(self, level: int, lo: bytes) -> _Node:
        return _Node(*self._execute("SELECT lo, n, kids FROM {nodes} WHERE level=? AND lo=?", level, lo).get)

    def _split(self, level: int, node: _Node) -> int:
        """Cut a node into parts of equal numbers of children; gives the number of parts."""
        children = self._children(level, node.lo, self._next(level, node.lo))
        count = -(-len(children) // (MAX // 2))
        size = -(-len(children) // count)
        starts = range(0, len(children), size)
        parts = [(children[at : at + size]) for at in starts]
        self._execute("DELETE FROM {nodes} WHERE level=? AND lo=?", level, node.lo)
        self._connection.executemany(
            f"INSERT INTO {self._nodes} VALUES(?, ?, ?, ?, NULL)",
            [
                (level, node.lo if at == 0 else part[0][0], sum(rows for _, rows in part), len(part))
                for at, part in enumerate(parts)
            ],
        )
        return len(parts)

    def _children(self, level: int, lo: bytes, end: bytes | None) -> list[tuple[bytes, int]]:
        if level == 0:
            query = "SELECT k, 1 FROM {rows} WHERE k>=? AND (k<?2 OR ?2 IS NULL) ORDER BY k"
            return list(self._execute(query, lo, end))
        query = "SELECT lo, n FROM {nodes} WHERE level=? AND lo>=? AND (lo<?3 OR ?3 IS NULL) ORDER BY lo"
        return list(self._execute(query, level - 1, lo, end))

    def _shrink(self, level: int, node: _Node) -> list[Delta]:
        """Give a small node's run to the node before, if both have one parent: a parent begins where a child does.

        A parent's first child stays, until no row is left below the parent: then it goes with all below it.
        """
        parent, _ = self._find(level + 1, node.lo)
        if parent == node.lo:
            return []
        if node.rows == 0:
            query = "DELETE FROM {nodes} WHERE level=? AND lo>=? AND (lo<?3 OR ?3 IS NULL)"
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
