"""The queue under many workers: jobs of no work at all, claimed and finished.

    python -m bench.queues [--jobs N] [--slots N ...] [--processes N ...] [--pending N ...] [--picas PYTHON] [--idle N]

On the CouchDB that COUCHDB_URL names, else on an embedded store that lives as long as the benchmark. For each number of
pending jobs and each spread of slots over processes: jobs a second, conflicts for each claim, requests for each job,
and the ratio to bare writes of the same batch sizes by as many processes in the same minute. `--picas` names a Python
that has PiCaS: it does the same with as many processes, in turns. `--idle` measures the time from a job's being queued
to its being claimed by a worker that polls, so many times.
"""

import argparse
import json
import multiprocessing
import os
import random
import statistics
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from bench import stores
from bench.claims import EVERYTHING, LEASE, make_jobs
from crashfarm.database import Connection, Database, Outcome
from crashfarm.documents.job import JobResult
from crashfarm.queue import JobQueue
from crashfarm.queue.transitions import Holder
from crashfarm.settings import Settings

EMPTY_ROUNDS = 3
CHUNK = 5000


class Counting:
    """A database that counts its requests."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.requests = 0

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._database, name)

        def counted(*arguments: Any, **options: Any) -> Any:
            self.requests += 1
            return method(*arguments, **options)

        return counted


class Tally(msgspec.Struct):
    """What one process has done."""

    claimed: int = 0
    finished: int = 0
    conflicts: int = 0
    requests: int = 0
    seconds: float = 0.0


def work(found: Settings, name: str, number: int, slots: int, stop_at: int) -> Tally:
    """Claim and finish until nothing is left, or until `stop_at` jobs; finishing and claiming go in one write."""
    connection = Connection(found.url, found.user, found.password)
    status = Counting(connection.database(name))
    bulk = status.bulk
    tally, held, empty = Tally(), [], 0

    def observed(docs: list[dict[str, Any]]) -> list[Outcome]:
        outcomes: list[Outcome] = bulk(docs)
        tally.conflicts += sum(outcome.error == "conflict" for outcome in outcomes)
        return outcomes

    status.bulk = observed  # type: ignore[method-assign]
    queue = JobQueue(status, rng=random.Random(number))  # type: ignore[arg-type]
    holder = Holder(f"bench{number}", f"host/boot/{number}/1")
    began = time.perf_counter()
    while empty < EMPTY_ROUNDS:
        wanted = slots if tally.claimed < stop_at else 0
        settled, claimed = queue.exchange(
            [(job, JobResult.SUCCESS, "") for job in held], holder, EVERYTHING, wanted, LEASE
        )
        tally.finished += len(settled.done)
        tally.claimed += len(claimed)
        held = claimed
        if claimed:
            tally.seconds = time.perf_counter() - began
        empty = 0 if claimed else EMPTY_ROUNDS if not wanted else empty + 1
    tally.requests = status.requests
    connection.close()
    return tally


def write(found: Settings, name: str, number: int, batch: int, count: int) -> Tally:
    """As many bare writes: documents of the same size, each updated twice, in bulks of the same size."""
    connection = Connection(found.url, found.user, found.password)
    database = connection.database(name)
    docs = [job.to_doc() for job in make_jobs(count)]
    parts = [docs[at : at + batch] for at in range(0, count, batch)]
    for part in parts:
        _update(database, part)
    began = time.perf_counter()
    for before, part in zip([[], *parts], [*parts, []], strict=True):
        _update(database, [*before, *part])
    return Tally(finished=2 * count, seconds=time.perf_counter() - began)


def _update(database: Database, docs: list[dict[str, Any]]) -> None:
    for doc, outcome in zip(docs, database.bulk(docs), strict=True):
        doc["_rev"] = outcome.rev


def run_all(target: Callable[..., Tally], arguments: list[tuple[Any, ...]]) -> tuple[list[Tally], float]:
    """Run in processes of their own; what each has done, and the seconds from the first start to the last end."""
    with multiprocessing.get_context("spawn").Pool(len(arguments)) as pool:
        pool.map(_warm, range(len(arguments)))
        began = time.perf_counter()
        tallies = pool.starmap(target, arguments)
        return tallies, time.perf_counter() - began


def _warm(_: int) -> None:
    time.sleep(0.2)


def fill(database: Database, count: int) -> None:
    """Queue jobs, and let the views come up with them."""
    queue = JobQueue(database)
    for at in range(0, count, CHUNK):
        queue.add(make_jobs(min(CHUNK, count - at)))
        queue.waiting()
    queue.counts()
    database.view("queue", "by_claim", reduce=False, limit=1)


def measure(found: Settings, pending: int, jobs: int, processes: int, slots: int) -> dict[str, object]:
    """One line of the table."""
    each = max(1, slots // processes)
    with stores.database(found, views=True) as status, stores.database(found, views=False) as bare:
        fill(status, max(pending, jobs))
        share = jobs // processes
        tallies, _ = run_all(work, [(found, status.name, n, each, share) for n in range(processes)])
        writes, _ = run_all(write, [(found, bare.name, n, each, share) for n in range(processes)])
    claimed = sum(tally.claimed for tally in tallies)
    assert claimed == sum(tally.finished for tally in tallies)
    rate = sum(tally.finished / tally.seconds for tally in tallies if tally.seconds)
    bare_rate = sum(tally.finished / tally.seconds for tally in writes)
    return {
        "pending": max(pending, jobs),
        "processes": processes,
        "slots": slots,
        "jobs_per_second": round(rate, 1),
        "bare_writes_per_second": round(bare_rate, 1),
        "ratio": round(2 * rate / bare_rate, 3),
        "conflicts_per_claim": round(sum(tally.conflicts for tally in tallies) / max(1, claimed), 4),
        "requests_per_job": round(sum(tally.requests for tally in tallies) / max(1, claimed), 3),
    }


def measure_idle(found: Settings, times: int) -> dict[str, object]:
    """From a job's being queued to its being claimed, by a worker that asks every 50 ms."""
    with stores.database(found, views=True) as status:
        queue = JobQueue(status)
        queue.waiting()
        took = []
        for job in make_jobs(times):
            began = time.perf_counter()
            queue.add([job])
            while not (held := queue.claim(Holder("bench", "host/boot/1/1"), EVERYTHING, 1, LEASE)):
                time.sleep(0.05)
            took.append(time.perf_counter() - began)
            queue.finish([(held[0], JobResult.SUCCESS, "")])
    took.sort()
    late = took[int(0.99 * len(took))]
    return {"idle_median_ms": round(1000 * statistics.median(took), 1), "idle_p99_ms": round(1000 * late, 1)}


