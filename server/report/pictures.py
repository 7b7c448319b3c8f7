"""Which charts the pages show, and the numbers in them."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

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
    """The charts of the first page."""
    return (*_by_branch(scratch, branches), *_by_day(runs))


def branch(runs: Sequence[Runs]) -> tuple[Chart, ...]:
    """The charts of a branch's page."""
    return tuple(_by_day(runs))


def _by_branch(scratch: Scratch, branches: Sequence[BranchLine]) -> Iterator[Chart]:
    several = len({line.product for line in branches}) > 1
    busiest = sorted(branches, key=lambda line: -line.runs)[:BRANCHES]
    labels = {line.name: plain(f"{line.product} {line.branch}" if several else line.branch, 40) for line in branches}
    shown = [line for line in branches if line in busiest]
    kinds = {(line.name, kind): n for line in shown for kind, n in _kinds(scratch, line)}
    outcomes = {(line.name, outcome): n for line in shown for outcome, n in _outcomes(line)}
    names = [line.name for line in shown]
    if kinds:
        yield charts.bars("findings", _table("Findings by branch and kind", "Branch", kinds, names, list(Kind), labels))
    if outcomes:
        title = "Runs by branch and outcome"
        yield charts.bars("outcomes", _table(title, "Branch", outcomes, names, list(JobResult), labels))


def _by_day(runs: Sequence[Runs]) -> Iterator[Chart]:
    """Runs that found something by day and branch, where there is more than one day to show."""
    counts: Counter[tuple[str, str]] = Counter()
    for run in runs:
        counts[run.day, run.branch] += run.count if run.outcome == JobResult.FAILURE else 0
    days = sorted({day for day, _ in counts})[-DAYS:]
    if len(days) > 1:
        busiest = Counter({branch: sum(n for (_, b), n in counts.items() if b == branch) for _, branch in counts})
        names = sorted(branch for branch, _ in busiest.most_common(charts.MAX_SERIES))
        yield charts.columns("days", _table("Runs with findings by day", "Day", counts, days, names, {}))


def _kinds(scratch: Scratch, line: BranchLine) -> Iterator[tuple[str, int]]:
    query = "SELECT kind, sum(count) FROM tuples WHERE product = ? AND branch = ? GROUP BY kind"
    return ((kind, number) for kind, number in scratch.rows(query, line.product, line.branch))


def _outcomes(line: BranchLine) -> Iterator[tuple[str, int]]:
    successes = line.runs - line.failures - line.errors
    found = zip(JobResult, (successes, line.failures, line.errors), strict=True)
    return ((outcome, number) for outcome, number in found if number)


def _table(
    title: str, corner: str, counts: Counts, rows: Sequence[str], columns: Sequence[str], labels: Mapping[str, str]
) -> Table:
    """The counts as a table; columns that hold nothing are left out."""
    used = [column for column in columns if any(counts.get((row, column)) for row in rows)]
    body = tuple((labels.get(row, row), tuple(counts.get((row, column), 0) for column in used)) for row in rows)
    return Table(title, corner, tuple(plain(column, 40) for column in used), body)
