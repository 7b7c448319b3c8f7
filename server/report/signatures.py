"""The values of one signature's page."""

import functools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from crashfarm.documents.result import Result
from crashfarm.errors import InvalidDocument
from server.queries.signatures import signature
from server.report.fetching import Asked
from server.report.frames import folded
from server.report.gathering import MAX_ROWS, Build, Known, Machine, gather
from server.report.lists import branch_href, machine_name
from server.report.model import Cell, Line, MachineLink, MatrixRow, Sample, SignaturePage
from server.report.scratch import Tables
from server.report.text import natural


def pages(tables: Tables, asked: Sequence[Asked]) -> Iterator[SignaturePage]:
    """All that is known of these signatures, one after the other."""
    for known, one in zip(gather(tables, [one.line for one in asked]), asked, strict=True):
        yield _page(known, one)


def _page(known: Known, asked: Asked) -> SignaturePage:
    line = known.line
    machines, matrix = _matrix(known)
    newest = _read(asked.newest) if asked.newest else None
    return SignaturePage(
        line=line,
        rows=tuple(known.tuples.rows),
        rows_left_out=max(0, line.tuples - MAX_ROWS),
        machines=machines,
        matrix=matrix,
        places=known.places[0],
        places_left_out=known.places[1],
        bugs=known.bugs,
        days=tuple(sorted((day, n) for day, n in known.tuples.days.items() if day)),
        variants=known.variants,
        note=known.note,
        minimal=asked.minimal,
        sample=_sample_of(line, newest) if newest else None,
    )


def _matrix(known: Known) -> tuple[tuple[MachineLink, ...], tuple[MatrixRow, ...]]:
    """Machines, and for each build how often the signature was seen on each of them in how many runs."""
    seen, ran = known.tuples.seen, known.ran
    builds = sorted(seen.keys() | ran.keys(), key=_order)
    machines = sorted(set().union(*seen.values(), *ran.values()))
    links = tuple([MachineLink(machine_name(machine), " ".join(machine)) for machine in machines])
    nowhere: dict[Machine, int] = {}
    return links, tuple(
        [_matrix_row(build, machines, seen.get(build, nowhere), ran.get(build, nowhere)) for build in builds]
    )


def _order(build: Build) -> tuple[Any, ...]:
    product, branch, buildtype = build
    return product, natural(branch), buildtype


def _read(doc: bytes) -> Result | None:
    try:
        return Result.read(doc)
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
                stack=folded(finding),
            )
    return None


def _matrix_row(
    build: Build, machines: Iterable[Machine], seen: Mapping[Machine, int], ran: Mapping[Machine, int]
) -> MatrixRow:
    product, branch, buildtype = build
    cells = tuple([_cell(seen.get(machine), ran.get(machine)) for machine in machines])
    return MatrixRow(branch, branch_href(product, branch), buildtype, cells)


@functools.lru_cache(4096)
def _cell(seen: int | None, ran: int | None) -> Cell | None:
    if seen is None and ran is None:
        return None
    # A run can show a finding twice, and inputs beyond the list of places are not counted: then there is no score.
    number = seen or 0
    return Cell(number, ran if ran is None or ran >= number else None)
