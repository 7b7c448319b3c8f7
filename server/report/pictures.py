"""Which charts the pages show, and the numbers in them."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from typing import Any, TypeVar

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

LABEL = 26
"""Characters of a branch's name beside a bar, at most."""

Branch = tuple[str, str]
"""Product and branch."""

Day = tuple[str, str, str]
"""Product, branch and day."""

R = TypeVar("R")
C = TypeVar("C")


def found_by_day(scratch: Scratch) -> dict[Day, int]:
    """Findings by product, branch and day, of all tuples."""
    return {
        (product, branch, day): n for product, branch, day, n in scratch.rows("SELECT * FROM on_day WHERE count > 0")
    }


def overview(scratch: Scratch, branches: Sequence[BranchLine], found: Mapping[Day, int]) -> tuple[Chart, ...]:
    """The charts of the first page: what was found, and when; how runs ended, if there is but one day."""
    shown = sorted(branches, key=lambda line: -line.runs)[:BRANCHES]
    lines = [line for line in branches if line in shown]
    cut = f", the {BRANCHES} branches with most runs" if len(branches) > BRANCHES else ""
    return (*_findings(scratch, lines, cut), *(_by_day(found) or _outcomes(lines, cut)))


def branch(line: BranchLine, found: Mapping[Day, int]) -> tuple[Chart, ...]:
    """The charts of a branch's page."""
    return tuple(_by_day({day: n for day, n in found.items() if day[:2] == (line.product, line.branch)}))


def _findings(scratch: Scratch, branches: Sequence[BranchLine], cut: str) -> list[Chart]:
    names = {(line.product, line.branch): line.name for line in branches}
    found = scratch.rows("SELECT product, branch, kind, sum(count) FROM tuples GROUP BY 1, 2, 3")
    kinds = {(names[product, branch], kind): n for product, branch, kind, n in found if (product, branch) in names}
    table = _table(f"Findings by branch and kind{cut}", "Branch", kinds, _rows(branches), _itself(Kind))
    return [charts.bars("findings", table)] if kinds else []


def _outcomes(branches: Sequence[BranchLine], cut: str) -> list[Chart]:
    outcomes = {(line.name, outcome): n for line in branches for outcome, n in line.outcomes.items()}
    table = _table(f"Runs by branch and outcome{cut}", "Branch", outcomes, _rows(branches), _itself(JobResult))
    return [charts.bars("outcomes", table)] if branches else []


def _by_day(found: Mapping[Day, int]) -> list[Chart]:
    """Findings by day and branch, where there is more than one day to show."""
    all_days = sorted({day for _, _, day in found if day})
    days = _without_gaps(all_days[-DAYS:])
    counts: Counter[tuple[str, Branch]] = Counter()
    by_branch: Counter[Branch] = Counter()
    for (product, name, day), number in found.items():
        if days and day >= days[0]:
            counts[day, (product, name)] += number
            by_branch[product, name] += number
    branches = sorted((name for name, _ in by_branch.most_common(charts.MAX_SERIES)), key=_order)
    cut = f", the {len(branches)} branches with most" if len(branches) < len(by_branch) else ""
    cut += f", since {days[0]}" if days and days[0] > all_days[0] else ""
    table = _table(f"Findings by day and branch{cut}", "Day", counts, _itself(days), _labels(branches))
    return [charts.columns("days", table)] if len(days) > 1 else []


def _without_gaps(days: Sequence[str]) -> Sequence[str]:
    """The same days with those between them, unless one is far away, by a wrong clock or after a long rest."""
    try:
        first, last = (date.fromisoformat(day) for day in (days[0], days[-1]))
    except (IndexError, ValueError):
        return days
    span = (last - first).days + 1
    return days if span > 2 * DAYS else [(first + timedelta(days=at)).isoformat() for at in range(span)]


def _order(name: Branch) -> tuple[Any, ...]:
    return name[0], natural(name[1])


def _rows(branches: Sequence[BranchLine]) -> dict[str, str]:
    """What the branches are called, by the names of their pages, in their order."""
    names = {(line.product, line.branch): line.name for line in branches}
    return {names[name]: label for name, label in _labels(list(names)).items()}


def _labels(branches: Sequence[Branch]) -> dict[Branch, str]:
    """What branches are called where their product need not be told if it is the same."""
    several = len({product for product, _ in branches}) > 1
    return {name: _short(" ".join(name) if several else name[1]) for name in branches}


def _short(label: str) -> str:
    """A name that leaves room for the picture: of a long one, both ends."""
    line = label.replace("\n", " ").replace("\t", " ")
    text = plain(line if len(line) <= LABEL else f"{line[:LABEL]}{line[-LABEL:]}")
    return text if max(len(text), len(line)) <= LABEL else f"{text[: LABEL - 8]}…{text[-7:]}"


def _itself(names: Iterable[str]) -> dict[str, str]:
    return {name: name for name in names}


def _table(
    title: str, corner: str, counts: Mapping[tuple[R, C], int], rows: Mapping[R, str], columns: Mapping[C, str]
) -> Table:
    """The counts as a table, its rows and columns labelled; columns that hold nothing are left out."""
    used = [column for column in columns if any(counts.get((row, column)) for row in rows)]
    body = tuple((label, tuple(counts.get((row, column), 0) for column in used)) for row, label in rows.items())
    return Table(title, corner, tuple(columns[column] for column in used), body)
