"""What does not get on, and why: jobs that no worker can run, that wait for others, that a silent worker holds."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import msgspec

from crashfarm.database import Database
from crashfarm.documents.base import plain_name
from crashfarm.documents.branch import Branch
from crashfarm.documents.job import Job, JobState, Priority
from crashfarm.documents.worker import Wish, Worker, WorkerState
from crashfarm.queue import JobQueue
from crashfarm.queue.abilities import RELAXATIONS, Demand
from crashfarm.queue.settling import read
from crashfarm.times import to_text
from server import branches, workers
from server.able import abilities

MOST = 200
"""Jobs that wait for others, or run, that are looked at one by one."""

SILENT = 120.0
"""Seconds without a heartbeat after which a worker is taken for gone; the dashboard goes by the same."""

AGES = 3.15e9
"""Seconds that are longer than any that is counted here: a hundred years."""


class Stuck(msgspec.Struct, frozen=True):
    """So many jobs, what they have in common, and why they do not get on."""

    jobs: int
    what: str
    reason: str


class _Farm(msgspec.Struct, frozen=True):
    """What decides who can run what."""

    branches: dict[tuple[str, str], Branch]
    workers: tuple[Worker, ...]
    now: datetime

    def is_long_ago(self, text: str, seconds: float) -> bool:
        """Whether a time is more than so many seconds ago. What people wrote there may be none: texts are compared."""
        return text < to_text(self.now - timedelta(seconds=min(seconds, AGES)))


def find(status: Database, now: datetime) -> list[Stuck]:
    """All that is stuck, and workers of whom nothing is known. What only waits for its turn is not."""
    found = workers.find(status)
    known = {(branch.product, branch.branch): branch for branch in branches.load(status)}
    farm = _Farm(known, found.workers, now)
    broken = [Stuck(0, worker, f"cannot be read: {reason}") for worker, reason in found.broken.items()]
    pending = [
        Stuck(waiting.count, _words(waiting.demand), reason)
        for waiting in JobQueue(status).waiting()
        if (reason := _why_pending(farm, waiting.demand, waiting.priority))
    ]
    return [*broken, *pending, *_held_back(status), *_silent(status, farm)]


def _why_pending(farm: _Farm, demand: Demand, priority: int) -> str:
    """Why no worker takes a class of jobs, or nothing."""
    branch = farm.branches.get((demand.product, demand.branch))
    if branch is None:
        return f"there is no branch {demand.branch} of {demand.product}"
    if not branch.enabled:
        return f"the branch {demand.branch} is disabled"
    relaxed = RELAXATIONS if priority >= Priority.LARGE else 0
    able = [worker for worker in farm.workers if abilities(worker, branch).meet(demand, relaxed)]
    if not able:
        return _nobody(farm, demand, branch, relaxed)
    resting = [reason for worker in able if (reason := _why_resting(farm, worker))]
    return f"all that could run it rest: {'; '.join(resting)}" if len(resting) == len(able) else ""


def _nobody(farm: _Farm, demand: Demand, branch: Branch, relaxed: int) -> str:
    """The first thing asked for that no worker has, or that none has all of it."""
    if not farm.workers:
        return "there are no workers"
    machine = [("os_name", demand.os_name), ("cpu_name", demand.cpu_name), ("os_version", demand.os_version)]
    for name, asked in machine[: RELAXATIONS - relaxed]:
        if asked is not None and not any(worker.metadata.get(name) == asked for worker in farm.workers):
            return f"no worker meets the requirement {name} = {asked}"
    for tag in demand.tags:
        if not any(tag in abilities(worker, branch).tags for worker in farm.workers):
            return f"no worker has the tag {tag}"
    if not any(branch.build(demand.buildtype, worker.os_name) for worker in farm.workers):
        return f"{demand.branch} has no {demand.buildtype} build for any worker's platform"
    return "no worker meets all of it, has the program and is allowed to run it"


def _why_resting(farm: _Farm, worker: Worker) -> str:
    name = plain_name(worker.id)
    if worker.state == WorkerState.STOPPED:
        return f"{name} is stopped"
    if worker.quarantine:
        return f"{name} is in quarantine ({worker.quarantine.reason})"
    if worker.control.desired not in (Wish.RUN, Wish.RESTART, Wish.UPDATE):
        return f"{name} is to {worker.control.desired} ({worker.control.reason or 'no reason given'})"
    if farm.is_long_ago(worker.heartbeat_at, SILENT):
        return f"{name} is silent since {worker.heartbeat_at}"
    return ""


def _held_back(status: Database) -> list[Stuck]:
    """Jobs that wait for other jobs, or for their next try."""
    jobs, more = _first(status, "waiting")
    return [*(Stuck(1, job.id, _why_held_back(job)) for job in jobs), *_unseen(more, "wait for other jobs, or a try")]


def _first(status: Database, view: str) -> tuple[list[Job], int]:
    """The jobs that are looked at one by one, and how many more there are."""
    rows = status.view("queue", view, reduce=False, include_docs=True, limit=MOST + 1).rows
    counted = status.view("queue", view).rows if len(rows) > MOST else []
    return list(read(row.doc for row in rows[:MOST])), sum(int(row.value) for row in counted) - MOST if counted else 0


def _unseen(jobs: int, what: str) -> list[Stuck]:
    return [Stuck(jobs, "others", f"{what}: only the first {MOST} are looked at one by one")] if jobs > 0 else []


def _why_held_back(job: Job) -> str:
    if job.depends_on:
        return f"waits for {', '.join(needed.job for needed in job.depends_on)}"
    last = f": {job.attempts[-1].reason}" if job.attempts else ""
    return f"is tried again {job.delay_seconds:g} s after its last attempt{last}"


def _silent(status: Database, farm: _Farm) -> list[Stuck]:
    """Running jobs of workers from whom nothing was heard for longer than the lease, by this machine's clock."""
    known = {plain_name(worker.id): worker for worker in farm.workers}
    held, more = _first(status, "by_claim")
    jobs = [job for job in held if job.state == JobState.RUNNING and job.claim]
    return [*(found for job in jobs if (found := _why_silent(farm, job, known))), *_unseen(more, "run")]


def _why_silent(farm: _Farm, job: Job, known: dict[str, Worker]) -> Stuck | None:
    if job.claim is None:
        return None
    worker = known.get(job.claim.worker)
    if worker is None:
        return Stuck(1, job.id, f"is held by {job.claim.worker}, whom nobody knows")
    heard = max(worker.heartbeat_at, job.claim.renewed_at)
    if not farm.is_long_ago(heard, job.claim.lease_seconds):
        return None
    return Stuck(1, job.id, f"is held by {job.claim.worker}, silent since {heard}")


def _words(demand: Demand) -> str:
    asked: Sequence[str | None] = (demand.os_name, demand.os_version, demand.cpu_name, *demand.tags)
    return " ".join((demand.product, demand.branch, demand.buildtype, *(f"[{part}]" for part in asked if part)))
