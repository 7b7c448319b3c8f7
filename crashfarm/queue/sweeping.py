"""What somebody has to do now and then for a queue that nobody else watches: lost claims, delays, dependencies."""

import random
from collections.abc import Iterable, Sequence

import msgspec

from crashfarm.database import Database
from crashfarm.documents.job import Job, JobState
from crashfarm.queue import transitions
from crashfarm.queue.circles import circle, words
from crashfarm.queue.ends import End
from crashfarm.queue.leases import LONGEST, LeaseWatch
from crashfarm.queue.settling import read, write
from crashfarm.times import Clock, to_text

PAGE = 1000
"""Jobs that are looked at in one sweep; where there are more, each sweep begins at another one."""


class Swept(msgspec.Struct, frozen=True):
    """What a sweep has moved: jobs of silent holders, jobs that wait no more, jobs that waited in vain."""

    recovered: tuple[Job, ...] = ()
    freed: tuple[Job, ...] = ()
    given_up: tuple[Job, ...] = ()


class Sweeper:
    """One observer of a queue. Several do no harm: every move is made by the revision that was looked at."""

    def __init__(self, status: Database, clock: Clock, rng: random.Random) -> None:
        self._status = status
        self._clock = clock
        self._rng = rng
        self._leases = LeaseWatch()
        self._delays = LeaseWatch()

    def sweep(self, now: float) -> Swept:
        """Look once. `now` is of a monotonic clock, the same one each time."""
        recovered = self._recover(now)
        freed, given_up = self._look_at_dependencies()
        return Swept(recovered, (*self._end_delays(now), *freed), given_up)

    def _recover(self, now: float) -> tuple[Job, ...]:
        """Return to the queue the jobs of silent holders, by the very revision that was seen not to move.

        A holder that speaks up in this moment keeps its job.
        """
        rows = self._status.view("queue", "by_claim", reduce=False, include_docs=True).rows
        running = [job for job in read(row.doc for row in rows) if job.state == JobState.RUNNING]
        dead = self._leases.expired(running, now, _lease)
        text, reason = to_text(self._clock()), "nothing was heard of the worker for the length of the lease"
        return self._write([transitions.give_back(job, End.LOST, text, reason) for job in dead])

    def _end_delays(self, now: float) -> tuple[Job, ...]:
        """Free jobs on which nothing has changed for their delay."""
        delayed = self._read(transitions.DELAY)
        over = self._delays.expired(delayed, now, lambda job: job.delay_seconds)
        return self._write([transitions.free(job) for job in over])

    def _look_at_dependencies(self) -> tuple[tuple[Job, ...], tuple[Job, ...]]:
        """Free jobs whose dependencies are completed, and abort those whose dependencies never will be."""
        waiting = self._read(transitions.JOBS)
        wanted = sorted({needed.job for job in waiting for needed in job.depends_on})
        known = {job.id: job for job in read_jobs(self._status, wanted)}
        looped = circle({job.id: {needed.job for needed in job.depends_on} for job in waiting})
        verdicts = [(job, words(looped) if job.id in looped else hopeless(job, known)) for job in waiting]
        text = to_text(self._clock())
        vain = [transitions.abort(job, text, reason) for job, reason in verdicts if reason]
        free = [transitions.free(job) for job, reason in verdicts if not reason and is_free(job, known)]
        return self._write(free), self._write(vain)

    def _read(self, wait: str) -> list[Job]:
        """Jobs with that wait; a part of them, where there are very many."""
        query = {"startkey": [wait], "endkey": [wait, {}], "reduce": False}
        counted = self._status.view("queue", "waiting", startkey=[wait], endkey=[wait, {}]).rows
        if not counted:
            return []
        skip = self._rng.randrange(counted[0].value) if counted[0].value > PAGE else 0
        rows = self._status.view("queue", "waiting", **query, skip=skip, limit=PAGE, include_docs=True).rows
        return [job for job in read(row.doc for row in rows) if job.state == JobState.PENDING and job.wait == wait]

    def _write(self, jobs: Sequence[Job]) -> tuple[Job, ...]:
        return tuple(job for job, outcome in write(self._status, jobs) if outcome.ok)


def read_jobs(status: Database, ids: Iterable[str]) -> list[Job]:
    """Jobs by their ids; those that are gone are left out."""
    keys = list(ids)
    if not keys:
        return []
    return read(row.doc for row in status.all_docs(keys=keys, include_docs=True).rows)


def is_free(job: Job, known: dict[str, Job]) -> bool:
    """Whether all that a job depends on is completed."""
    return all(known[needed.job].state == JobState.COMPLETED for needed in job.depends_on)


def hopeless(job: Job, known: dict[str, Job]) -> str:
    """Why a job can never be run because of what it depends on, or nothing."""
    for needed in job.depends_on:
        other = known.get(needed.job)
        if other is None:
            return f"depends on {needed.job}, which is gone"
        if other.state == JobState.ABORTED:
            return f"depends on {needed.job}, which was aborted: {other.reason}"
        if other.state == JobState.COMPLETED and needed.result not in (None, other.result):
            return f"depends on {needed.job} as {needed.result}, which ended as {other.result}"
    return ""


def _lease(job: Job) -> float:
    return min(LONGEST, job.claim.lease_seconds) if job.claim else 0.0
