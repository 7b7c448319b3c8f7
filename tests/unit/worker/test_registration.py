"""A worker's own document, and who else may write it."""

from typing import Any, cast

import pytest

from crashfarm.documents.worker import Worker, WorkerState
from crashfarm.times import utc_now
from tests.fakes.couch import MemoryDatabase
from worker.machine import incarnation, this_machine
from worker.registration import NameTaken, Registration, Status, new_worker

NOW = "2026-11-22T06:10:03.123Z"
WORKING = Status(state=WorkerState.WAITING)


def entered(status: MemoryDatabase) -> tuple[Registration, Worker]:
    """A registration in the place of a former start of this worker, and that start's document."""
    former = new_worker("alpha", this_machine(), incarnation(), 1, {}, NOW)
    former = former.evolve(rev=status.put(former.to_doc()))
    mine = Registration(cast(Any, status), new_worker("alpha", this_machine(), incarnation(), 1, {}, NOW), utc_now)
    mine.enter(former)
    return mine, former


def test_a_write_of_a_former_start_that_comes_late_ends_nobody() -> None:
    """What a killed process has sent may arrive when its successor is at work."""
    status = MemoryDatabase()
    mine, former = entered(status)
    status.put(former.evolve(rev=mine.worker.rev).to_doc())
    mine.save(WORKING)
    assert status.docs["worker:alpha"]["incarnation"] == mine.worker.incarnation
    assert status.docs["worker:alpha"]["state"] == WorkerState.WAITING


def test_a_process_that_works_under_our_name_elsewhere_is_given_way_to() -> None:
    """Nobody here can say that it has ended."""
    status = MemoryDatabase()
    mine, former = entered(status)
    status.put(former.evolve(rev=mine.worker.rev, incarnation="elsewhere/boot/1/2/abc").to_doc())
    with pytest.raises(NameTaken):
        mine.save(WORKING)
