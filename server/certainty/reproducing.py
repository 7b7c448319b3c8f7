"""Does it happen again, and where: the same input, on its own place several times, and everywhere else once."""

from collections.abc import Iterable, Sequence

import msgspec

from crashfarm import times
from crashfarm.documents.branch import Branch
from crashfarm.documents.job import Job, Priority
from crashfarm.documents.result import Result
from crashfarm.documents.signature import Reproduction, SignatureNote
from crashfarm.documents.worker import Worker
from crashfarm.settings import Farm
from crashfarm.times import Clock
from server import branches as farm_branches
from server import workers as farm_workers
from server.certainty import machines, notes, repeats, runs
from server.certainty.cases import Case, shows
from server.certainty.machines import Cell
from server.certainty.repeats import Variation
from server.certainty.score import Score
from server.queries import paging

PURPOSE = "reproduce"
REPEATS = 5
"""Runs on the place of the first sighting."""


class Mark(msgspec.Struct, frozen=True):
    """One place of the matrix, and how often what was run there showed the signature."""

    cell: Cell
    score: Score
    untestable: int = 0


class Outcome(msgspec.Struct, frozen=True):
    """What the repetitions of one result showed: how surely it happens on its own place, and where else it does.

    `waiting` counts jobs that have not ended yet.
    """

    result: str
    signature: str
    own: Score
    matrix: tuple[Mark, ...]
    waiting: int


def plan(case: Case, branches: Iterable[Branch], workers: Iterable[Worker], count: int, clock: Clock) -> list[Job]:
    """The jobs: `count` on the case's own place, and one on every other that a live worker of the farm could run."""
    tags = case.job.requires.tags
    cells = machines.cells(branches, workers, case.result.product, tags, clock())
    others = [cell for cell in cells if cell != place(case)]
    varied = [Variation(branch=c.branch, buildtype=c.buildtype, requires=c.requires(tags)) for c in others]
    again = own_place(case, count, Priority.REPRODUCE, clock)
    return [*again, *(repeats.job(case, PURPOSE, one, Priority.REPRODUCE, clock) for one in varied)]


def own_place(case: Case, count: int, priority: Priority, clock: Clock) -> list[Job]:
    """The jobs that repeat a case on its own place."""
    own = repeats.same_place(case)
    again = [msgspec.structs.replace(own, repeat=number) for number in range(count)]
    return [repeats.job(case, PURPOSE, one, priority, clock) for one in again]


def plan_for(farm: Farm, case: Case, count: int, clock: Clock) -> list[Job]:
    """The same, of the farm's branches and workers."""
    return plan(case, farm_branches.load(farm.status), farm_workers.load(farm.status), count, clock)


def begin(farm: Farm, case: Case, jobs: Sequence[Job], clock: Clock) -> int:
    """Queue the jobs and note on the result's signatures that they are of this result; how many of them are new."""
    started = Reproduction(result=case.result.id, seen=0, ran=0, at=times.to_text(clock()))

    def move(note: SignatureNote) -> SignatureNote | None:
        known = note.reproduction and note.reproduction.result == started.result
        return None if known else note.evolve(reproduction=started)

    for finding in case.result.findings:
        notes.change(farm.history, SignatureNote.of(finding), move)
    return runs.queue(farm, jobs)


def outcome(farm: Farm, of: Result, signature: str) -> Outcome:
    """What the repetitions of a result have shown so far."""
    source = f"{PURPOSE}:{of.id}"
    rows = paging.rows(farm.history, "results", "by_source", [source], include_docs=True)
    results = [Result.from_doc(row.doc) for row in rows if row.doc]
    own = _cell(of)
    matrix = _matrix(results, signature)
    score = next((mark.score for mark in matrix if mark.cell == own), Score())
    return Outcome(of.id, signature, score, matrix, _waiting(farm, source))


def keep_score(farm: Farm, empty: SignatureNote, found: Outcome, clock: Clock) -> SignatureNote | None:
    """Write the score of a result's repetitions on its signature; None if that is about another result by now."""
    now = Reproduction(result=found.result, seen=found.own.seen, ran=found.own.ran, at=times.to_text(clock()))

    def move(note: SignatureNote) -> SignatureNote | None:
        before = note.reproduction
        if before is None or before.result != now.result or (before.seen, before.ran) == (now.seen, now.ran):
            return None
        return note.evolve(reproduction=now)

    return notes.change(farm.history, empty, move)


def place(case: Case) -> Cell:
    """Where the case was seen."""
    return _cell(case.result)


def _cell(result: Result) -> Cell:
    return Cell(**{name: getattr(result, name) for name in Cell.__struct_fields__})


def _matrix(results: Iterable[Result], signature: str) -> tuple[Mark, ...]:
    marks: dict[Cell, Mark] = {}
    for result in results:
        cell = _cell(result)
        mark = marks.get(cell, Mark(cell, Score()))
        if result.outcome == "error":
            marks[cell] = msgspec.structs.replace(mark, untestable=mark.untestable + 1)
        else:
            marks[cell] = msgspec.structs.replace(mark, score=mark.score + Score(int(shows(result, signature)), 1))
    return tuple(marks[cell] for cell in sorted(marks))


def _waiting(farm: Farm, source: str) -> int:
    counted = paging.groups(farm.status, "jobs", "by_source", 2, [source])
    return sum(count for key, count in counted if key[1] in ("pending", "running"))
