"""Ends and claims: which of them go together, and what becomes of them when the database fails."""

import contextlib
import itertools
import random
import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from crashfarm.database import Outcome
from crashfarm.documents.job import Job, JobResult, JobState
from crashfarm.errors import DatabaseUnavailable
from crashfarm.queue import JobQueue
from crashfarm.times import from_text
from tests import samples
from tests.fakes.couch import MemoryDatabase, lost_replies
from tests.queue_contract import ALPHA, LEASE, abilities, job
from tests.samples import NOW
from worker import claiming
from worker.claiming import LONGEST_WAIT, TOGETHER, Claimer
from worker.delivery import Delivery
from worker.health import Health
from worker.outbox import Outbox, Parcel
from worker.parts import Until
from worker.recording import Recorder
from worker.slots import Slots

PATIENCE = 20.0


class Program:
    """Runs jobs of no work at all."""

    def installing(self) -> str:
        return ""

    def execute(self, held: Job, *_: Any) -> Parcel:
        """A result at once."""
        result = samples.result() | {"_id": f"result:{held.id}", "job": held.id, "findings": [], "attempt": 1}
        return Parcel(job=held.to_doc(), result=result, output=b"", job_result=JobResult.SUCCESS)


class Hand:
    """As much of a worker as claims, runs, and tells: its steps are the test's."""

    def __init__(self, folder: Path, slots: int, jobs: int) -> None:
        self.status, self.history = MemoryDatabase(), MemoryDatabase("history")
        self.now = 0.0
        self.queue = JobQueue(cast(Any, self.status), lambda: from_text(NOW), random.Random(1), lambda: self.now)
        self.queue.add(job(number) for number in range(jobs))
        self.outbox = Outbox(folder)
        self.slots = Slots(slots, cast(Any, Program()), self.outbox, Health(60.0), lambda *_: None)
        self.ended = threading.Semaphore(0)
        self.slots.changed = self.ended.release
        self.delivery = Delivery(self.outbox, Recorder(cast(Any, self.history)), self.queue, self.slots)
        self.reporter = SimpleNamespace(may_claim=True, claiming=False)
        parts = SimpleNamespace(
            config=SimpleNamespace(lease=LEASE, idle=5.0, name=ALPHA.worker),
            queue=self.queue,
            slots=self.slots,
            delivery=self.delivery,
            builds=SimpleNamespace(refresh=lambda: None, of=lambda held: None),
            bell=SimpleNamespace(ring=lambda: None),
            holder=ALPHA,
            abilities=abilities,
        )
        rng = random.Random(2)
        self.claimer = Claimer(
            cast(Any, parts), cast(Any, self.reporter), cast(Any, None), Until.TOLD, self.queue.sweeper(), rng
        )
        self.asked: list[str] = []
        self.status.fault = lambda request, moment: self.asked.append(f"{moment} {request}")

    def claim(self, now: float) -> float:
        """Claim, and wait until what came of it has run."""
        self.now = now
        try:
            return self.claimer.claim(now)
        finally:
            while self.slots.running():
                assert self.ended.acquire(timeout=PATIENCE)

    def go_on(self) -> float:
        """Claim, a second later."""
        return self.claim(self.now + 1.0)

    def bulks(self) -> int:
        """How many bulk writes there were since this was last asked."""
        count = self.asked.count("before bulk")
        self.asked.clear()
        return count

    def states(self) -> list[str]:
        """Where each job stands."""
        return [self.status.docs[id]["state"] for id in sorted(self.status.docs)]

    def ends(self) -> list[list[str]]:
        """How each job's claims have ended."""
        docs = [self.status.docs[id] for id in sorted(self.status.docs)]
        return [[attempt["outcome"] for attempt in doc.get("attempts", ())] for doc in docs]


class Silent:
    """Hears of nothing."""

    def __init__(self, *_: Any) -> None:
        pass

    def arm(self) -> None:
        """Nobody listens."""

    def disarm(self) -> None:
        """Nobody listens."""


@pytest.fixture(autouse=True)
def silence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(claiming, "Listener", Silent)


def test_an_end_and_the_next_claim_are_one_write(tmp_path: Path) -> None:
    """The result comes first, and the slot is free as soon as the parcel lies on the disk."""
    hand = Hand(tmp_path, slots=1, jobs=2)
    hand.claim(0.0)
    assert (hand.bulks(), hand.slots.free, hand.delivery.record()) == (1, 1, 1)
    assert hand.states() == [JobState.RUNNING, JobState.PENDING]
    assert f"result:{job(0).id}" in hand.history.docs
    hand.claim(0.0)
    assert (hand.bulks(), hand.states()) == (1, [JobState.COMPLETED, JobState.RUNNING])
    assert (hand.delivery.ready(), len(hand.slots.held()), hand.delivery.waiting()) == ([], 1, 1)


def test_all_that_ended_and_all_that_is_free_go_in_one_write(tmp_path: Path) -> None:
    """Also where more slots are free than jobs have been recorded."""
    hand = Hand(tmp_path, slots=3, jobs=5)
    hand.claim(0.0)
    assert (hand.delivery.record(), hand.bulks()) == (3, 1)
    hand.claim(0.0)
    assert (hand.bulks(), hand.states()) == (1, 3 * [JobState.COMPLETED] + 2 * [JobState.RUNNING])


