"""What becomes of a job in its slot, and what its end says of the worker's own health."""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import msgspec
import pytest

from crashfarm.documents.job import Job, JobResult
from crashfarm.errors import CrashfarmError, DatabaseUnavailable
from crashfarm.queue.ends import End
from tests import samples
from worker.health import FAILURES, Health
from worker.installing.trouble import InstallError
from worker.outbox import Outbox, Parcel
from worker.slots import Slots
from worker.trouble import MachineTrouble

PATIENCE = 20.0


def job(name: str = "1", build: str = "") -> Job:
    return Job.from_doc(samples.running()).evolve(id=f"job:{name}", build=build)


def parcel(held: Job, end: JobResult) -> Parcel:
    """What a run brought that ended so."""
    result = samples.result() | {"_id": f"result:{held.id}", "job": held.id, "findings": [], "attempt": 1}
    return Parcel(job=held.to_doc(), result=result, output=b"", job_result=end, reason="bad input")


class Yard:
    """Slots whose program is the test's."""

    def __init__(self, folder: Path, execute: Callable[[Job], Parcel | None]) -> None:
        self.health = Health(60.0)
        self.outbox = Outbox(folder)
        self.ended = threading.Event()
        self.slots = Slots(1, cast(Any, self), self.outbox, self.health, lambda *_: None)
        self.slots.changed = self.ended.set
        self._execute = execute

    def execute(self, held: Job, *_: Any) -> Parcel | None:
        return self._execute(held)

    def run(self, held: Job) -> None:
        self.ended.clear()
        self.slots.start(held, None)
        assert self.ended.wait(PATIENCE)


def trouble(error: CrashfarmError) -> Callable[[Job], Parcel | None]:
    def execute(_: Job) -> Parcel | None:
        raise error

    return execute


@pytest.mark.parametrize(
    ("error", "build", "end", "unfit"),
    [
        (MachineTrouble("the disk is full"), "", End.FAILED, True),
        (InstallError("no such build"), "", End.RELEASED, False),
        (InstallError("no such build"), "monday", End.FAILED, False),
        (DatabaseUnavailable("no answer"), "", End.RELEASED, False),
    ],
)
def test_only_the_machines_own_trouble_counts_against_the_worker(
    tmp_path: Path, error: CrashfarmError, build: str, end: End, unfit: bool
) -> None:
    """The job comes back in any case, with the reason."""
    yard = Yard(tmp_path, trouble(error))
    for number in range(FAILURES):
        yard.run(job(str(number), build))
    returned = yard.slots.take_returned()
    assert {(back.end, str(error) in back.reason) for back in returned} == {(end, True)}
    assert len(returned) == FAILURES
    assert bool(yard.health.is_unfit(0.0)) is unfit


def test_jobs_that_could_run_nowhere_do_not_take_a_worker_out(tmp_path: Path) -> None:
    """Else whoever queues a list of bad addresses would empty the farm. Nor do they make anything good."""
    yard = Yard(tmp_path, lambda held: parcel(held, JobResult.ERROR))
    for number in range(2 * FAILURES):
        yard.run(job(str(number)))
    assert yard.health.is_unfit(0.0) == ""
    assert len(yard.outbox.waiting()) == 2 * FAILURES
    yard.health.failed("the disk is full")
    yard.health.failed("the disk is full")
    yard.run(job("more"))
    yard.health.failed("the disk is full")
    assert "the disk is full" in yard.health.is_unfit(0.0)


@pytest.mark.parametrize("name", ["/etc/passwd", "../../x", "x" * 4000, "名" * 100])
def test_a_result_of_a_job_of_whatever_name_waits_in_the_outbox(tmp_path: Path, name: str) -> None:
    """An id is no file's name."""
    yard = Yard(tmp_path / "outbox", lambda held: parcel(held, JobResult.SUCCESS))
    yard.run(job(name))
    assert yard.slots.trouble == ""
    assert [found.job["_id"] for _, found in yard.outbox.parcels()] == [f"job:{name}"]
    assert [path.name for path in tmp_path.iterdir()] == ["outbox"]


def test_a_job_that_comes_back_while_its_lost_run_still_ends_is_a_run_of_its_own(tmp_path: Path) -> None:
    """A worker that slept loses its claim and may be the first to claim the job again."""
    runs: dict[int, threading.Event] = {1: threading.Event(), 2: threading.Event()}

    def execute(held: Job) -> None:
        assert held.claim and runs[held.claim.attempt].wait(PATIENCE)

    yard = Yard(tmp_path, execute)
    first = job()
    assert first.claim
    second = first.evolve(claim=msgspec.structs.replace(first.claim, attempt=2))
    yard.slots.start(first, None)
    yard.slots.forget([first])
    yard.slots.start(second, None)
    assert (yard.slots.free, yard.slots.running()) == (0, (second.id,))
    runs[1].set()
    assert yard.ended.wait(PATIENCE)
    assert (yard.slots.free, yard.slots.running(), yard.slots.unsettled) == (0, (second.id,), 0)
    yard.ended.clear()
    runs[2].set()
    assert yard.ended.wait(PATIENCE)
    assert (yard.slots.free, yard.slots.running(), yard.slots.unsettled) == (1, (), 1)
    assert [back.job for back in yard.slots.take_returned()] == [second]


def test_a_run_that_does_not_end_is_abandoned(tmp_path: Path) -> None:
    """A worker that ends must not leave the job claimed until its lease is over."""
    end = threading.Event()

    def execute(_: Job) -> None:
        assert end.wait(PATIENCE)

    yard = Yard(tmp_path, execute)
    yard.slots.start(job(), None)
    yard.slots.stop()
    assert not yard.slots.wait(0.01)
    yard.slots.abandon("the worker ended")
    assert [(back.job.id, back.end, back.reason) for back in yard.slots.take_returned()] == [
        ("job:1", End.RELEASED, "the worker ended")
    ]
    end.set()
    assert yard.slots.wait(PATIENCE)
    yard.slots.take_returned()
    yard.slots.abandon("the worker ended")
    assert yard.slots.take_returned() == []
