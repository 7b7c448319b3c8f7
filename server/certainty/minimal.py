"""Reducing a case's input on the farm, and keeping the small one with its result."""

import posixpath
from collections.abc import Callable

from crashfarm import times
from crashfarm.database import Database
from crashfarm.documents.result import Result
from crashfarm.documents.signature import Minimal, SignatureNote
from crashfarm.errors import Conflict, InputError, NotFound
from server.certainty import notes, reducing
from server.certainty.judging import Bench, InputJudge

ERROR = 0.2
"""How often at most an input that does show the signature may be taken for one that does not: it only costs size."""

TRIES = 10

Told = Callable[[str, int, int], None]
"""Is told the pass that is at work, the bytes of the smallest input so far, and how many inputs were judged."""


def reduce(
    bench: Bench, count: int, told: Told, scored: Callable[[int], None], most_bytes: int = reducing.MOST_BYTES
) -> tuple[Minimal, bytes]:
    """Reduce the input of a case until nothing can be taken away any more, and keep it.

    `count` runs tell beforehand how surely it shows. Raises InputError where it cannot be reduced.
    """
    original, slots = bench.case.content(), bench.slots()
    score = bench.score(count, scored)
    if not score.seen:
        raise InputError(f"{bench.case.result.id} did not show its signature again: {score.words()}")
    tries = max(1, score.misses_needed(ERROR))
    judge = InputJudge(bench, original, tries)

    def tell(one: reducing.Pass, best: bytes) -> None:
        told(f"{one.strategy} {one.parts}", len(best), judge.asked)

    small = reducing.reduce(original, judge, max(1, slots // tries), tell, most_bytes)
    return keep(bench, small, len(original), judge.asked), small


def keep(bench: Bench, small: bytes, original_size: int, tests: int) -> Minimal:
    """Attach a small input to the result, and note it on the signature."""
    case = bench.case
    name = posixpath.basename(case.job.input.name.replace("\\", "/")) or "input"
    minimal = Minimal(
        result=case.result.id,
        attachment=f"minimal/{name}",
        name=name,
        size=len(small),
        original_size=original_size,
        tests=tests,
        at=times.to_text(bench.clock()),
    )
    _attach(bench.farm.history, case.result, minimal.attachment, small)
    notes.change(bench.farm.history, SignatureNote.of(case.finding), lambda note: note.evolve(minimal=minimal))
    return minimal


def _attach(history: Database, result: Result, name: str, content: bytes) -> None:
    for _ in range(TRIES):
        doc = history.get(result.id)
        if doc is None:
            raise NotFound(f"{result.id} is gone")
        try:
            history.attach(result.id, doc["_rev"], name, content, "application/octet-stream")
        except Conflict:
            continue
        return
    raise Conflict(f"{result.id} keeps changing: try again")
