"""Signatures and branches as lists show them, out of the scratch tables."""

import functools
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec

from crashfarm.documents.finding import Severity
from crashfarm.documents.history import digest
from crashfarm.documents.job import JobResult
from server.queries.totals import Runs
from server.report.model import BranchLine, Line, News
from server.report.scratch import Tables
from server.report.text import natural, slug

_LINES = """
SELECT name, kind, detail, message, title, severity, first_seen, last_seen, {seen}, tuples, suppressed, differs,
    open_bugs, closed_bugs, branches
FROM {table} WHERE {condition} ORDER BY {first}, findings DESC, first_seen, name LIMIT {limit}
"""
_EVERYWHERE = {"seen": "findings", "table": "signatures", "first": "suppressed"}
_AS_STORED = _EVERYWHERE | {"first": "name"}
_WORST = _EVERYWHERE | {"first": f"instr('{' '.join(Severity)}', severity)"}

_TOLD = """
SELECT count(*), sum(suppressed OR open_bugs > 0) FROM (
    SELECT suppressed, open_bugs, on_branch.count AS findings FROM signatures JOIN on_branch ON signature = name
    WHERE product = ? AND branch = ? ORDER BY suppressed, findings DESC, first_seen, name LIMIT ?
)
"""

ON_BRANCH = "name IN (SELECT signature FROM on_branch WHERE product = ? AND branch = ?)"
ONLY_BRANCH = "differs AND json_array_length(branches) = 1"

ON_MACHINE = "name IN (SELECT signature FROM on_machine WHERE os_name = ? AND os_version = ? AND cpu_name = ?)"
ONLY_MACHINE = "(SELECT count(*) FROM on_machine WHERE signature = name) = 1"

UNFILED = "NOT suppressed AND NOT open_bugs AND NOT closed_bugs"

NEW = "first_seen >= ?"

STILL_TRUE = "EXISTS (SELECT 1 FROM pages WHERE pages.name = signatures.name AND look = iif(first_seen >= ?, ?, ?))"

AGAIN = "EXISTS (SELECT 1 FROM again WHERE signature = name AND last_seen >= ?)"

AGAIN_OF_BUG = "EXISTS (SELECT 1 FROM again WHERE signature = name AND bug = ?)"
"""Of a closed bug, seen after that, on a branch where it is fixed."""

QUIET = """
last_seen < ? AND findings > 2 AND NOT suppressed AND EXISTS (
    SELECT 1 FROM tuples JOIN active USING (product, branch) WHERE signature = name
)
"""

STORIES = (
    ("New", "First seen since then.", "new", NEW),
    ("Seen again though fixed", "A closed bug explains them, and they have come back.", "again", AGAIN),
    (
        "Fixed, it seems",
        "A closed bug explains them, and they were not seen since, though their branches ran.",
        "fixed",
        f"{QUIET} AND closed_bugs AND NOT open_bugs",
    ),
    (
        "Gone quiet",
        "Seen three times or more before, and not since, though their branches ran.",
        "quiet",
        f"{QUIET} AND NOT (closed_bugs AND NOT open_bugs)",
    ),
    (
        "Not the same on every branch",
        "Seen on some branches, and not on another branch that ran the same input:"
        " something was broken, or fixed, in between.",
        "differ",
        "differs",
    ),
)
"""What lists of the first page tell: title, explanation, anchor, condition."""


