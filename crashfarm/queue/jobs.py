"""The one class that says anything about jobs to the database."""

import random
import time
from collections.abc import Callable, Iterable, Sequence

from crashfarm.database import Database
from crashfarm.documents.job import Job, JobResult, JobState, Priority
from crashfarm.errors import InputError, UnexpectedAnswer
from crashfarm.queue import orders, sweeping, transitions
from crashfarm.queue.abilities import RELAXATIONS, Abilities, Demand
from crashfarm.queue.aside import Aside, Refusal
from crashfarm.queue.ends import End
from crashfarm.queue.finding import Finder, Waiting
from crashfarm.queue.leases import LONGEST
from crashfarm.queue.settling import Move, Settlement, read, settle
from crashfarm.queue.sweeping import Sweeper
from crashfarm.queue.transitions import Holder
from crashfarm.times import Clock, to_text, utc_now

LISTEN = 20.0
"""Seconds for which the database is listened to in one request: less than a request may take."""

_PENDING = {"type": "job", "state": str(JobState.PENDING)}

Finished = tuple[Job, JobResult, str]
"""A held job, how it ended, and why where that is to be said."""


class JobQueue:
    """A farm's jobs. Every method touches the network and raises DatabaseError when that fails."""

    def __init__(
        self,
        status: Database,
        clock: Clock = utc_now,
        rng: random.Random | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._status = status
        self._clock = clock
        self._rng = rng or random.Random()
        self._aside = Aside(monotonic)
        self._finder = Finder(status, self._rng, monotonic, self._aside)
        self._refusals: list[Refusal] = []

    def add(self, jobs: Iterable[Job]) -> list[Job]:
        """Queue jobs. Raises InputError or Refused, with the reason, as `orders.add` has it."""
        return orders.add(self._status, jobs)

    def cancel(self, job_id: str, reason: str) -> Job:
        """Abort a job that has not ended; its worker stops it within a heartbeat. Raises InputError if it has."""
        return orders.cancel(self._status, job_id, to_text(self._clock()), reason)

    def retry(self, job_id: str) -> Job:
        """Queue a new job like one that has ended. Raises InputError if it has not."""
        return orders.retry(self._status, job_id, self._clock())

    def prioritise(self, job_id: str, priority: Priority) -> Job:
        """Give a pending job another priority. Raises InputError if it is not pending."""
        return orders.prioritise(self._status, job_id, priority)

    def get(self, job_id: str) -> Job | None:
        """A job, or None."""
        doc = self._status.get(job_id)
        return None if doc is None else Job.from_doc(doc)

    def counts(self) -> dict[str, int]:
        """How many jobs there are in each state."""
        rows = self._status.view("jobs", "by_state", group_level=1).rows
        return {row.key[0]: row.value for row in rows}

    def waiting(self) -> list[Waiting]:
        """What is pending and may be claimed, by class and priority, the most urgent first."""
        return self._finder.waiting()

    def count_for(self, abilities: Abilities) -> int:
        """How many jobs there are that this worker could claim now, or perhaps when their delays are over."""
        free = sum(waiting.count for waiting in self.waiting() if abilities.meet(waiting.demand, RELAXATIONS))
        key = [transitions.DELAY]
        delayed = self._status.view("queue", "waiting", startkey=key, endkey=[*key, {}]).rows
        return free - self._left_alone(abilities) + sum(int(row.value) for row in delayed)

    @property
    def refused(self) -> str:
        """Why we leave some job alone that we could run, or nothing. May be asked by any thread."""
        return self._aside.words

    def take_refusals(self) -> list[Refusal]:
        """The claims that the database has refused us since we were last asked."""
        refusals, self._refusals = self._refusals, []
        return refusals

    def listen(self, since: str) -> tuple[str, bool]:
        """Wait until a job is pending that was not at `since`, or a while; from where to listen on, and whether one is.

        `since` is what the last answer gave, or "now". Blocks for LISTEN seconds, anew with whatever else is written.
        """
        options = {"feed": "longpoll", "filter": "_selector", "since": since, "timeout": int(LISTEN * 1000)}
        answer = self._status.post_json("_changes", body={"selector": _PENDING}, **options)
        try:
            return str(answer["last_seq"]), bool(answer["results"])
        except (KeyError, TypeError) as exc:
            raise UnexpectedAnswer("_changes: the answer is not what CouchDB would give") from exc

    def claim(self, holder: Holder, abilities: Abilities, wanted: int, lease_seconds: float) -> list[Job]:
        """Claim up to `wanted` jobs that this worker can run. None there is an empty list."""
        return self.exchange([], holder, abilities, wanted, lease_seconds)[1]

    def exchange(
        self, finished: Sequence[Finished], holder: Holder, abilities: Abilities, wanted: int, lease_seconds: float
    ) -> tuple[Settlement, list[Job]]:
        """Finish held jobs and claim others, in one write. Raises InputError for a lease of no length."""
        if not 0 < lease_seconds <= LONGEST:
            raise InputError(f"a lease must be longer than 0 seconds and at most {LONGEST:.0f}, but is {lease_seconds}")
        candidates = self._finder.candidates(abilities, wanted, holder.worker) if wanted else []
        now = to_text(self._clock())
        claims = [transitions.claim(job, holder, lease_seconds, now) for job in candidates]
        settled, written = settle(self._status, self._finishing(finished), claims)
        claimed = [job for job, outcome in written if outcome.ok]
        refused = [(job, outcome) for job, outcome in written if outcome.refused]
        self._refusals += [self._aside.put(job.id, one.reason or str(one.error)) for job, one in refused]
        self._aside.forget(job.id for job in claimed)
        self._finder.met_others(len(claims) - len(claimed) - len(refused), len(claimed))
        return settled, claimed

    def lost(self, jobs: Sequence[Job]) -> list[Job]:
        """Which of these held jobs are not ours any more: cancelled, taken over, deleted. Reads revisions only."""
        if not jobs:
            return []
        rows = self._status.all_docs(keys=[job.id for job in jobs]).rows
        revisions = {row.id: row.value["rev"] for row in rows if row.id and not row.value.get("deleted")}
        changed = [job for job in jobs if revisions.get(job.id) != job.rev]
        now = {job.id: job for job in sweeping.read_jobs(self._status, [job.id for job in changed])}
        return [job for job in changed if job.id not in now or transitions.was_taken(now[job.id], job.claim)]

    def renew(self, jobs: Sequence[Job]) -> Settlement:
        """Begin the leases of held jobs anew, in one write."""
        now = to_text(self._clock())
        return settle(self._status, [(job, lambda job: transitions.renew(job, now)) for job in jobs])[0]

    def finish(self, finished: Sequence[Finished]) -> Settlement:
        """Complete held jobs by the revision of their claims."""
        return settle(self._status, self._finishing(finished))[0]

    def give_back(self, jobs: Sequence[Job], end: End, reason: str) -> Settlement:
        """Return claimed jobs to the queue, or abort those that have had all their attempts."""
        now = to_text(self._clock())
        moves: list[Move] = [(job, lambda job: transitions.give_back(job, end, now, reason)) for job in jobs]
        return settle(self._status, moves)[0]

    def held_by(self, worker: str) -> list[Job]:
        """The jobs that a worker of that name has claimed, under whatever incarnation."""
        query = {"startkey": [worker], "endkey": [worker, {}], "include_docs": True, "reduce": False}
        rows = self._status.view("queue", "by_claim", **query).rows
        return [job for job in read(row.doc for row in rows) if job.claim and job.claim.worker == worker]

    def take_back(self, holder: Holder) -> Settlement:
        """Return to the queue what former starts of this very worker held: they are dead, or we would not be."""
        former = [
            job for job in self.held_by(holder.worker) if job.claim and job.claim.incarnation != holder.incarnation
        ]
        return self.give_back(former, End.LOST, "the worker's process ended and was started anew")

    def sweeper(self) -> Sweeper:
        """An observer that takes jobs back from silent holders, and frees those that wait for others or for time."""
        return Sweeper(self._status, self._clock, self._rng)

    def _left_alone(self, abilities: Abilities) -> int:
        """How many jobs we could claim now if the database had not refused them to us a while ago."""
        found = sweeping.read_jobs(self._status, self._aside.resting())
        free = (job for job in found if job.state == JobState.PENDING and not job.wait)
        return sum(abilities.meet(Demand.of(job), RELAXATIONS) for job in free)

    def _finishing(self, finished: Sequence[Finished]) -> list[Move]:
        now = to_text(self._clock())

        def move(result: JobResult, reason: str) -> Callable[[Job], Job]:
            return lambda job: transitions.finish(job, result, now, reason)

        return [(job, move(result, reason)) for job, result, reason in finished]
