"""Kinds of machines that the farm's workers are, and which branches and build types each could run."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta

import msgspec

from crashfarm.documents.branch import Branch
from crashfarm.documents.job import Requires
from crashfarm.documents.worker import Worker, WorkerState
from crashfarm.queue.abilities import Demand
from crashfarm.times import from_text
from server.able import abilities

HEARD_WITHIN = timedelta(days=1)
"""A worker of which nothing was heard for longer is not waited for."""


class Cell(msgspec.Struct, frozen=True, order=True):
    """One place of the matrix: a build on a kind of machine."""

    branch: str
    buildtype: str
    os_name: str
    os_version: str
    cpu_name: str

    def words(self) -> tuple[str, ...]:
        """Its parts, as people name them."""
        return msgspec.structs.astuple(self)

    def requires(self, tags: Sequence[str]) -> Requires:
        """What a job asks to be run on exactly that kind of machine."""
        return Requires(os_name=self.os_name, os_version=self.os_version, cpu_name=self.cpu_name, tags=tuple(tags))


def cells(
    branches: Iterable[Branch], workers: Iterable[Worker], product: str, tags: Sequence[str], now: datetime
) -> list[Cell]:
    """Every build of a product's enabled branches on every kind of machine that has a live worker which can run it."""
    alive = [worker for worker in workers if _alive(worker, now)]
    wanted = [branch for branch in branches if branch.product == product and branch.enabled]
    return sorted({cell for branch in wanted for worker in alive for cell in _cells(branch, worker, tags)})


def _cells(branch: Branch, worker: Worker, tags: Sequence[str]) -> Iterator[Cell]:
    able = abilities(worker, branch)
    for buildtype in branch.builds:
        machine = able.os_name, able.os_version, able.cpu_name
        if able.meet(Demand(*machine, tuple(tags), branch.product, branch.branch, buildtype)):
            yield Cell(branch.branch, buildtype, *machine)


def _alive(worker: Worker, now: datetime) -> bool:
    return (
        worker.state != WorkerState.STOPPED
        and worker.quarantine is None
        and now - from_text(worker.heartbeat_at) < HEARD_WITHIN
    )