class Lists:
    """Reads lists from the scratch tables. New is what was first seen at or after `since`; nothing, if it is empty."""

    def __init__(self, tables: Tables, since: str) -> None:
        self._tables = tables
        self._since = since

    def lines(self, condition: str = "1", *values: Any, limit: int = -1) -> Iterator[Line]:
        """The signatures that meet an SQL condition, the commonest first; a negative limit means all."""
        return self._lines(_EVERYWHERE, condition, *values, limit=limit)

    def as_stored(self, condition: str, *values: Any) -> Iterator[Line]:
        """The same in the order of their names, in which the tables are read fastest."""
        return self._lines(_AS_STORED, condition, *values, limit=-1)

    def worst(self, condition: str, *values: Any, limit: int) -> Iterator[Line]:
        """The same, the gravest first, however seldom they are seen."""
        return self._lines(_WORST, condition, *values, limit=limit)

    def on_branch(self, product: str, branch: str, also: str = "1", limit: int = -1) -> Iterator[Line]:
        """The signatures of a branch that meet a condition, too, each with how often it was seen there."""
        return self._here("on_branch", f"product = ? AND branch = ? AND {also}", product, branch, limit=limit)

    def on_machine(self, parts: Sequence[str], also: str = "1", limit: int = -1) -> Iterator[Line]:
        """The same of a kind of machine."""
        here = f"os_name = ? AND os_version = ? AND cpu_name = ? AND {also}"
        return self._here("on_machine", here, *parts, limit=limit)

    def told(self, product: str, branch: str, limit: int) -> tuple[int, int]:
        """How many signatures `on_branch` gives, and how many of these an open bug explains or somebody suppressed."""
        number, excused = next(self._tables.rows(_TOLD, product, branch, limit))
        return number, excused or 0

    def _here(self, table: str, condition: str, *values: Any, limit: int) -> Iterator[Line]:
        here = {"seen": f"{table}.count AS findings", "table": f"signatures JOIN {table} ON signature = name"}
        return self._lines(_EVERYWHERE | here, condition, *values, limit=limit)

    def _lines(self, where: Mapping[str, str], condition: str, *values: Any, limit: int) -> Iterator[Line]:
        statement = _LINES.format(**where, condition=condition, limit=limit)
        return (self._line(row) for row in self._tables.rows(statement, *values))

    def number(self, condition: str, *values: Any) -> int:
        """How many signatures meet an SQL condition."""
        return self._tables.number(f"SELECT count(*) FROM signatures WHERE {condition}", *values)  # noqa: S608

    def news(self, limit: int) -> tuple[News, ...]:
        """What changed since the time in question, and what differs between branches."""
        found = [self._news(*story, limit) for story in (STORIES if self._since else STORIES[-1:])]
        return tuple(news for news in found if news.number)

    def _news(self, title: str, about: str, anchor: str, condition: str, limit: int) -> News:
        values = [self._since] * condition.count("?")
        lines = tuple(self.lines(condition, *values, limit=limit))
        return News(title, about, anchor, lines, self.number(condition, *values))

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
            findings=self._tables.number("SELECT sum(count) FROM on_branch WHERE product = ? AND branch = ?", *here),
            signatures=self._tables.number(f"SELECT count(*) FROM signatures WHERE {ON_BRANCH}", *here),  # noqa: S608
        )

    def branches(self) -> list[tuple[str, str]]:
        """Product and branch of all tuples."""
        return [
            (product, branch) for product, branch in self._tables.rows("SELECT DISTINCT product, branch FROM on_branch")
        ]

    def _line(self, row: tuple[Any, ...]) -> Line:
        new = bool(self._since) and row[6] >= self._since
        *about, suppressed, differs, open_bugs, closed_bugs, branches = row
        flags = (bool(suppressed), bool(differs), open_bugs, closed_bugs, new)
        return Line(*(*about, *flags, _branches(branches)))


@functools.lru_cache(1024)
def _branches(names: str) -> tuple[str, ...]:
    """A JSON array of names, in the order of the versions in them."""
    return tuple(sorted(msgspec.json.decode(names, type=list[str]), key=natural))


@functools.lru_cache(1024)
def machine_name(parts: tuple[str, str, str]) -> str:
    """The name of a machine's page."""
    return f"{slug('-'.join(parts))}-{digest(parts)[:8]}".strip("-")


@functools.lru_cache(1024)
def branch_name(product: str, branch: str) -> str:
    """The name of a branch's page: readable where it can be, and different for every branch."""
    readable = slug(f"{product}-{branch}")
    return f"{readable}-{digest((product, branch))[:8]}".strip("-")


def branch_href(product: str, branch: str) -> str:
    """The address of a branch's page, from the report's folder."""
    return f"branch/{branch_name(product, branch)}.html"


def _of_outcome(runs: Sequence[Runs], outcome: str) -> int:
    return sum(run.count for run in runs if run.outcome == outcome)