def measure_picas(found: Settings, python: str, jobs: int, processes: int) -> dict[str, object]:
    """PiCaS on the same server."""
    script = Path(__file__).with_name("picas_run.py")
    environ = os.environ | {"PICAS_URL": found.url, "PICAS_USER": found.user, "PICAS_PASSWORD": found.password}
    command = [python, str(script), str(jobs), str(processes)]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=True)
    figures: dict[str, object] = json.loads(done.stdout.splitlines()[-1])
    return figures


def main() -> None:
    """Measure, and print one JSON object a line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--jobs", type=int, default=2000)
    parser.add_argument("--slots", type=int, nargs="+", default=[1, 8, 32, 128])
    parser.add_argument("--processes", type=int, nargs="+", default=[1, 2, 4, 8])
    parser.add_argument("--pending", type=int, nargs="+", default=[1000])
    parser.add_argument("--picas")
    parser.add_argument("--idle", type=int, default=0)
    options = parser.parse_args()
    with stores.store() as found:
        for pending in options.pending:
            for processes in options.processes:
                for slots in (slots for slots in options.slots if slots >= processes):
                    print(json.dumps(measure(found, pending, options.jobs, processes, slots)), flush=True)
                if options.picas:
                    print(json.dumps(measure_picas(found, options.picas, options.jobs, processes)), flush=True)
        if options.idle:
            print(json.dumps(measure_idle(found, options.idle)), flush=True)


if __name__ == "__main__":
    main()
