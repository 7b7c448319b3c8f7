"""What every database must let the queue do: one contract, for the fake and for a real CouchDB."""

import random
from collections import Counter
from typing import Any

import pytest

from crashfarm.documents.job import Input, Job, JobResult, JobState, Priority, Requires
from crashfarm.queue import JobQueue
from crashfarm.queue.abilities import Abilities
from crashfarm.queue.ends import End
from crashfarm.queue.leases import LeaseWatch
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


class QueueContract:
    """Needs a fixture `status`: an empty database with the design document `jobs`."""

    def queue(self, status: Any, seed: int = 1) -> JobQueue:
        return JobQueue(status, clock=lambda: from_text(NOW), rng=random.Random(seed))

    def test_a_claim_holds_as_many_jobs_as_wanted(self, status: Any) -> None:
        """Claimed jobs are running, name their holder, and are no more pending."""
        queue = self.queue(status)
        queue.add(job(n) for n in range(5))
        claimed = queue.claim(ALPHA, abilities(), 3, LEASE)
        assert len(claimed) == 3
        assert {j.claim.worker for j in claimed if j.claim} == {"alpha"}
        assert queue.counts() == {"pending": 2, "running": 3}

    def test_nothing_to_claim_is_an_empty_list(self, status: Any) -> None:
        """An empty queue is no error."""
        assert self.queue(status).claim(ALPHA, abilities(), 3, LEASE) == []

    def test_no_job_is_claimed_twice(self, status: Any) -> None:
        """Two workers that share a queue share its jobs out."""
        one, two = self.queue(status, 1), self.queue(status, 2)
        one.add(job(n) for n in range(30))
        claims: Counter[str] = Counter()
        for _ in range(15):
            claims.update(j.id for j in one.claim(ALPHA, abilities(), 2, LEASE))
            claims.update(j.id for j in two.claim(BETA, abilities(), 2, LEASE))
        assert len(claims) == 30
        assert set(claims.values()) == {1}

    def test_the_more_urgent_priority_goes_first(self, status: Any) -> None:
        """Whatever the times of creation."""
        queue = self.queue(status)
        queue.add([job(n, priority=Priority.NORMAL) for n in range(5)] + [job(9, priority=Priority.REPRODUCE)])
        assert queue.claim(ALPHA, abilities(), 1, LEASE)[0].id == job(9).id

    @pytest.mark.parametrize(
        "asks",
        [
            Requires(os_name="Windows"),
            Requires(os_version="Debian 11"),
            Requires(cpu_name="arm64"),
            Requires(tags=("gpu",)),
            Requires(tags=("fast", "gpu")),
        ],
    )
    def test_a_job_that_asks_for_another_machine_is_left(self, status: Any, asks: Requires) -> None:
        """Every part of the requirement counts."""
        queue = self.queue(status)
        queue.add([job(1, requires=asks)])
        assert queue.claim(ALPHA, abilities(), 1, LEASE) == []
        assert queue.counts() == {"pending": 1}

    def test_a_job_whose_every_demand_is_met_is_claimed(self, status: Any) -> None:
        """Machine and tags."""
        queue = self.queue(status)
        asks = Requires(os_name="Linux", os_version="Debian 12", cpu_name="x86_64", tags=("fast",))
        queue.add([job(1, requires=asks)])
        assert len(queue.claim(ALPHA, abilities(), 1, LEASE)) == 1

    def test_a_job_that_may_not_be_run_hides_no_other(self, status: Any) -> None:
        """However many of them wait in front, they are passed over in the same number of requests."""
        queue = self.queue(status)
        queue.add([job(n, branch="forbidden", priority=Priority.REPRODUCE) for n in range(100)] + [job(999)])
        assert [j.id for j in queue.claim(ALPHA, abilities(), 2, LEASE)] == [job(999).id]
        assert queue.counts()["pending"] == 100

    def test_a_finished_job_tells_who_ran_it(self, status: Any) -> None:
        """Completed, without a claim, with the attempt written down."""
        queue = self.queue(status)
        queue.add([job(1)])
        held = queue.claim(ALPHA, abilities(), 1, LEASE)
        settled = queue.finish([(held[0], JobResult.FAILURE, "")])
        assert [j.state for j in settled.done] == [JobState.COMPLETED]
        stored = queue.get(job(1).id)
        assert stored is not None
        assert (stored.result, stored.claim, stored.completed_at) == (JobResult.FAILURE, None, NOW)
        assert [(a.worker, a.outcome) for a in stored.attempts] == [("alpha", End.COMPLETED)]

    def test_finishing_with_an_old_revision_succeeds_while_the_claim_is_ours(self, status: Any) -> None:
        """An admin's edit in between changes the revision, not the claim, and stays."""
        queue = self.queue(status)
        queue.add([job(1)])
        held = queue.claim(ALPHA, abilities(), 1, LEASE)[0]
        doc = status.get(held.id)
        status.put(doc | {"note": "looks odd"})
        settled = queue.finish([(held, JobResult.SUCCESS, "")])
        assert len(settled.done) == 1
        assert status.get(held.id)["note"] == "looks odd"

    def test_finishing_a_job_that_was_taken_over_is_told_and_changes_nothing(self, status: Any) -> None:
        """The late worker learns that its claim is lost; the new holder's document is as it was."""
        queue = self.queue(status)
        queue.add([job(1)])
        late = queue.claim(ALPHA, abilities(), 1, LEASE)[0]
        queue.give_back([late], End.LOST, "silent")
        queue.claim(BETA, abilities(), 1, LEASE)
        before = status.get(late.id)
        settled = queue.finish([(late, JobResult.SUCCESS, "")])
        assert (settled.done, [j.id for j in settled.lost]) == ((), [late.id])
        assert status.get(late.id) == before

    def test_a_deleted_job_is_lost(self, status: Any) -> None:
        """An admin may delete what runs."""
        queue = self.queue(status)
        queue.add([job(1)])
        held = queue.claim(ALPHA, abilities(), 1, LEASE)[0]
        status.delete(held.id, held.rev)
        assert [j.id for j in queue.finish([(held, JobResult.SUCCESS, "")]).lost] == [held.id]

    def test_renewing_moves_the_revision_and_keeps_the_claim(self, status: Any) -> None:
        """All held jobs in one write."""
        queue = self.queue(status)
        queue.add(job(n) for n in range(3))
        held = queue.claim(ALPHA, abilities(), 3, LEASE)
        renewed = queue.renew(held).done
        assert {j.id for j in renewed} == {j.id for j in held}
        assert not {j.rev for j in renewed} & {j.rev for j in held}

    def test_a_released_job_can_be_claimed_again_under_the_next_number(self, status: Any) -> None:
        """Its first attempt is remembered."""
        queue = self.queue(status)
        queue.add([job(1)])
        queue.give_back(queue.claim(ALPHA, abilities(), 1, LEASE), End.RELEASED, "shutting down")
        again = queue.claim(BETA, abilities(), 1, LEASE)[0]
        assert again.claim is not None
        assert (again.claim.attempt, again.attempts[0].reason) == (2, "shutting down")

    def test_a_job_is_aborted_after_its_last_attempt(self, status: Any) -> None:
        """With a reason that names the last of them."""
        queue = self.queue(status)
        queue.add([job(1, max_attempts=2)])
        for _ in range(2):
            queue.give_back(queue.claim(ALPHA, abilities(), 1, LEASE), End.FAILED, "no disk")
        stored = queue.get(job(1).id)
        assert stored is not None
        assert stored.state == JobState.ABORTED
        assert stored.reason == "given up after 2 attempts, the last one failed on alpha: no disk"

    def test_a_silent_holder_loses_its_jobs(self, status: Any) -> None:
        """After the lease, as the observer's clock has it, and not before."""
        queue, watch = self.queue(status), LeaseWatch()
        queue.add([job(1)])
        queue.claim(ALPHA, abilities(), 1, LEASE)
        looks = [queue.recover(watch, now).done for now in (0.0, 20.0, 40.0, 59.0)]
        assert looks == [(), (), (), ()]
        assert [j.state for j in queue.recover(watch, 61.0).done] == [JobState.PENDING]

    def test_a_holder_that_renews_keeps_its_jobs(self, status: Any) -> None:
        """However long it runs."""
        queue, watch = self.queue(status), LeaseWatch()
        queue.add([job(1)])
        held = queue.claim(ALPHA, abilities(), 1, LEASE)
        for now in range(0, 600, 15):
            assert queue.recover(watch, float(now)).done == ()
            held = list(queue.renew(held).done)
        assert len(held) == 1

    def test_two_observers_do_no_harm(self, status: Any) -> None:
        """The job comes back once."""
        queue, watches = self.queue(status), [LeaseWatch(), LeaseWatch()]
        queue.add([job(1)])
        queue.claim(ALPHA, abilities(), 1, LEASE)
        for now in range(0, 120, 15):
            for watch in watches:
                queue.recover(watch, float(now))
        stored = queue.get(job(1).id)
        assert stored is not None
        assert (stored.state, len(stored.attempts)) == (JobState.PENDING, 1)

    def test_a_restarted_worker_takes_its_own_jobs_back_at_once(self, status: Any) -> None:
        """Another incarnation of the same name is dead; other names are not its business."""
        queue = self.queue(status)
        queue.add(job(n) for n in range(2))
        queue.claim(ALPHA, abilities(), 1, LEASE)
        queue.claim(BETA, abilities(), 1, LEASE)
        assert len(queue.take_back(Holder("alpha", "host/boot/1/9")).done) == 1
        assert len(queue.take_back(Holder("alpha", "host/boot/1/9")).done) == 0
        assert queue.counts() == {"pending": 1, "running": 1}

    def test_members_that_we_do_not_know_survive(self, status: Any) -> None:
        """Through the whole life of a job."""
        queue = self.queue(status)
        queue.add([job(1, origin={"ticket": {"id": 7}})])
        held = queue.claim(ALPHA, abilities(), 1, LEASE)
        queue.finish([(queue.renew(held).done[0], JobResult.SUCCESS, "")])
        assert status.get(job(1).id)["ticket"] == {"id": 7}