def test_a_free_slot_waits_a_moment_for_a_result_and_no_longer(tmp_path: Path) -> None:
    """A slow upload does not keep it empty: the claim goes alone then, and the end when it may."""
    hand = Hand(tmp_path, slots=1, jobs=2)
    hand.claim(10.0)
    hand.bulks()
    assert hand.claim(11.0) == pytest.approx(TOGETHER)
    assert hand.claim(11.0 + TOGETHER / 4) == pytest.approx(TOGETHER * 3 / 4)
    assert hand.bulks() == 0
    hand.claim(11.0 + TOGETHER)
    assert (hand.bulks(), hand.states()) == (1, 2 * [JobState.RUNNING])
    assert hand.delivery.record() == 2
    hand.claim(12.0)
    assert hand.states() == 2 * [JobState.COMPLETED]


def test_who_may_not_claim_finishes_all_the_same(tmp_path: Path) -> None:
    """A paused worker, or one that drains."""
    hand = Hand(tmp_path, slots=1, jobs=2)
    hand.claim(0.0)
    hand.delivery.record()
    hand.reporter.may_claim = False
    assert hand.claim(1.0) == LONGEST_WAIT
    assert hand.claimer.finish() == LONGEST_WAIT
    assert (hand.states(), hand.slots.held()) == ([JobState.COMPLETED, JobState.PENDING], [])


def test_a_write_whose_answer_is_lost_is_made_good_apart(tmp_path: Path) -> None:
    """The end counts once; the claim that nobody heard of goes back to the queue, and is made anew."""
    hand = Hand(tmp_path, slots=1, jobs=2)
    hand.claim(0.0)
    hand.delivery.record()
    hand.status.fault = lost_replies("bulk", 1)
    with pytest.raises(DatabaseUnavailable):
        hand.claim(1.0)
    assert (hand.states(), hand.delivery.waiting()) == ([JobState.COMPLETED, JobState.RUNNING], 1)
    assert hand.slots.running() == ()
    hand.claimer.finish()
    assert (hand.delivery.waiting(), hand.slots.held()) == (0, [])
    hand.claim(2.0)
    hand.delivery.record()
    hand.claim(3.0)
    assert hand.states() == 2 * [JobState.COMPLETED]
    assert hand.ends() == [["completed"], ["released", "completed"]]


def test_ends_do_not_wait_for_claims_that_fail(tmp_path: Path) -> None:
    """Such as where a view takes long to be built; when both go well again they go together."""
    hand = Hand(tmp_path, slots=1, jobs=5)
    hand.claim(0.0)
    hand.delivery.record()

    def fail(request: str, moment: str) -> None:
        hand.asked.append(f"{moment} {request}")
        if request == "view":
            raise DatabaseUnavailable("the view is being built")

    told, hand.status.fault = hand.status.fault, fail
    with pytest.raises(DatabaseUnavailable):
        hand.claim(10.0)  # what was read ahead is old by now
    assert hand.states().count(JobState.COMPLETED) == 0
    hand.claimer.finish()
    assert hand.states().count(JobState.COMPLETED) == 1
    hand.status.fault = told
    hand.claim(11.0)
    hand.delivery.record()
    hand.bulks()
    hand.claim(12.0)
    assert (hand.bulks(), hand.states().count(JobState.COMPLETED)) == (1, 2)


def test_claims_do_not_suffer_from_an_end_that_fails(tmp_path: Path) -> None:
    """They go alone until it is written."""
    hand = Hand(tmp_path, slots=2, jobs=4)
    hand.claim(0.0)
    hand.delivery.record()
    stubborn = sorted(hand.status.docs)[0]
    write = hand.status._write

    def refuse(doc: dict[str, Any]) -> Outcome:
        is_end = doc["_id"] == stubborn and doc["state"] == JobState.COMPLETED
        return Outcome(doc["_id"], error="timeout", reason="a disk of theirs") if is_end else write(doc)

    hand.status._write = refuse  # type: ignore[method-assign]
    for now in (1.0, 2.0, 3.0):
        with pytest.raises(DatabaseUnavailable):
            hand.claim(now) if now == 1.0 else hand.claimer.finish()
    hand.claim(4.0)
    assert [ends.count("released") for ends in hand.ends()] == [0, 0, 1, 1]
    assert hand.states() == [JobState.RUNNING, JobState.COMPLETED, JobState.RUNNING, JobState.RUNNING]
    hand.status._write = write  # type: ignore[method-assign]
    hand.claimer.finish()
    hand.delivery.record()
    hand.claimer.finish()
    assert hand.states() == 4 * [JobState.COMPLETED]


def test_a_job_that_was_taken_from_us_gets_no_end_of_ours(tmp_path: Path) -> None:
    """It was cancelled while its result was on its way; the next claim goes on all the same."""
    hand = Hand(tmp_path, slots=1, jobs=2)
    hand.claim(0.0)
    hand.delivery.record()
    hand.queue.cancel(job(0).id, "for a test")
    hand.claim(1.0)
    assert hand.states() == [JobState.ABORTED, JobState.RUNNING]
    assert (hand.delivery.waiting(), [held.id for held in hand.slots.held()]) == (1, [job(1).id])


def test_what_waits_while_the_database_is_away_is_told_once(tmp_path: Path) -> None:
    """Whether it is the one database or the other, before the write or after it."""
    hand = Hand(tmp_path, slots=2, jobs=6)
    rng = random.Random(5)

    def fail(request: str, moment: str) -> None:
        if request == "bulk" and rng.random() < 0.3:
            raise DatabaseUnavailable(f"{moment} {request}")

    hand.status.fault = hand.history.fault = fail
    for step in itertools.islice(itertools.cycle((hand.delivery.record, hand.claimer.finish, hand.go_on)), 150):
        with contextlib.suppress(DatabaseUnavailable):
            step()
    assert [ends.count("completed") for ends in hand.ends()] == 6 * [1]
    assert len(hand.history.docs) == 6
    assert (hand.slots.held(), list(tmp_path.iterdir())) == ([], [])
