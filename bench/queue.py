"""The queue under many workers: jobs of no work at all, claimed and finished.

    python -m bench.queue [--pending N ...] [--processes N ...] [--slots N ...] [--picas PYTHON] [--idle TIMES]

On the CouchDB that COUCHDB_URL names, else on an embedded store that lives as long as the benchmark. One database is
filled up to each number of pending jobs in turn, and kept there. For each spread of slots over processes: jobs a
second, conflicts for each claim, requests for each job, and the ratio of its document writes (two a job) to bare writes
of the same documents, checked alike, in bulks of the same sizes by as many processes in the same minute. For each
number of pending jobs: how long a claim takes for one that has read nothing ahead. `--picas` names a Python that has
PiCaS: it does the same with as many processes, in turns. `--idle` measures the time from a job's making to its start on
a real worker that waits, so many times. Beyond 10,000 pending jobs only the spreads of `--few` are measured, as pairs
of processes and slots. Results go to standard output, one JSON object a line; progress to standard error.
"""

if not __package__:
    raise SystemExit("run it from the repository's root, as: python -m bench.queue")

import argparse
import json
import multiprocessing
import os
import random
import secrets
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import msgspec

from bench import idle, stores
from bench.claims import EVERYTHING, LEASE, make_jobs
from crashfarm.database import Connection, Database, Outcome
from crashfarm.documents.job import Job, JobResult
from crashfarm.errors import DatabaseUnavailable
from crashfarm.queue import JobQueue
from crashfarm.queue.transitions import Holder
from crashfarm.settings import Settings

CHUNK = 5000
MANY = 10_000
CLAIMS = 30


