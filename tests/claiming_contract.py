"""Ends and claims: which of them go together, and what becomes of them when the database fails.

One contract, for the fake and for a real CouchDB.
"""

import contextlib
import itertools
import random
import threading
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from crashfarm.documents.job import Job, JobResult, JobState
from crashfarm.errors import DatabaseUnavailable
from crashfarm.queue import JobQueue
from crashfarm.times import from_text
from tests import samples
from tests.fakes.couch import lost_replies
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
        attempt = held.claim.attempt if held.claim else 0
        result = samples.result() | {"_id": f"result:{held.id}", "job": held.id, "findings": [], "attempt": attempt}
        return Parcel(job=held.to_doc(), result=result, output=b"", job_result=JobResult.SUCCESS)


class Hand:
    """As much of a worker as claims, runs, and tells: its steps are the test's.

    The databases have a `fault`, as the fake has it.
    """

    def __init__(self, status: Any, history: Any, folder: Path, *, slots: int, jobs: int) -> None:
        self.status, self.history = status, history
        self.now = 0.0
        self.queue = JobQueue(status, lambda: from_text(NOW), random.Random(1), lambda: self.now)
        self.queue.add(job(number) for number in range(jobs))
        self.outbox = Outbox(folder)
        self.slots = Slots(slots, cast(Any, Program()), self.outbox, Health(60.0), lambda *_: None)
        self.ended = threading.Semaphore(0)
        self.slots.changed = self.ended.release
        self.delivery = Delivery(self.outbox, Recorder(history), self.queue, self.slots)
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
        status.fault = lambda request, moment: self.asked.append(f"{moment} {request}")

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

    def jobs(self) -> list[dict[str, Any]]:
        """The jobs' documents."""
        return list(self.status.documents("job:"))

    def states(self) -> list[str]:
        """Where each job stands."""
        return [doc["state"] for doc in self.jobs()]

    def ends(self) -> list[list[str]]:
        """How each job's claims have ended."""
        return [[attempt["outcome"] for attempt in doc.get("attempts", ())] for doc in self.jobs()]


class Silent:
    """Hears of nothing."""

    def __init__(self, *_: Any) -> None:
        pass

    def arm(self) -> None:
        """Nobody listens."""

    def disarm(self) -> None:
        """Nobody listens."""


MakeHand = Callable[[int, int], Hand]
"""From numbers of slots and of pending jobs to a worker."""


