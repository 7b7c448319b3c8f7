"""How long a job waits that comes to a worker with nothing to do: from its making to its start."""

import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from uuid import uuid4

import msgspec

from bench.claims import make_jobs
from crashfarm.documents.branch import Branch, Build, branch_id
from crashfarm.documents.job import JobState
from crashfarm.queue import JobQueue
from crashfarm.settings import Farm, Settings, connect
from crashfarm.times import from_text
from server import deploy

PROGRAM = "/bin/true"
PATIENCE = 60.0


def measure(found: Settings, times: int) -> dict[str, object]:
    """Milliseconds, by what the documents of so many jobs say; one worker of one slot, on this machine."""
    farm = connect(msgspec.structs.replace(found, farm=f"bench-{uuid4().hex}"))
    deploy.push(farm, lambda done: None)
    try:
        build = Build(command=(PROGRAM,))
        branch = Branch(
            id=branch_id("bench", "none"), product="bench", branch="none", builds={"release": {"Linux": build}}
        )
        farm.status.put(branch.to_doc())
        with tempfile.TemporaryDirectory() as home:
            waits = sorted(_with_worker(found, farm, Path(home), times))
    finally:
        for database in (farm.status, farm.history):
            farm.connection.drop(database.name)
    late = waits[min(len(waits) - 1, int(0.99 * len(waits)))]
    return {"idle_median_ms": round(statistics.median(waits), 1), "idle_p99_ms": round(late, 1), "times": times}


def _with_worker(found: Settings, farm: Farm, home: Path, times: int) -> list[float]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("COUCHDB_", "CRASHFARM_"))}
    environ = clean | {
        "COUCHDB_URL": found.url,
        "COUCHDB_USER": found.user,
        "COUCHDB_PASSWORD": found.password,
        "CRASHFARM_FARM": farm.status.name,
        "CRASHFARM_DATA": str(home),
    }
    command = [sys.executable, "-m", "worker", "run", "--name", "idler", "--allow", PROGRAM]
    worker = subprocess.Popen(command, env=environ, stderr=subprocess.DEVNULL)
    try:
        _run(farm, random.Random(0))  # the first one waits for the worker's start
        return [_run(farm, random.Random(number)) for number in range(times)]
    finally:
        worker.terminate()
        worker.wait()


def _run(farm: Farm, rng: random.Random) -> float:
    """Let the worker get idle, and give it one job."""
    time.sleep(rng.uniform(0.2, 1.0))
    [job] = make_jobs(1)
    queue = JobQueue(farm.status)
    queue.add([job])
    until = time.monotonic() + PATIENCE
    while (now := queue.get(job.id)) is None or now.state != JobState.COMPLETED:
        assert time.monotonic() < until, now
        time.sleep(0.02)
    assert now.started_at
    return 1000.0 * (from_text(now.started_at) - from_text(now.created_at)).total_seconds()
