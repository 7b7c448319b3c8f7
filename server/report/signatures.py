"""The values of one signature's page."""

import itertools
import shlex
from collections.abc import Iterable, Iterator, Sequence

from crashfarm.documents.base import Json
from crashfarm.documents.result import Result
from crashfarm.errors import InvalidDocument
from crashfarm.settings import Farm
from server.queries import paging
from server.queries.signatures import signature
from server.report import bugs
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


class SignatureFacts:
    """Makes signature pages, many at a time."""

    def __init__(self, farm: Farm, scratch: Scratch) -> None:
        self._farm = farm
        self._scratch = scratch

    def pages(self, lines: Iterable[Line]) -> Iterator[SignaturePage]:
        """All that is known of these signatures, one after the other; their newest results are read in batches."""
        asked = ((batch, self._newest(batch)) for batch in _batches(lines))
        for (batch, newest), results in paging.fetched(asked, lambda pair: self._results(pair[1])):
            for line, result_id in zip(batch, newest, strict=True):
                yield self._page(line, results.get(result_id))

    def _newest(self, batch: Sequence[Line]) -> list[str]:
        """The id of each signature's newest result."""
        return [next(self._scratch.rows(_NEWEST, line.name), ("",))[0] for line in batch]

    def _results(self, ids: Iterable[str]) -> dict[str, Result]:
        """The results of these ids that are there and can be read, by id."""
        keys = sorted({one for one in ids if one})
        docs = (row.doc for row in self._farm.history.all_docs(keys=keys, include_docs=True).rows if row.doc)
        found = map(_read, docs) if keys else ()
        return {result.id: result for result in found if result}

    def _page(self, line: Line, newest: Result | None) -> SignaturePage:
        builds, machines, cells = self._cells(line)
        sample = _sample_of(line, newest) if newest else None
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
            sample=sample,
            command=_command(line),
        )

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


def _command(line: Line) -> str:
    """The command that gives the numbers of the page."""
    parts = ["--kind", line.kind, "--detail", line.detail, *(["--message", line.message] if line.message else [])]
    return shlex.join(["crashfarm", "crashes", *parts, "--group", "cpu_name"])
