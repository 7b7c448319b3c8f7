"""What the contract is told with: two holders, a machine, jobs."""

import random
from typing import Any

from crashfarm.documents.job import Input, Job
from crashfarm.queue import JobQueue
from crashfarm.queue.abilities import Abilities
from crashfarm.queue.transitions import Holder
from crashfarm.times import from_text
from tests.samples import NOW

ALPHA = Holder("alpha", "host/boot/1/1")
BETA = Holder("beta", "host/boot/2/2")
LEASE = 60.0


def abilities(**changes: Any) -> Abilities:
    """A Debian machine that can run everything."""
    machine = {"os_name": "Linux", "os_version": "Debian 12", "cpu_name": "x86_64", "tags": ["fast"]}
    return Abilities.of(machine | changes, lambda product, branch, buildtype: branch != "forbidden")


def job(number: int, **changes: Any) -> Job:
    """A pending job; the number orders and names it."""
    given = Job(
        id=f"job:20261122T0610{number:05d}Z-0000000000",
        product="cpython",
        branch="3.11",
        buildtype="release",
        input=Input(name="a.py", text="pass"),
        created_at=f"2026-11-22T06:10:00.{number:03d}Z",
    )
    return given.evolve(**changes)


class Queues:
    """Needs a fixture `status`: an empty database with the design documents `jobs` and `queue`."""

    def queue(self, status: Any, seed: int = 1) -> JobQueue:
        return JobQueue(status, clock=lambda: from_text(NOW), rng=random.Random(seed))
