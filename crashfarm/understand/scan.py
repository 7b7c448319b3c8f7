"""From lines to reports: each needle's formats are tried where it stands.

A reader that fails costs only its own report.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from crashfarm.understand.formats import BY_NEEDLE, FORMATS, NEEDLES
from crashfarm.understand.report import Format, Lines, Report

MAX_REPORTS = 30_000
"""Reports that are read from one log; what comes behind them is not."""
BUDGET = 200_000
"""Lines that the readers of one format may look at in one log: a flood of lookalikes costs bounded time."""

_RANK = {form.name: rank for rank, form in enumerate(FORMATS)}


@dataclass(frozen=True, slots=True)
class Scan:
    """Reports in the order of the log; `flooded` when there were more than are kept."""

    reports: tuple[Report, ...]
    flooded: bool
    notes: tuple[str, ...]


def scan(lines: Lines) -> Scan:
    """Everything that some format recognises."""
    reader = _Reader(lines)
    reports: list[Report] = []
    taken = -1
    for report in reader.candidates():
        if report.start < taken:
            continue
        if len(reports) >= MAX_REPORTS:
            reader.given_up.add("everything")
            break
        reports.append(report)
        taken = report.end
    return Scan(tuple(reports), bool(reader.given_up), tuple(dict.fromkeys(reader.notes)))


class _Reader:
    """Reads one log: tries formats where their needles stand, counts what that costs, notes what fails."""

    def __init__(self, lines: Lines) -> None:
        self.lines = lines
        self.notes: list[str] = []
        self.given_up: set[str] = set()
        self._spent: Counter[str] = Counter()

    def candidates(self) -> Iterator[Report]:
        """Reports by line; lines inside one that was read are not read again."""
        taken, line, here = 0, -1, set[str]()
        for hit in NEEDLES.hits(self.lines):
            if hit.line != line:
                if report := self._best(line, here):
                    taken = max(taken, report.end)
                    yield report
                line, here = hit.line, set()
            if hit.line >= taken:
                here.add(hit.needle)
        if report := self._best(line, here):
            yield report

    def _best(self, line: int, needles: set[str]) -> Report | None:
        forms = {form.name: form for needle in needles for form in BY_NEEDLE[needle]}
        for form in sorted(forms.values(), key=lambda form: _RANK[form.name]):
            if self._may_try(form) and (report := self._tried(form, line)):
                return report
        return None

    def _may_try(self, form: Format) -> bool:
        self._spent[form.name] += form.cost
        if self._spent[form.name] <= BUDGET:
            return True
        self.given_up.add(form.name)
        return False

    def _tried(self, form: Format, line: int) -> Report | None:
        try:
            return form.read(self.lines, line)
        except Exception as fault:
            self.notes.append(f"the reader of {form.name} failed: {type(fault).__name__}: {fault}")
            return None
