"""What workers do for a queue that no janitor watches."""

import random
from types import SimpleNamespace
from typing import Any

from crashfarm.documents.job import JobState
from crashfarm.queue import JobQueue
from crashfarm.queue.turns import Turn
from crashfarm.times import from_text
from tests.fakes.couch import MemoryDatabase
from tests.queue_contract import ALPHA, LEASE, abilities, job
from tests.samples import NOW
from worker import holding


def clock() -> Any:
    return from_text(NOW)


def parts(status: MemoryDatabase, name: str) -> Any:
    """As much of a worker as sweeping needs."""
    turn = Turn(status, name, clock)  # type: ignore[arg-type]
    return SimpleNamespace(config=SimpleNamespace(lease=LEASE), turn=turn, databases=())


def test_workers_recover_a_silent_workers_jobs_where_no_janitor_runs() -> None:
    """One of them does it for all; the others look again later, at random, until it falls silent."""
    status, rng = MemoryDatabase(), random.Random(1)
    queue = JobQueue(status, clock, rng)  # type: ignore[arg-type]
    queue.add([job(1)])
    queue.claim(ALPHA, abilities(), 1, LEASE)
    crew = [(parts(status, name), queue.sweeper()) for name in ("beta", "gamma", "delta")]
    due = [0.0] * len(crew)
    sweeps = [0] * len(crew)
    now = 0.0
    while now < 4 * LEASE:
        at = min(range(len(crew)), key=due.__getitem__)
        now = due[at]
        wait = holding.sweep(*crew[at], rng, now)
        assert LEASE / 4 * 0.8 <= wait <= LEASE
        sweeps[at] += wait < LEASE / 3
        due[at] = now + wait
    found = queue.get(job(1).id)
    assert found and (found.state, len(found.attempts)) == (JobState.PENDING, 1)
    assert sorted(sweeps)[1] <= 1 < max(sweeps)


def test_workers_leave_sweeping_to_a_janitor_that_runs() -> None:
    """They see that it is done, and look again later, each at another time."""
    status, rng = MemoryDatabase(), random.Random(2)
    janitor = Turn(status, "janitor", clock)  # type: ignore[arg-type]
    janitor.is_mine()
    waits = []
    worker, sweeper = parts(status, "beta"), JobQueue(status, clock, rng).sweeper()  # type: ignore[arg-type]
    for now in range(10):
        assert now == 0 or janitor.is_mine()
        waits.append(holding.sweep(worker, sweeper, rng, float(now)))
    assert min(waits) >= LEASE / 2
    assert len(set(waits)) == len(waits)
