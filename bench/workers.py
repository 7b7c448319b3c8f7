"""Real workers and jobs of no work at all: what a job costs besides its program.

    python -m bench.workers [--jobs N] [--slots N ...] [--processes N] [--program PATH]

On the CouchDB that COUCHDB_URL names, else on an embedded store that lives as long as the benchmark. For each number
of slots so many jobs are queued, and `crashfarm-worker run --until-empty` does them. Jobs a second are counted from the
first claim to the last end, as the documents have them; processor milliseconds are the workers' own with all that they
started. The program alone is started as often by as many threads, in the same minute. Requests are the server's count:
others must leave it alone meanwhile. One JSON object a line.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import msgspec
import requests

from bench import stores
from bench.claims import make_jobs
from crashfarm.documents.branch import Branch, Build, branch_id
from crashfarm.documents.job import Job, JobState
from crashfarm.queue import JobQueue
from crashfarm.settings import Farm, Settings, connect
from crashfarm.times import from_text
from server import deploy

CHUNK = 1000


class Cost(msgspec.Struct, frozen=True):
    """Jobs a second, and processor seconds for all of them."""

    rate: float
    processor: float


@contextmanager
def farm_of(found: Settings, program: str) -> Iterator[Farm]:
    """A farm of its own with a branch that runs the program; dropped in the end."""
    farm = connect(msgspec.structs.replace(found, farm=f"bench-{uuid4().hex}"))
    deploy.push(farm, lambda done: None)
    builds = {"release": {"Linux": Build(command=(program,))}}
    try:
        farm.status.put(Branch(id=branch_id("bench", "none"), product="bench", branch="none", builds=builds).to_doc())
        yield farm
    finally:
        for database in (farm.status, farm.history):
            farm.connection.drop(database.name)


def measure(found: Settings, options: argparse.Namespace, slots: int) -> dict[str, object]:
    """One line of the table."""
    with farm_of(found, options.program) as farm:
        for at in range(0, options.jobs, CHUNK):
            JobQueue(farm.status).add(make_jobs(min(CHUNK, options.jobs - at)))
        JobQueue(farm.status).waiting()
        asked = count_requests(found)
        processor = run_workers(found, farm, options, slots)
        asked = count_requests(found) - asked
        ours = Cost(rate([Job.from_doc(doc) for doc in farm.status.documents("job:")]), processor)
    alone = run_alone(options.program, options.jobs, slots * options.processes)
    return {
        "processes": options.processes,
        "slots": slots,
        "jobs": options.jobs,
        "jobs_per_second": round(ours.rate, 1),
        "program_alone_per_second": round(alone.rate, 1),
        "ratio": round(ours.rate / alone.rate, 3),
        "requests_per_job": round(asked / options.jobs, 2),
        "processor_ms_per_job": round(1000.0 * ours.processor / options.jobs, 2),
        "program_alone_processor_ms": round(1000.0 * alone.processor / options.jobs, 2),
    }


def run_workers(found: Settings, farm: Farm, options: argparse.Namespace, slots: int) -> float:
    """Let workers do all that is queued; the processor seconds that they and their programs used."""
    before = os.times()
    with tempfile.TemporaryDirectory() as home:
        environ = environment(found, farm, Path(home))
        command = [sys.executable, "-m", "worker", "run", "--until-empty", "--allow", options.program]
        workers = [
            subprocess.Popen(
                [*command, "--slots", str(slots), "--name", f"bench{number}"], env=environ, stderr=subprocess.DEVNULL
            )
            for number in range(options.processes)
        ]
        assert [worker.wait() for worker in workers] == [0] * len(workers)
    after = os.times()
    return after.children_user + after.children_system - before.children_user - before.children_system


def environment(found: Settings, farm: Farm, home: Path) -> dict[str, str]:
    """With what a worker reaches the farm."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("COUCHDB_", "CRASHFARM_"))}
    return clean | {
        "COUCHDB_URL": found.url,
        "COUCHDB_USER": found.user,
        "COUCHDB_PASSWORD": found.password,
        "CRASHFARM_FARM": farm.status.name,
        "CRASHFARM_DATA": str(home),
    }


def rate(jobs: list[Job]) -> float:
    """Jobs a second, from the first claim to the last end."""
    assert all(job.state == JobState.COMPLETED for job in jobs)
    began = min(from_text(job.started_at) for job in jobs if job.started_at)
    ended = max(from_text(job.completed_at) for job in jobs if job.completed_at)
    return len(jobs) / (ended - began).total_seconds()


def run_alone(program: str, count: int, threads: int) -> Cost:
    """The program as often, by as many threads, and nothing else."""
    before, began = os.times(), time.perf_counter()
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(lambda _: subprocess.run([program], check=True), range(count)))
    took, after = time.perf_counter() - began, os.times()
    return Cost(count / took, sum(after[:4]) - sum(before[:4]))


def count_requests(found: Settings) -> int:
    """How many requests the server has answered since its start."""
    url = f"{found.url}/_node/_local/_stats/couchdb/httpd/requests"
    answer = requests.get(url, auth=(found.user, found.password), timeout=20)
    return int(answer.json()["value"])


def main() -> None:
    """Read the options, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--jobs", type=int, default=400)
    parser.add_argument("--slots", type=int, nargs="+", default=[1, 8, 32])
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--program", default="/bin/true")
    options = parser.parse_args()
    with stores.store() as found:
        for slots in options.slots:
            print(json.dumps(measure(found, options, slots)), flush=True)


if __name__ == "__main__":
    main()
