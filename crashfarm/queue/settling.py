"""Moves of jobs that we hold, carried through against others who change the same documents meanwhile."""

from collections.abc import Callable, Iterable, Sequence

import msgspec

from crashfarm.answers import Outcome
from crashfarm.database import Database
from crashfarm.documents.base import Json
from crashfarm.documents.job import Job
from crashfarm.errors import DatabaseUnavailable, InvalidDocument
from crashfarm.queue import transitions

ROUNDS = 5
"""So often a write is tried on a job that others change while it stays ours."""

Move = tuple[Job, Callable[[Job], Job]]
"""A job that we hold, as we know it, and what is to become of it."""


class Settlement(msgspec.Struct, frozen=True):
    """What became of moves: `done` as the jobs are now, `lost` as they were, `refused` with the database's reason.

    What the holder itself has ended meanwhile, by another thread of it, is in none of them.
    """

    done: tuple[Job, ...] = ()
    lost: tuple[Job, ...] = ()
    refused: tuple[tuple[Job, str], ...] = ()


def settle(
    status: Database, moves: Sequence[Move], further: Sequence[Job] = ()
) -> tuple[Settlement, list[tuple[Job, Outcome]]]:
    """Move held jobs, and write `further` ones along with them, which are not tried again: all in one write.

    Where a revision has changed, look again: what is still ours is tried again. A move that was made before, but whose
    answer was lost, counts as done. A job that is not ours any more is lost, and nothing of ours is written to it.

    Raises DatabaseUnavailable when the server keeps failing for some of them; all can be asked for again then.
    """
    done: list[Job] = []
    lost: list[Job] = []
    refused: list[tuple[Job, str]] = []
    written = write(status, [*(move(job) for job, move in moves), *further])
    attempted = written[: len(moves)]
    left = _sort(moves, attempted, done, refused)
    for _ in range(ROUNDS):
        left = _look_again(status, left, done, lost)
        if not left:
            break
        attempted = write(status, [move(job) for job, move in left])
        left = _sort(left, attempted, done, refused)
    if faults := [outcome for _, outcome in attempted if outcome.passing and left]:
        raise DatabaseUnavailable(f"{len(faults)} jobs were not written; {faults[0].id}: {faults[0].reason}")
    lost += [job for job, _ in left]
    return Settlement(tuple(done), tuple(lost), tuple(refused)), written[len(moves) :]


def write(status: Database, jobs: Sequence[Job]) -> list[tuple[Job, Outcome]]:
    """Write jobs by their revisions; those that were written have their new revision."""
    outcomes = status.bulk([job.to_doc() for job in jobs])
    pairs = zip(jobs, outcomes, strict=True)
    return [(job.evolve(rev=outcome.rev) if outcome.ok else job, outcome) for job, outcome in pairs]


def read(docs: Iterable[Json | None]) -> list[Job]:
    """The documents that are jobs. What somebody has broken by hand is passed over: it must not stop the others."""
    jobs = []
    for doc in docs:
        try:
            jobs += [Job.from_doc(doc)] if doc else []
        except InvalidDocument:
            continue
    return jobs


def _sort(
    moves: Sequence[Move], written: list[tuple[Job, Outcome]], done: list[Job], refused: list[tuple[Job, str]]
) -> list[Move]:
    """Sort out what became of moves; those that met another revision, or a fault of the server, are returned."""
    done += [job for job, outcome in written if outcome.ok]
    pairs = [(move, outcome) for move, (_, outcome) in zip(moves, written, strict=True)]
    refused += [(move[0], outcome.reason or str(outcome.error)) for move, outcome in pairs if outcome.refused]
    return [move for move, outcome in pairs if not outcome.ok and not outcome.refused]


def _look_again(status: Database, moves: list[Move], done: list[Job], lost: list[Job]) -> list[Move]:
    """What is still ours, at its present revision."""
    if not moves:
        return []
    rows = status.all_docs(keys=[job.id for job, _ in moves], include_docs=True).rows
    now = {job.id: job for job in read(row.doc for row in rows)}
    left: list[Move] = []
    for job, move in moves:
        current = now.get(job.id)
        if current and transitions.holds(current, job.claim):
            left.append((current, move))
        elif current and transitions.ended_alike(current, move(job)):
            done.append(current)
        elif current is None or transitions.was_taken(current, job.claim):
            lost.append(job)
    return left
