"""What the queue does about writes that fail: the database's refusals, and the server's passing faults."""

import random
from typing import Any, cast

import pytest

from crashfarm.answers import FOR_GOOD, Outcome
from crashfarm.documents.job import JobResult, JobState
from crashfarm.errors import DatabaseUnavailable
from crashfarm.queue import JobQueue
from crashfarm.queue.aside import FIRST, LONGEST, MOST, Aside
from crashfarm.queue.ends import End
from crashfarm.times import from_text
from tests.fakes.couch import MemoryDatabase
from tests.queue_contract import ALPHA, LEASE, abilities, job
from tests.samples import NOW


class Failing(MemoryDatabase):
    """Fails writes of jobs in some state, so many times, with an error of CouchDB's own."""

    def __init__(self) -> None:
        super().__init__("status")
        self.now = 0.0
        self.error = "forbidden"
        self.states: tuple[str, ...] = ()
        self.jobs: set[str] | None = None
        self.times = 10**6
        self.tried: list[str] = []

    def _write(self, doc: dict[str, Any]) -> Outcome:
        self.tried.append(doc["_id"])
        wrong = doc["state"] in self.states and (self.jobs is None or doc["_id"] in self.jobs)
        if not wrong or self.times <= 0:
            return super()._write(doc)
        self.times -= 1
        return Outcome(doc["_id"], error=self.error, reason="for a reason")


@pytest.fixture
def status() -> Failing:
    return Failing()


@pytest.fixture
def queue(status: Failing) -> JobQueue:
    return JobQueue(cast(Any, status), lambda: from_text(NOW), random.Random(1), monotonic=lambda: status.now)


PASSING = ["internal_server_error", "timeout", "unknown_error"]


@pytest.mark.parametrize("error", PASSING)
def test_move_that_fails_for_the_servers_fault_is_tried_again(status: Failing, queue: JobQueue, error: str) -> None:
    """And is no refusal; the others are not kept back."""
    queue.add([job(1), job(2)])
    held = queue.claim(ALPHA, abilities(), 2, LEASE)
    status.error, status.states, status.times, status.jobs = error, ("completed",), 3, {job(1).id}
    settled = queue.finish([(one, JobResult.SUCCESS, "") for one in held])
    assert {one.id for one in settled.done} == {job(1).id, job(2).id}
    assert (settled.lost, settled.refused) == ((), ())


@pytest.mark.parametrize("error", PASSING)
def test_fault_that_does_not_pass_is_said_and_the_move_can_be_made_later(
    status: Failing, queue: JobQueue, error: str
) -> None:
    """A job that is ours still must be called neither lost nor refused."""
    queue.add([job(1), job(2)])
    held = queue.claim(ALPHA, abilities(), 2, LEASE)
    status.error, status.states, status.jobs = error, ("pending",), {job(1).id}
    with pytest.raises(DatabaseUnavailable, match=rf"1 jobs were not written; {job(1).id}: for a reason"):
        queue.give_back(held, End.RELEASED, "")
    status.times = 0
    assert {one.id for one in queue.give_back(held, End.RELEASED, "").done} == {job(1).id, job(2).id}
    assert queue.counts() == {"pending": 2}


@pytest.mark.parametrize("error", sorted(FOR_GOOD))
def test_move_that_is_refused_is_not_tried_again(status: Failing, queue: JobQueue, error: str) -> None:
    """The document is at fault."""
    queue.add([job(1)])
    [held] = queue.claim(ALPHA, abilities(), 1, LEASE)
    status.error, status.states = error, ("completed",)
    status.tried.clear()
    settled = queue.finish([(held, JobResult.SUCCESS, "")])
    assert settled.refused == ((held, "for a reason"),)
    assert status.tried == [held.id]


def test_claim_that_is_refused_is_left_alone_for_a_growing_time(status: Failing, queue: JobQueue) -> None:
    """Until it is not refused any more."""
    queue.add([job(1)])
    status.states = ("running",)
    status.tried.clear()
    tried_at = []
    for second in range(100):
        status.now = float(second)
        queue.claim(ALPHA, abilities(), 4, LEASE)
        tried_at += [second] * len(status.tried)
        status.tried.clear()
    assert tried_at == [0, FIRST, 3 * FIRST, 7 * FIRST]
    status.times, status.now = 0, 15 * FIRST
    assert [one.id for one in queue.claim(ALPHA, abilities(), 4, LEASE)] == [job(1).id]
    assert queue.refused == ""


def test_refusals_are_told_once_and_shown_as_long_as_they_last(status: Failing, queue: JobQueue) -> None:
    """With the database's reason."""
    queue.add([job(1), job(2)])
    assert (queue.refused, queue.take_refusals()) == ("", [])
    status.states = ("running",)
    queue.claim(ALPHA, abilities(), 4, LEASE)
    told = queue.take_refusals()
    assert sorted((one.job, one.reason, one.pause) for one in told) == [
        (job(number).id, "for a reason", FIRST) for number in (1, 2)
    ]
    queue.claim(ALPHA, abilities(), 4, LEASE)
    assert queue.take_refusals() == []
    assert queue.refused == f"some jobs cannot be claimed, such as {told[0].job}: for a reason"


def test_refused_jobs_do_not_hide_others(status: Failing, queue: JobQueue) -> None:
    """However many come before them."""
    refused = [job(number) for number in range(300)]
    queue.add([*refused, job(900)])
    status.states, status.jobs = ("running",), {one.id for one in refused}
    claimed = []
    while not claimed and status.now < FIRST:
        status.now += 0.05
        claimed = queue.claim(ALPHA, abilities(), 8, LEASE)
    assert [one.id for one in claimed] == [job(900).id]


def test_what_is_refused_is_not_waited_for(status: Failing, queue: JobQueue) -> None:
    """It is nothing that this worker could claim; what is gone since, or is somebody else's, is not taken off."""
    queue.add([job(1), job(2), job(3)])
    status.states, status.jobs = ("running",), {job(1).id, job(2).id}
    held = queue.claim(ALPHA, abilities(), 3, LEASE)
    assert [one.id for one in held] == [job(3).id]
    assert queue.count_for(abilities()) == 0
    queue.add([job(4)])
    queue.cancel(job(1).id, "nobody may run it")
    assert queue.count_for(abilities()) == 1
    status.now = FIRST
    assert queue.count_for(abilities()) == 2
    assert (queue.get(job(1).id) or job(1)).state == JobState.ABORTED


def test_pauses_grow_up_to_a_bound_and_begin_anew() -> None:
    """A job that was not met for as long again as its pause is forgotten; so are the oldest of too many."""
    now = [0.0]
    aside = Aside(lambda: now[0])
    pauses = []
    for _ in range(12):
        pauses.append(aside.put("job:1", "no").pause)
        now[0] += pauses[-1]
    assert (pauses[:3], pauses[-1]) == ([FIRST, 2 * FIRST, 4 * FIRST], LONGEST)
    assert not aside.rests("job:1")
    now[0] += LONGEST + 1.0
    aside.forget([])
    assert (len(aside), aside.put("job:1", "no").pause) == (0, FIRST)
    for number in range(MOST):
        aside.put(f"job:x{number}", "no")
    assert (len(aside), aside.rests("job:1")) == (MOST, False)
