"""Which charts the pages show, and the numbers in them."""

from collections import Counter
from collections.abc import Mapping, Sequence

from crashfarm.documents.finding import Kind
from crashfarm.documents.job import JobResult
from server.report import charts
from server.report.model import BranchLine, Chart, Table
from server.report.scratch import Scratch
from server.report.text import natural, plain

DAYS = 60
"""Days in a trend, at most."""

BRANCHES = 24
"""Bars in a chart, at most: the branches with most runs."""

Counts = Mapping[tuple[str, str], int]

Day = tuple[str, str, str]
"""Product, branch and day."""


def found_by_day(scratch: Scratch) -> dict[Day, int]:
    """Findings by product, branch and day, of all tuples."""
    return {
        (product, branch, day): n for product, branch, day, n in scratch.rows("SELECT * FROM on_day WHERE count > 0")
    }


def overview(scratch: Scratch, branches: Sequence[BranchLine], found: Mapping[Day, int]) -> tuple[Chart, ...]:
    """The charts of the first page: what was found, and when; how runs ended, if there is but one day."""
    shown = sorted(branches, key=lambda line: -line.runs)[:BRANCHES]
    lines = [line for line in branches if line in shown]
    return (*_findings(scratch, lines), *(_by_day(found) or _outcomes(lines)))


def branch(line: BranchLine, found: Mapping[Day, int]) -> tuple[Chart, ...]:
    """The charts of a branch's page."""
    return tuple(_by_day({day: n for day, n in found.items() if day[:2] == (line.product, line.branch)}))


def _findings(scratch: Scratch, branches: Sequence[BranchLine]) -> list[Chart]:
    names = {(line.product, line.branch): line.name for line in branches}
    found = scratch.rows("SELECT product, branch, kind, sum(count) FROM tuples GROUP BY 1, 2, 3")
    kinds = {(names[product, branch], kind): n for product, branch, kind, n in found if (product, branch) in names}
    table = _table("Findings by branch and kind", "Branch", kinds, _labels(branches), list(Kind))
    return [charts.bars("findings", table)] if kinds else []


def _outcomes(branches: Sequence[BranchLine]) -> list[Chart]:
    outcomes = {(line.name, outcome): n for line in branches for outcome, n in line.outcomes.items()}
    table = _table("Runs by branch and outcome", "Branch", outcomes, _labels(branches), list(JobResult))
    return [charts.bars("outcomes", table)] if branches else []


def _by_day(found: Mapping[Day, int]) -> list[Chart]:
    """Findings by day and branch, where there is more than one day to show."""
    days = sorted({day for _, _, day in found if day})[-DAYS:]
    counts: Counter[tuple[str, str]] = Counter()
    by_branch: Counter[str] = Counter()
    for (_, name, day), number in found.items():
        if days and day >= days[0]:
            counts[day, name] += number
            by_branch[name] += number
    names = sorted((name for name, _ in by_branch.most_common(charts.MAX_SERIES)), key=natural)
    table = _table("Findings by day and branch", "Day", counts, {day: day for day in days}, names)
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