class Counting:
    """A database that counts its requests, and the conflicts of its bulk writes."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.requests = 0
        self.conflicts = 0

    def bulk(self, docs: list[dict[str, Any]]) -> list[Outcome]:
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
    """What one process has done."""

    claimed: int = 0
    finished: int = 0
    conflicts: int = 0
    requests: int = 0
    seconds: float = 0.0


class Task(msgspec.Struct, frozen=True):
    """What one process is to do: so many jobs at most, so many at once, for so many seconds at most."""

    found: Settings
    database: str
    number: int
    slots: int
    jobs: int
    seconds: float


def work(task: Task) -> Tally:
    """Claim and finish, both in one write."""
    connection = Connection(task.found.url, task.found.user, task.found.password)
    status = Counting(connection.database(task.database))
    queue = JobQueue(status, rng=random.Random(task.number))  # type: ignore[arg-type]
    holder = Holder(f"bench{task.number}", f"host/boot/{task.number}/1")
    tally, wanted = Tally(), task.slots
    held: list[Job] = []
    began = time.perf_counter()
    while held or wanted:
        done = [(job, JobResult.SUCCESS, "") for job in held]
        settled, held = queue.exchange(done, holder, EVERYTHING, wanted, LEASE)
        tally.finished += len(settled.done)
        tally.claimed += len(held)
        over = tally.claimed >= task.jobs or time.perf_counter() - began > task.seconds
        wanted = 0 if over else task.slots
    tally.seconds = time.perf_counter() - began
    tally.requests, tally.conflicts = status.requests, status.conflicts
    connection.close()
    return tally


def write(task: Task) -> Tally:
    """Bare writes: documents like jobs, each updated twice, in bulks of the same size."""
    connection = Connection(task.found.url, task.found.user, task.found.password)
    database = connection.database(task.database)
    docs = [job.to_doc() for job in make_jobs(task.jobs)]
    parts = [docs[at : at + task.slots] for at in range(0, len(docs), task.slots)]
    for at in range(0, len(docs), CHUNK):
        _update(database, docs[at : at + CHUNK])
    tally, began = Tally(), time.perf_counter()
    for before, part in zip([[], *parts], [*parts, []], strict=True):
        _update(database, [*before, *part])
        tally.finished += len(before) + len(part)
        tally.seconds = time.perf_counter() - began
        if tally.seconds > task.seconds:
            break
    connection.close()
    return tally


def _update(database: Database, docs: list[dict[str, Any]]) -> None:
    for doc, outcome in zip(docs, database.bulk(docs), strict=True):
        assert outcome.ok, outcome
        doc["_rev"] = outcome.rev


def run_all(target: Callable[[Task], Tally], tasks: list[Task]) -> list[Tally]:
    """Run each in a process of its own, all at once; what each has done."""
    with multiprocessing.get_context("spawn").Pool(len(tasks)) as pool:
        pool.map(_warm, range(len(tasks)), chunksize=1)
        return pool.map(target, tasks, chunksize=1)


def _warm(_: int) -> None:
    time.sleep(0.3)


def fill(database: Database, wanted: int) -> None:
    """Queue jobs until so many are pending; the view is built meanwhile."""
    queue = JobQueue(database)
    left = wanted - sum(waiting.count for waiting in queue.waiting())
    if left <= 0:
        return
    with stores.unchecked(database), ThreadPoolExecutor(1) as pool:
        for at in range(0, left, CHUNK):
            database.bulk(make_docs(min(CHUNK, left - at)))
            if at % (20 * CHUNK) == 0:
                say(f"filling: {at:,} of {left:,}")
                pool.submit(database.view, "queue", "pending", limit=1, update="lazy")
    say("building the view")
    _wait_for_the_view(database)


def make_docs(count: int) -> list[dict[str, Any]]:
    """Jobs that differ in their ids alone, made quickly."""
    [job] = make_jobs(1)
    stamp = job.id.partition("-")[0]
    doc = job.to_doc()
    return [doc | {"_id": f"{stamp}-{secrets.token_hex(5)}"} for _ in range(count)]


def _wait_for_the_view(database: Database) -> None:
    while True:
        try:
            database.view("queue", "pending", group_level=2)
        except DatabaseUnavailable:
            continue  # it takes longer than one request may
        return


def measure(found: Settings, options: argparse.Namespace, status: Database, processes: int, slots: int) -> Tally:
    """One line of the table."""
    each, share = slots // processes, options.jobs // processes
    with stores.database(found, views=()) as bare:
        tasks = [Task(found, status.name, n, each, share, options.seconds) for n in range(processes)]
        tallies = run_all(work, tasks)
        writes = run_all(write, [msgspec.structs.replace(task, database=bare.name) for task in tasks])
    total = Tally(*(sum(getattr(tally, name) for tally in tallies) for name in Tally.__struct_fields__))
    rate = total.finished / max(tally.seconds for tally in tallies)
    bare_rate = sum(tally.finished for tally in writes) / max(tally.seconds for tally in writes)
    tell(
        processes=processes,
        slots=slots,
        jobs_per_second=round(rate, 1),
        bare_writes_per_second=round(bare_rate, 1),
        ratio=round(2 * rate / bare_rate, 3),
        conflicts_per_claim=round(total.conflicts / max(1, total.claimed), 4),
        requests_per_job=round(total.requests / max(1, total.claimed), 3),
    )
    return total


def measure_claims(status: Database, pending: int) -> None:
    """How long it takes to claim one job for a worker that has read nothing ahead."""
    took = []
    for number in range(CLAIMS):
        queue = JobQueue(status, rng=random.Random(number))
        began = time.perf_counter()
        held = queue.claim(Holder("bench", "host/boot/1/1"), EVERYTHING, 1, LEASE)
        took.append(time.perf_counter() - began)
        queue.finish([(job, JobResult.SUCCESS, "") for job in held])
    tell(pending=pending, claim_median_ms=_ms(statistics.median(took)), claim_worst_ms=_ms(max(took)))


def measure_picas(found: Settings, python: str, jobs: int, processes: int) -> None:
    """PiCaS on the same server."""
    script = Path(__file__).with_name("others") / "picas_run.py"
    environ = os.environ | {"PICAS_URL": found.url, "PICAS_USER": found.user, "PICAS_PASSWORD": found.password}
    command = [python, str(script), str(jobs), str(processes)]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=True)
    tell(**json.loads(done.stdout.splitlines()[-1]))


def spreads(options: argparse.Namespace, pending: int) -> Iterator[tuple[int, int]]:
    """The numbers of processes and slots to measure."""
    if pending > MANY:
        yield from (tuple(map(int, pair.split("x"))) for pair in options.few)  # type: ignore[misc]
        return
    for processes in options.processes:
        yield from ((processes, slots) for slots in options.slots if slots >= processes)


def tell(**figures: object) -> None:
    """One line of the results."""
    print(json.dumps(figures), flush=True)


def say(words: str) -> None:
    """Progress."""
    print(f"{time.strftime('%H:%M:%S')} {words}", file=sys.stderr, flush=True)


def _ms(seconds: float) -> float:
    return round(1000.0 * seconds, 1)


def run(found: Settings, options: argparse.Namespace) -> None:
    """Measure all that is wanted."""
    if options.picas:
        for processes in options.processes:
            say(f"PiCaS, {processes} processes")
            measure_picas(found, options.picas, options.picas_jobs, processes)
    if options.idle:
        say("a worker that waits")
        tell(**idle.measure(found, options.idle))
    with stores.database(found, views=("queue",)) as status:
        for pending in sorted(options.pending):
            fill(status, pending + options.jobs)
            measure_claims(status, pending)
            for processes, slots in spreads(options, pending):
                say(f"{pending:,} pending, {processes} processes, {slots} slots")
                measure(found, options, status, processes, slots)
                fill(status, pending + options.jobs)


def main() -> None:
    """Read the options."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pending", type=int, nargs="+", default=[1000])
    parser.add_argument("--processes", type=int, nargs="+", default=[1, 2, 4, 8])
    parser.add_argument("--slots", type=int, nargs="+", default=[1, 8, 32, 128])
    parser.add_argument("--few", nargs="+", default=["1x32", "4x128"], metavar="PROCESSESxSLOTS")
    parser.add_argument("--jobs", type=int, default=4000, help="How many a spread runs at most.")
    parser.add_argument("--seconds", type=float, default=2.0, help="How long a spread is measured at most.")
    parser.add_argument("--picas", metavar="PYTHON")
    parser.add_argument("--picas-jobs", type=int, default=300)
    parser.add_argument("--idle", type=int, default=0, metavar="TIMES")
    options = parser.parse_args()
    with stores.store() as found:
        run(found, options)


if __name__ == "__main__":
    main()
