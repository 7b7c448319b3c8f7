"""From lines to reports: each needle's formats are tried where it stands.

A reader that fails costs only its own report.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from crashfarm.understand.formats import BY_NEEDLE, FORMATS, NEEDLES
from crashfarm.understand.report import Lines, Report

MAX_REPORTS = 30_000
"""Reports that are read from one log; what comes behind them is not."""

_RANK = {form.name: rank for rank, form in enumerate(FORMATS)}


@dataclass(frozen=True, slots=True)
class Scan:
    """Reports in the order of the log; `flooded` when there were more than are kept."""

    reports: tuple[Report, ...]
    flooded: bool
    notes: tuple[str, ...]


def scan(lines: Lines) -> Scan:
    """Everything that some format recognises."""
    notes: list[str] = []
    reports: list[Report] = []
    taken = -1
    for report in _candidates(lines, notes):
        if report.start < taken:
            continue
        if len(reports) >= MAX_REPORTS:
            return Scan(tuple(reports), True, tuple(dict.fromkeys(notes)))
        reports.append(report)
        taken = report.end
    return Scan(tuple(reports), False, tuple(dict.fromkeys(notes)))


def _candidates(lines: Lines, notes: list[str]) -> Iterator[Report]:
    """Reports by line; lines inside one that was read are not read again."""
    taken, line, here = 0, -1, set[str]()
    for hit in NEEDLES.hits(lines):
        if hit.line != line:
            if report := _best(lines, line, here, notes):
                taken = max(taken, report.end)
                yield report
            line, here = hit.line, set()
        if hit.line >= taken:
            here.add(hit.needle)
    if report := _best(lines, line, here, notes):
        yield report


def _best(lines: Lines, line: int, needles: set[str], notes: list[str]) -> Report | None:
    forms = {form.name: form for needle in needles for form in BY_NEEDLE[needle]}
    for form in sorted(forms.values(), key=lambda form: _RANK[form.name]):
        try:
            report = form.read(lines, line)
        except Exception as fault:
            notes.append(f"the reader of {form.name} failed: {type(fault).__name__}: {fault}")
            continue
        if report is not None:
            return report
    return None
