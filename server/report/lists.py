"""Signatures and branches as lists show them, out of the scratch tables."""

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from crashfarm.documents.history import digest
from crashfarm.documents.job import JobResult
from server.queries.totals import Runs
from server.report.model import BranchLine, Line
from server.report.scratch import Scratch
from server.report.text import slug

_LINES = """
SELECT name, kind, detail, message, title, severity, first_seen, last_seen, findings, tuples, suppressed, differs,
    open_bugs, closed_bugs,
    (SELECT json_group_array(branch) FROM (SELECT DISTINCT branch FROM tuples WHERE signature = name ORDER BY branch))
FROM signatures WHERE {condition} ORDER BY suppressed, findings DESC, first_seen, name LIMIT {limit} OFFSET {offset}
"""

ON_BRANCH = "name IN (SELECT signature FROM tuples WHERE product = ? AND branch = ?)"
ALONE = "differs AND (SELECT count(DISTINCT branch) FROM tuples WHERE signature = name) = 1"
ONLY_ON_BRANCH = " AND ".join((ON_BRANCH, ALONE))


class Lists:
    """Reads lists from the scratch tables. New is what was first seen at or after `since`; nothing, if it is empty."""

    def __init__(self, scratch: Scratch, since: str) -> None:
        self._scratch = scratch
        self._since = since

    def lines(self, condition: str = "1", *values: Any, limit: int = -1, offset: int = 0) -> Iterator[Line]:
        """The signatures that meet an SQL condition, the commonest first; a negative limit means all."""
        statement = _LINES.format(condition=condition, limit=limit, offset=offset)
        return (self._line(row) for row in self._scratch.rows(statement, *values))

    def new(self, limit: int) -> tuple[Line, ...]:
        """Signatures that are new."""
        return tuple(self.lines("first_seen >= ?", self._since, limit=limit)) if self._since else ()

    def new_count(self) -> int:
        """How many are new."""
        query = "SELECT count(*) FROM signatures WHERE first_seen >= ?"
        return self._scratch.number(query, self._since) if self._since else 0

    def branch(self, product: str, branch: str, runs: Sequence[Runs]) -> BranchLine:
        """A branch with its numbers; `runs` are those of the branch."""
        here = (product, branch)
        return BranchLine(
            name=branch_name(product, branch),
            product=product,
            branch=branch,
            runs=sum(run.count for run in runs),
            failures=_of_outcome(runs, JobResult.FAILURE),
            errors=_of_outcome(runs, JobResult.ERROR),
            findings=self._scratch.number("SELECT sum(count) FROM tuples WHERE product = ? AND branch = ?", *here),
            signatures=self._scratch.number(f"SELECT count(*) FROM signatures WHERE {ON_BRANCH}", *here),  # noqa: S608
        )

    def branches(self) -> list[tuple[str, str]]:
        """Product and branch of all tuples."""
        return [
            (product, branch) for product, branch in self._scratch.rows("SELECT DISTINCT product, branch FROM tuples")
        ]

    def _line(self, row: tuple[Any, ...]) -> Line:
        new = bool(self._since) and row[6] >= self._since
        return Line(*(*row[:-1], new, tuple(msgspec.json.decode(row[-1]))))


def branch_name(product: str, branch: str) -> str:
    """The name of a branch's page: readable where it can be, and different for every branch."""
    readable = slug(f"{product}-{branch}")
    return f"{readable}-{digest((product, branch))[:8]}".strip("-")


def _of_outcome(runs: Sequence[Runs], outcome: str) -> int:
    return sum(run.count for run in runs if run.outcome == outcome)
