"""Jobs of no work on some slots spread over some processes, and bare writes of the same documents beside them."""

import multiprocessing
import random
import time
from collections.abc import Callable
from multiprocessing.pool import Pool
from typing import Any

import msgspec

from bench import filling, stores
from bench.claims import EVERYTHING, LEASE
from crashfarm.answers import Outcome
from crashfarm.database import Connection, Database
from crashfarm.documents.job import Job, JobResult
from crashfarm.queue import JobQueue, transitions
from crashfarm.queue.transitions import Holder
from crashfarm.settings import Settings

QUICKER = 1.7
"""Bare writes are made ready for so many times the jobs that were run: they go quicker."""

Json = dict[str, Any]


class Counting:
    """A database that counts its requests, and the conflicts of its bulk writes."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.requests = 0
        self.conflicts = 0

    def bulk(self, docs: list[Json]) -> list[Outcome]:
        """Write, and count."""
        self.requests += bool(docs)
        outcomes = self._database.bulk(docs)
        self.conflicts += sum(outcome.error == "conflict" for outcome in outcomes)
        return outcomes

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._database, name)

        def counted(*arguments: Any, **options: Any) -> Any:
            self.requests += 1
            return method(*arguments, **options)

        return counted


class Tally(msgspec.Struct):
    """What one process has done; `processor` is the time that it computed, `seconds` the time that it took."""

    claimed: int = 0
    finished: int = 0
    conflicts: int = 0
    requests: int = 0
    seconds: float = 0.0
    processor: float = 0.0


class Task(msgspec.Struct, frozen=True):
    """What one process is to do: so many jobs at most, so many at once, for so many seconds at most.

    `docs` are those to be written, where no jobs are to be run.
    """

    found: Settings
    database: str
    number: int
    slots: int
    jobs: int
    seconds: float
    docs: tuple[Json, ...] = ()


class Measured(msgspec.Struct, frozen=True):
    """One spread: jobs a second, its ratio to bare writes, and what a job took. Times in milliseconds."""

    pending: int
    processes: int
    slots: int
    jobs_per_second: float
    bare_writes_per_second: float
    ratio: float
    conflicts_per_claim: float
    requests_per_job: float
    client_ms_per_job: float
    bare_client_ms_per_job: float
    store_ms_per_job: float
    bare_store_ms_per_job: float


def measure(
    found: Settings, status: Database, pending: int, spread: tuple[int, int], limits: tuple[int, float]
) -> Measured:
    """One line of the table: a spread is of processes and slots, the limits are jobs and seconds."""
    (processes, slots), (jobs, seconds) = spread, limits
    tasks = [Task(found, status.name, n, slots // processes, jobs // processes, seconds) for n in range(processes)]
    with multiprocessing.get_context("spawn").Pool(processes) as pool, stores.database(found, views=()) as bare:
        pool.map(_warm, range(processes), chunksize=1)
        ran, store = _run(pool, work, tasks)
        docs = filling.fill_with(bare, min(jobs, int(QUICKER * ran.finished) + slots))
        shares = [tuple(docs[task.number :: processes]) for task in tasks]
        replaced = msgspec.structs.replace
        bares = [replaced(task, database=bare.name, docs=share) for task, share in zip(tasks, shares, strict=True)]
        wrote, bare_store = _run(pool, write, bares)
    return _figures(pending, spread, (ran, store), (wrote, bare_store))


def _figures(pending: int, spread: tuple[int, int], ours: tuple[Tally, float], bare: tuple[Tally, float]) -> Measured:
    (ran, store), (wrote, bare_store) = ours, bare
    rate, bare_rate, claims = ran.finished / ran.seconds, wrote.finished / wrote.seconds, max(1, ran.claimed)
    jobs, pairs = max(1, ran.finished), max(1, wrote.finished / 2)
    return Measured(
        pending=pending,
        processes=spread[0],
        slots=spread[1],
        jobs_per_second=round(rate, 1),
        bare_writes_per_second=round(bare_rate, 1),
        ratio=round(2 * rate / bare_rate, 3),
        conflicts_per_claim=round(ran.conflicts / claims, 4),
        requests_per_job=round(ran.requests / claims, 3),
        client_ms_per_job=round(1000 * ran.processor / jobs, 3),
        bare_client_ms_per_job=round(1000 * wrote.processor / pairs, 3),
        store_ms_per_job=round(1000 * store / jobs, 3),
        bare_store_ms_per_job=round(1000 * bare_store / pairs, 3),
    )


def _run(pool: Pool, target: Callable[[Task], Tally], tasks: list[Task]) -> tuple[Tally, float]:
    """What all did together, and the processor time of an embedded store meanwhile."""
    before = stores.processor()
    tallies = pool.map(target, tasks, chunksize=1)
    store = stores.processor() - before
    total = Tally(*(sum(getattr(tally, name) for tally in tallies) for name in Tally.__struct_fields__))
    total.seconds = max(tally.seconds for tally in tallies)
    return total, store


def _warm(_: int) -> None:
    time.sleep(0.3)


def work(task: Task) -> Tally:
    """Claim and finish, both in one write."""
    connection = Connection(task.found.url, task.found.user, task.found.password)
    status = Counting(connection.database(task.database))
    queue = JobQueue(status, rng=random.Random(task.number))  # type: ignore[arg-type]
    holder = _holder(task.number)
    tally, wanted = Tally(), task.slots
    held: list[Job] = []
    began, computed = time.perf_counter(), time.process_time()
    while held or wanted:
        done = [(job, JobResult.SUCCESS, "") for job in held]
        settled, held = queue.exchange(done, holder, EVERYTHING, wanted, LEASE)
        tally.finished += len(settled.done)
        tally.claimed += len(held)
        over = tally.claimed >= task.jobs or time.perf_counter() - began > task.seconds
        wanted = 0 if over else task.slots
    tally.seconds, tally.processor = time.perf_counter() - began, time.process_time() - computed
    tally.requests, tally.conflicts = status.requests, status.conflicts
    connection.close()
    return tally


def write(task: Task) -> Tally:
    """Bare writes: the very documents of claimed and of finished jobs, in as many bulks of the same size."""
    connection = Connection(task.found.url, task.found.user, task.found.password)
    database = connection.database(task.database)
    claimed, finished = _both(task)
    batches = range(0, len(claimed), task.slots)
    tally, before = Tally(), slice(0, 0)
    began, computed = time.perf_counter(), time.process_time()
    for at in (*batches, len(claimed)):
        now = slice(at, at + task.slots)
        outcomes = database.bulk(finished[before] + claimed[now])
        assert all(outcome.ok for outcome in outcomes), outcomes
        tally.finished += len(outcomes)
        for doc, outcome in zip(finished[now], outcomes[len(finished[before]) :], strict=True):
            doc["_rev"] = outcome.rev
        before, tally.seconds = now, time.perf_counter() - began
        if tally.seconds > task.seconds:
            break
    tally.processor = time.process_time() - computed
    connection.close()
    return tally


def _both(task: Task) -> tuple[list[Json], list[Json]]:
    """Documents as the queue writes them: when they are claimed, and when they are finished."""
    now = task.docs[0]["created_at"] if task.docs else ""
    held = [transitions.claim(Job.from_doc(doc), _holder(task.number), LEASE, now) for doc in task.docs]
    done = [transitions.finish(job, JobResult.SUCCESS, now) for job in held]
    return [job.to_doc() for job in held], [job.to_doc() for job in done]


def _holder(number: int) -> Holder:
    return Holder(f"bench{number}", f"host/boot/{number}/1")
