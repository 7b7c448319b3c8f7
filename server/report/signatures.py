"""The values of one signature's page."""

import itertools
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import msgspec

from crashfarm.documents.base import Json
from crashfarm.documents.result import Result
from crashfarm.documents.signature import SignatureNote
from crashfarm.errors import InvalidDocument
from crashfarm.settings import Farm
from server.queries import paging
from server.queries.signatures import signature
from server.report import asks, bugs, notes
from server.report.lists import branch_name, machine_name
from server.report.model import Cell, Line, MachineLink, MatrixRow, Sample, SignaturePage, TupleRow
from server.report.scratch import Scratch
from server.report.text import natural

MAX_ROWS = 200
"""Tuples, messages and places that one page lists."""

BATCH = 100
"""Results that one request brings."""

_ROWS = """
SELECT message, product, branch, buildtype, os_name || ' ' || os_version || ' ' || cpu_name,
    first_seen, last_seen, count
FROM tuples WHERE signature = ? ORDER BY count DESC, branch, buildtype LIMIT ?
"""
_SEEN = """
SELECT product, branch, buildtype, os_name, os_version, cpu_name, sum(count)
FROM tuples WHERE signature = ? GROUP BY 1, 2, 3, 4, 5, 6
"""
_RAN = """
SELECT product, branch, buildtype, os_name, os_version, cpu_name, sum(runs)
FROM (SELECT DISTINCT product, place FROM places WHERE signature = ?) JOIN ran USING (product, place)
GROUP BY 1, 2, 3, 4, 5, 6
"""
_NEWEST = """
SELECT newest FROM tuples WHERE signature = ? AND newest > '' ORDER BY last_seen DESC LIMIT 1
"""

Build = tuple[str, str, str]
Machine = tuple[str, str, str]


@dataclass(frozen=True)
class _Known:
    """What the scratch tables know of a signature before its documents are read: the id of its newest result is ""
    where there is none."""

    line: Line
    newest: str
    note: SignatureNote | None


@dataclass(frozen=True)
class _Documents:
    newest: Result | None
    minimal: str


class SignatureFacts:
    """Makes signature pages, many at a time."""

    def __init__(self, farm: Farm, scratch: Scratch) -> None:
        self._farm = farm
        self._scratch = scratch

    def pages(self, lines: Iterable[Line]) -> Iterator[SignaturePage]:
        """All that is known of these signatures, one after the other; their newest results are read in batches."""
        asked = ([self._known(line) for line in batch] for batch in _batches(lines))
        for batch, documents in paging.fetched(asked, self._fetch):
            yield from map(self._page, batch, documents)

    def _known(self, line: Line) -> _Known:
        newest = next(self._scratch.rows(_NEWEST, line.name), ("",))[0]
        return _Known(line, newest, notes.of_signature(self._scratch, line.name))

    def _fetch(self, batch: Sequence[_Known]) -> list[_Documents]:
        """For each, its newest result, if that is there and can be read, and its minimal input."""
        keys = sorted({known.newest for known in batch if known.newest})
        rows = self._farm.history.all_docs(keys=keys, include_docs=True).rows if keys else ()
        found = {row.id: _read(row.doc) for row in rows if row.doc}
        return [_Documents(found.get(known.newest), notes.minimal_input(self._farm, known.note)) for known in batch]

    def _page(self, known: _Known, documents: _Documents) -> SignaturePage:
        line = known.line
        builds, machines, cells = self._cells(line)
        sample = _sample_of(line, documents.newest) if documents.newest else None
        if sample and sample.finding.file:
            self._scratch.insert("sources", [(line.name, sample.finding.file, sample.finding.line)])
        return SignaturePage(
            line=line,
            messages=tuple(self._column("SELECT DISTINCT message FROM tuples WHERE signature = ? LIMIT ?", line)),
            rows=self._rows(line),
            rows_left_out=max(0, line.tuples - MAX_ROWS),
            machines=tuple(MachineLink(machine_name(machine), " ".join(machine)) for machine in machines),
            matrix=tuple(_matrix_row(build, [cells.get((build, machine)) for machine in machines]) for build in builds),
            places=tuple(self._column("SELECT DISTINCT place FROM places WHERE signature = ? LIMIT ?", line)),
            bugs=bugs.of_signature(self._scratch, line.name),
            days=self._days(line),
            variants=notes.variants(self._scratch, line.name) if known.note else (),
            note=known.note,
            minimal=documents.minimal,
            sample=sample,
            asks=asks.signature(line),
        )

    def _days(self, line: Line) -> tuple[tuple[str, int], ...]:
        found: Counter[str] = Counter()
        for (days,) in self._scratch.rows("SELECT days FROM tuples WHERE signature = ?", line.name):
            found.update(msgspec.json.decode(days, type=dict[str, int]))
        return tuple(sorted((day, n) for day, n in found.items() if day))

    def _column(self, query: str, line: Line) -> list[str]:
        return [value for (value,) in self._scratch.rows(query, line.name, MAX_ROWS)]

    def _rows(self, line: Line) -> tuple[TupleRow, ...]:
        found = self._scratch.rows(_ROWS, line.name, MAX_ROWS)
        return tuple(TupleRow(f"branch/{branch_name(row[1], row[2])}.html", *row) for row in found)

    def _cells(self, line: Line) -> tuple[list[Build], list[Machine], dict[tuple[Build, Machine], Cell]]:
        """Builds, machines, and how often the signature was seen on each pair in how many runs."""
        seen, ran = self._by_build_and_machine(_SEEN, line), self._by_build_and_machine(_RAN, line)
        pairs = sorted({*seen, *ran})
        cells = {pair: _cell(seen.get(pair, 0), ran.get(pair)) for pair in pairs}
        builds = sorted({build for build, _ in pairs}, key=lambda build: (build[0], natural(build[1]), build[2]))
        return builds, sorted({machine for _, machine in pairs}), cells

    def _by_build_and_machine(self, query: str, line: Line) -> dict[tuple[Build, Machine], int]:
        return {(row[:3], row[3:6]): row[6] for row in self._scratch.rows(query, line.name)}


def _batches(lines: Iterable[Line]) -> Iterator[list[Line]]:
    waiting = iter(lines)
    return iter(lambda: list(itertools.islice(waiting, BATCH)), [])


def _read(doc: Json) -> Result | None:
    try:
        return Result.from_doc(doc)
    except InvalidDocument:
        # A half-edited result must not cost the others their page.
        return None


def _sample_of(line: Line, result: Result) -> Sample | None:
    asked = (line.kind, line.detail, line.message)
    for finding in result.findings:
        if signature(finding.kind, finding.message, finding.detail) == asked:
            return Sample(
                result=result.id,
                place=finding.input or result.input_name,
                worker=result.worker,
                at=result.completed_at,
                branch=result.branch,
                finding=finding,
            )
    return None


def _cell(seen: int, ran: int | None) -> Cell:
    # A run can show a finding twice, and inputs beyond the list of places are not counted: then there is no score.
    return Cell(seen, ran if ran is None or ran >= seen else None)


def _matrix_row(build: Build, cells: list[Cell | None]) -> MatrixRow:
    product, branch, buildtype = build
    return MatrixRow(branch, f"branch/{branch_name(product, branch)}.html", buildtype, tuple(cells))