class ClaimingContract:
    """Needs fixtures `status` and `history`: databases that can fail, the first one with the queue's views."""

    @pytest.fixture
    def hand(self, status: Any, history: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> MakeHand:
        """Makes a worker."""
        monkeypatch.setattr(claiming, "Listener", Silent)
        return lambda slots, jobs: Hand(status, history, tmp_path, slots=slots, jobs=jobs)

    def test_an_end_and_the_next_claim_are_one_write(self, hand: MakeHand) -> None:
        """The result comes first, and the slot is free as soon as the parcel lies on the disk."""
        worker = hand(1, 2)
        worker.claim(0.0)
        assert (worker.bulks(), worker.slots.free, worker.delivery.record()) == (1, 1, 1)
        assert worker.states() == [JobState.RUNNING, JobState.PENDING]
        assert worker.history.get(f"result:{job(0).id}")
        worker.claim(0.0)
        assert (worker.bulks(), worker.states()) == (1, [JobState.COMPLETED, JobState.RUNNING])
        assert (worker.delivery.ready(), len(worker.slots.held()), worker.delivery.waiting()) == ([], 1, 1)

    def test_all_that_ended_and_all_that_is_free_go_in_one_write(self, hand: MakeHand) -> None:
        """Also where more slots are free than jobs have been recorded."""
        worker = hand(3, 5)
        worker.claim(0.0)
        assert (worker.delivery.record(), worker.bulks()) == (3, 1)
        worker.claim(0.0)
        assert (worker.bulks(), worker.states()) == (1, 3 * [JobState.COMPLETED] + 2 * [JobState.RUNNING])

    def test_a_free_slot_waits_a_moment_for_a_result_and_no_longer(self, hand: MakeHand) -> None:
        """A slow upload does not keep it empty: the claim goes alone then, and the end when it may."""
        worker = hand(1, 2)
        worker.claim(10.0)
        worker.bulks()
        assert worker.claim(11.0) == pytest.approx(TOGETHER)
        assert worker.claim(11.0 + TOGETHER / 4) == pytest.approx(TOGETHER * 3 / 4)
        assert worker.bulks() == 0
        worker.claim(11.0 + TOGETHER)
        assert (worker.bulks(), worker.states()) == (1, 2 * [JobState.RUNNING])
        assert worker.delivery.record() == 2
        worker.claim(12.0)
        assert worker.states() == 2 * [JobState.COMPLETED]

    def test_who_may_not_claim_finishes_all_the_same(self, hand: MakeHand) -> None:
        """A paused worker, or one that drains."""
        worker = hand(1, 2)
        worker.claim(0.0)
        worker.delivery.record()
        worker.reporter.may_claim = False
        assert worker.claim(1.0) == LONGEST_WAIT
        assert worker.claimer.finish() == LONGEST_WAIT
        assert (worker.states(), worker.slots.held()) == ([JobState.COMPLETED, JobState.PENDING], [])

    def test_a_write_whose_answer_is_lost_is_made_good_apart(self, hand: MakeHand) -> None:
        """The end counts once; the claim that nobody heard of goes back to the queue, and is made anew."""
        worker = hand(1, 2)
        worker.claim(0.0)
        worker.delivery.record()
        worker.status.fault = lost_replies("bulk", 1)
        with pytest.raises(DatabaseUnavailable):
            worker.claim(1.0)
        assert (worker.states(), worker.delivery.waiting()) == ([JobState.COMPLETED, JobState.RUNNING], 1)
        assert worker.slots.running() == ()
        worker.claimer.finish()
        assert (worker.delivery.waiting(), worker.slots.held()) == (0, [])
        worker.claim(2.0)
        worker.delivery.record()
        worker.claim(3.0)
        assert worker.states() == 2 * [JobState.COMPLETED]
        assert worker.ends() == [["completed"], ["released", "completed"]]

    def test_ends_do_not_wait_for_claims_that_fail(self, hand: MakeHand) -> None:
        """Such as where a view takes long to be built; when both go well again they go together."""
        worker = hand(1, 5)
        worker.claim(0.0)
        worker.delivery.record()

        def fail(request: str, moment: str) -> None:
            worker.asked.append(f"{moment} {request}")
            if request == "view":
                raise DatabaseUnavailable("the view is being built")

        told, worker.status.fault = worker.status.fault, fail
        with pytest.raises(DatabaseUnavailable):
            worker.claim(10.0)  # what was read ahead is old by now
        assert worker.states().count(JobState.COMPLETED) == 0
        worker.claimer.finish()
        assert worker.states().count(JobState.COMPLETED) == 1
        worker.status.fault = told
        worker.claim(11.0)
        worker.delivery.record()
        worker.bulks()
        worker.claim(12.0)
        assert (worker.bulks(), worker.states().count(JobState.COMPLETED)) == (1, 2)

    def test_a_job_that_was_taken_from_us_gets_no_end_of_ours(self, hand: MakeHand) -> None:
        """It was cancelled while its result was on its way; the next claim goes on all the same."""
        worker = hand(1, 2)
        worker.claim(0.0)
        worker.delivery.record()
        worker.queue.cancel(job(0).id, "for a test")
        worker.claim(1.0)
        assert worker.states() == [JobState.ABORTED, JobState.RUNNING]
        assert (worker.delivery.waiting(), [held.id for held in worker.slots.held()]) == (1, [job(1).id])

    def test_what_waits_while_the_database_is_away_is_told_once(self, hand: MakeHand, tmp_path: Path) -> None:
        """Whether it is the one database or the other, before the write or after it."""
        worker = hand(2, 6)
        rng = random.Random(5)

        def fail(request: str, moment: str) -> None:
            if request == "bulk" and rng.random() < 0.3:
                raise DatabaseUnavailable(f"{moment} {request}")

        worker.status.fault = worker.history.fault = fail
        for step in itertools.islice(
            itertools.cycle((worker.delivery.record, worker.claimer.finish, worker.go_on)), 150
        ):
            with contextlib.suppress(DatabaseUnavailable):
                step()
        assert [ends.count("completed") for ends in worker.ends()] == 6 * [1]
        assert len(list(worker.history.documents("result:"))) == 6
        assert (worker.slots.held(), list(tmp_path.iterdir())) == ([], [])
