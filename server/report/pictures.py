"""Which charts the pages show, and the numbers in them."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from crashfarm.documents.finding import Kind
from crashfarm.documents.job import JobResult
from server.queries.totals import Runs
from server.report import charts
from server.report.model import BranchLine, Chart, Table
from server.report.scratch import Scratch
from server.report.text import plain

DAYS = 60
"""Days in a trend, at most."""

BRANCHES = 24
"""Bars in a chart, at most: the branches with most runs."""

Counts = Mapping[tuple[str, str], int]


def overview(scratch: Scratch, branches: Sequence[BranchLine], runs: Sequence[Runs]) -> tuple[Chart, ...]:
    """The charts of the first page: what was found, and how runs ended by day, or by branch if there is but one day."""
    shown = sorted(branches, key=lambda line: -line.runs)[:BRANCHES]
    lines = [line for line in branches if line in shown]
    return (*_findings(scratch, lines), *(_by_day(runs) or _outcomes(lines)))


def branch(runs: Sequence[Runs]) -> tuple[Chart, ...]:
    """The charts of a branch's page."""
    return tuple(_by_day(runs))


def _findings(scratch: Scratch, branches: Sequence[BranchLine]) -> list[Chart]:
    kinds = {(line.name, kind): n for line in branches for kind, n in _kinds(scratch, line)}
    table = _table("Findings by branch and kind", "Branch", kinds, _labels(branches), list(Kind))
    return [charts.bars("findings", table)] if kinds else []


def _kinds(scratch: Scratch, line: BranchLine) -> Iterator[tuple[Any, ...]]:
    query = "SELECT kind, sum(count) FROM tuples WHERE product = ? AND branch = ? GROUP BY kind"
    return scratch.rows(query, line.product, line.branch)


def _outcomes(branches: Sequence[BranchLine]) -> list[Chart]:
    outcomes = {(line.name, outcome): n for line in branches for outcome, n in line.outcomes.items()}
    table = _table("Runs by branch and outcome", "Branch", outcomes, _labels(branches), list(JobResult))
    return [charts.bars("outcomes", table)] if branches else []


def _by_day(runs: Sequence[Runs]) -> list[Chart]:
    """Failed runs by day and branch, where there is more than one day to show."""
    counts: Counter[tuple[str, str]] = Counter()
    by_branch: Counter[str] = Counter()
    for run in runs:
        found = run.count if run.outcome == JobResult.FAILURE else 0
        counts[run.day, run.branch] += found
        by_branch[run.branch] += found
    days = sorted({day for day, _ in counts})[-DAYS:]
    names = sorted(name for name, _ in by_branch.most_common(charts.MAX_SERIES))
    table = _table("Failed runs by day", "Day", counts, {day: day for day in days}, names)
    return [charts.columns("days", table)] if len(days) > 1 else []


def _labels(branches: Sequence[BranchLine]) -> dict[str, str]:
    """What the branches are called where their product need not be told; by their names, in their order."""
    several = len({line.product for line in branches}) > 1
    return {line.name: plain(f"{line.product} {line.branch}" if several else line.branch, 40) for line in branches}


def _table(title: str, corner: str, counts: Counts, rows: Mapping[str, str], columns: Sequence[str]) -> Table:
    """The counts as a table, its rows labelled; columns that hold nothing are left out."""
    used = [column for column in columns if any(counts.get((row, column)) for row in rows)]
    body = tuple((label, tuple(counts.get((row, column), 0) for column in used)) for row, label in rows.items())
    return Table(title, corner, tuple(plain(column, 40) for column in used), body)
