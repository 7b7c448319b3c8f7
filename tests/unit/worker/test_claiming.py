"""The contract of ends and claims on the fake, and what only the fake can do."""

from typing import Any

import pytest

from crashfarm.answers import Outcome
from crashfarm.documents.job import JobState
from crashfarm.errors import DatabaseUnavailable
from tests.claiming_contract import ClaimingContract, MakeHand
from tests.fakes.couch import MemoryDatabase
from tests.queue_contract import job
from worker.claiming import TOGETHER


@pytest.fixture
def status() -> MemoryDatabase:
    return MemoryDatabase()


@pytest.fixture
def history() -> MemoryDatabase:
    return MemoryDatabase("history")


class TestOnTheFake(ClaimingContract):
    """The contract in memory."""

    def test_claims_do_not_suffer_from_an_end_that_fails(self, hand: MakeHand) -> None:
        """They go alone until it is written."""
        worker = hand(2, 4)
        worker.claim(0.0)
        worker.delivery.record()
        stubborn = job(0).id
        write = worker.status._write

        def refuse(doc: dict[str, Any]) -> Outcome:
            is_end = doc["_id"] == stubborn and doc["state"] == JobState.COMPLETED
            return Outcome(doc["_id"], error="timeout", reason="a disk of theirs") if is_end else write(doc)

        worker.status._write = refuse  # type: ignore[method-assign]
        for now in (1.0, 2.0, 3.0):
            with pytest.raises(DatabaseUnavailable):
                worker.claim(now) if now == 1.0 else worker.claimer.finish()
        worker.claim(4.0)
        assert [ends.count("released") for ends in worker.ends()] == [0, 0, 1, 1]
        assert worker.states() == [JobState.RUNNING, JobState.COMPLETED, JobState.RUNNING, JobState.RUNNING]
        worker.status._write = write  # type: ignore[method-assign]
        worker.claimer.finish()
        worker.delivery.record()
        worker.claimer.finish()
        assert worker.states() == 4 * [JobState.COMPLETED]

    def test_claims_that_fail_do_so_each_time_until_the_database_is_back(self, hand: MakeHand) -> None:
        """Waiting for a result in between would count as a success, and no delay would ever grow."""
        worker = hand(2, 4)
        worker.claim(0.0)
        worker.status.fault = unavailable
        assert worker.claim(1.0) == pytest.approx(TOGETHER)
        for now in (1.3, 2.0, 3.0, 60.0):
            with pytest.raises(DatabaseUnavailable):
                worker.claim(now)
        worker.status.fault = lambda *_: None
        worker.claim(120.0)
        assert worker.states() == 4 * [JobState.RUNNING]


def unavailable(*_: str) -> None:
    """A fault: nothing gets through."""
    raise DatabaseUnavailable("no answer")
