"""The one class that says anything about jobs to the database."""

import random
from collections.abc import Callable, Iterable, Sequence

import msgspec

from crashfarm.database import Database
from crashfarm.documents.job import Job, JobResult, JobState
from crashfarm.errors import Refused
from crashfarm.queue import transitions
from crashfarm.queue.abilities import Abilities, Demand
from crashfarm.queue.ends import End
from crashfarm.queue.leases import LeaseWatch
from crashfarm.queue.settling import Settlement, read, settle, write
from crashfarm.queue.transitions import Holder
from crashfarm.queue.window import Window
from crashfarm.times import Clock, to_text, utc_now

BATCH = 500
"""Documents in one bulk write."""

SPARE = 2
"""A window is read for so many times the jobs wanted: some will be somebody else's already."""


class Waiting(msgspec.Struct, frozen=True):
    """How many jobs of one class and priority are pending."""

    demand: Demand
    priority: int
    count: int


class JobQueue:
    """A farm's jobs. Every method touches the network and raises DatabaseError when that fails."""

    def __init__(self, status: Database, clock: Clock = utc_now, rng: random.Random | None = None) -> None:
        self._status = status
        self._clock = clock
        self._rng = rng or random.Random()
        self._window = Window(self._rng)

    def add(self, jobs: Iterable[Job]) -> None:
        """Queue jobs. Raises Refused, with the reason, when the database does not take one; the others are in."""
        docs = [job.to_doc() for job in jobs]
        parts = (docs[at : at + BATCH] for at in range(0, len(docs), BATCH))
        outcomes = [outcome for part in parts for outcome in self._status.bulk(part)]
        if wrong := [outcome for outcome in outcomes if not outcome.ok]:
            raise Refused(f"{len(wrong)} of {len(docs)} jobs were refused; {wrong[0].id}: {wrong[0].reason}")

    def get(self, job_id: str) -> Job | None:
        """A job, or None."""
        doc = self._status.get(job_id)
        return None if doc is None else Job.from_doc(doc)

    def counts(self) -> dict[str, int]:
        """How many jobs there are in each state."""
        rows = self._status.view("jobs", "by_state", group_level=1).rows
        return {row.key[0]: row.value for row in rows}

    def waiting(self) -> list[Waiting]:
        """What is pending, by class and priority, the most urgent first."""
        rows = self._status.view("jobs", "pending", group_level=2).rows
        found = ((Demand.from_key(row.key[0]), row.key[1], row.value) for row in rows)
        waiting = [Waiting(demand, priority, count) for demand, priority, count in found if demand]
        return sorted(waiting, key=lambda w: w.priority)

    def count_for(self, abilities: Abilities) -> int:
        """How many pending jobs there are that this worker could run."""
        return sum(waiting.count for waiting in self.waiting() if abilities.meet(waiting.demand))

    def claim(self, holder: Holder, abilities: Abilities, wanted: int, lease_seconds: float) -> list[Job]:
        """Claim up to `wanted` jobs that this worker can run. None there is an empty list."""
        claimed: list[Job] = []
        for waiting in self._choose(abilities):
            if len(claimed) >= wanted:
                break
            claimed += self._claim_of(waiting, holder, wanted - len(claimed), lease_seconds)
        return claimed

    def renew(self, jobs: Sequence[Job]) -> Settlement:
        """Begin the leases of held jobs anew, in one write."""
        now = to_text(self._clock())
        return settle(self._status, [(job, lambda job: transitions.renew(job, now)) for job in jobs])

    def finish(self, finished: Sequence[tuple[Job, JobResult, str]]) -> Settlement:
        """Complete held jobs, each with its result and a reason, by the revision of their claims."""
        return settle(self._status, [(job, self._finishing(result, reason)) for job, result, reason in finished])

    def give_back(self, jobs: Sequence[Job], end: End, reason: str) -> Settlement:
        """Return claimed jobs to the queue, or abort those that have had all their attempts."""
        now = to_text(self._clock())
        return settle(self._status, [(job, lambda job: transitions.give_back(job, end, now, reason)) for job in jobs])

    def held_by(self, worker: str) -> list[Job]:
        """The jobs that a worker of that name has claimed, under whatever incarnation."""
        query = {"startkey": [worker], "endkey": [worker, {}], "include_docs": True}
        rows = self._status.view("jobs", "by_claim", **query).rows
        return [job for job in read(row.doc for row in rows) if job.claim and job.claim.worker == worker]

    def take_back(self, holder: Holder) -> Settlement:
        """Return to the queue what former starts of this very worker held: they are dead, or we would not be."""
        former = [
            job for job in self.held_by(holder.worker) if job.claim and job.claim.incarnation != holder.incarnation
        ]
        return self.give_back(former, End.LOST, "the worker's process ended and was started anew")

    def recover(self, watch: LeaseWatch, now: float) -> Settlement:
        """Return to the queue the jobs of silent holders. `now` is of the monotonic clock that `watch` lives by."""
        rows = self._status.view("jobs", "by_claim", include_docs=True).rows
        running = [job for job in read(row.doc for row in rows) if job.state == JobState.RUNNING]
        return self._expire(watch.expired(running, now))

    def _expire(self, dead: Sequence[Job]) -> Settlement:
        """By the very revision that was seen not to move: a holder that speaks up in this moment keeps its job."""
        now, reason = to_text(self._clock()), "nothing was heard of the worker for the length of the lease"
        moved = [transitions.give_back(job, End.LOST, now, reason) for job in dead]
        written = [job for job, outcome in write(self._status, moved) if outcome.ok]
        return Settlement(done=tuple(written))

    def _finishing(self, result: JobResult, reason: str) -> Callable[[Job], Job]:
        now = to_text(self._clock())
        return lambda job: transitions.finish(job, result, now, reason)

    def _choose(self, abilities: Abilities) -> list[Waiting]:
        """The classes that can be run here, by priority; among equals the order is drawn, the fuller likely first."""
        fitting = [waiting for waiting in self.waiting() if abilities.meet(waiting.demand)]
        return sorted(fitting, key=lambda w: (w.priority, -(self._rng.random() ** (1 / w.count))))

    def _claim_of(self, waiting: Waiting, holder: Holder, wanted: int, lease_seconds: float) -> list[Job]:
        candidates = self._read_window(waiting, wanted)
        now = to_text(self._clock())
        moved = [transitions.claim(job, holder, lease_seconds, now) for job in candidates[:wanted]]
        written = write(self._status, moved)
        claimed = [job for job, outcome in written if outcome.ok]
        self._window.met_others(len(moved) - len(claimed), len(claimed))
        return claimed

    def _read_window(self, waiting: Waiting, wanted: int) -> list[Job]:
        """Jobs of that class from a random row on. A document may be newer than its row: only pending ones count."""
        key = [waiting.demand.key(), waiting.priority]
        limit = wanted * SPARE
        skip = self._window.start(waiting.count, limit)
        query = {"startkey": key, "endkey": [*key, {}], "skip": skip, "limit": limit, "include_docs": True}
        rows = self._status.view("jobs", "pending", reduce=False, **query).rows
        return [job for job in read(row.doc for row in rows) if job.state == JobState.PENDING]
