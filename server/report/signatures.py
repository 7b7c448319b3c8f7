"""The values of one signature's page."""

import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from crashfarm.documents.base import Json
from crashfarm.documents.result import Result
from crashfarm.errors import InvalidDocument
from crashfarm.settings import Farm
from server.queries import paging
from server.queries.signatures import signature
from server.report import notes
from server.report.gathering import MAX_ROWS, Build, Known, gather
from server.report.lists import branch_name, machine_name
from server.report.model import Cell, Line, MachineLink, MatrixRow, Sample, SignaturePage
from server.report.scratch import Scratch
from server.report.text import natural

BATCH = 100
"""Signatures whose facts are gathered, and results that are brought, with one request."""


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
        asked = (gather(self._scratch, batch) for batch in _batches(lines))
        for batch, documents in paging.fetched(asked, self._fetch):
            made = [_page(known, found) for known, found in zip(batch, documents, strict=True)]
            self._note_sources(made)
            yield from made

    def _fetch(self, batch: Sequence[Known]) -> list[_Documents]:
        """For each, its newest result, if that is there and can be read, and its minimal input."""
        keys = sorted({known.tuples.newest for known in batch if known.tuples.newest})
        rows = self._farm.history.all_docs(keys=keys, include_docs=True).rows if keys else ()
        found = {row.id: _read(row.doc) for row in rows if row.doc}
        return [
            _Documents(found.get(known.tuples.newest), notes.minimal_input(self._farm, known.note)) for known in batch
        ]

    def _note_sources(self, pages: Iterable[SignaturePage]) -> None:
        sources = ((page.line.name, page.sample.finding) for page in pages if page.sample)
        self._scratch.insert("sources", [(name, one.file, one.line) for name, one in sources if one.file])


def _page(known: Known, documents: _Documents) -> SignaturePage:
    line = known.line
    machines, matrix = _matrix(known)
    return SignaturePage(
        line=line,
        rows=tuple(known.tuples.rows),
        rows_left_out=max(0, line.tuples - MAX_ROWS),
        machines=machines,
        matrix=matrix,
        places=known.places,
        bugs=known.bugs,
        days=tuple(sorted((day, n) for day, n in known.tuples.days.items() if day)),
        variants=known.variants,
        note=known.note,
        minimal=documents.minimal,
        sample=_sample_of(line, documents.newest) if documents.newest else None,
    )


def _matrix(known: Known) -> tuple[tuple[MachineLink, ...], tuple[MatrixRow, ...]]:
    """Machines, and for each build how often the signature was seen on each of them in how many runs."""
    seen, ran = known.tuples.seen, known.ran
    pairs = sorted({*seen, *ran})
    cells = {pair: _cell(seen.get(pair, 0), ran.get(pair)) for pair in pairs}
    builds = sorted({build for build, _ in pairs}, key=lambda build: (build[0], natural(build[1]), build[2]))
    machines = sorted({machine for _, machine in pairs})
    links = tuple(MachineLink(machine_name(machine), " ".join(machine)) for machine in machines)
    return links, tuple(_matrix_row(build, [cells.get((build, machine)) for machine in machines]) for build in builds)


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
