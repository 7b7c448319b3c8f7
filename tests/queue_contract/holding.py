"""What becomes of a claim: finished, renewed, given back, lost."""

from typing import Any

import pytest

from crashfarm.documents.job import JobResult, JobState
from crashfarm.queue.ends import End
from crashfarm.queue.transitions import Holder
from tests.queue_contract.given import ALPHA, BETA, LEASE, Queues, abilities, job
from tests.samples import NOW


class HoldingContract(Queues):
    """What becomes of a claim: finished, renewed, given back, lost."""

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
        queue = self.queue(status)
        sweeper = queue.sweeper()
        queue.add([job(1)])
        queue.claim(ALPHA, abilities(), 1, LEASE)
        looks = [sweeper.sweep(now).recovered for now in (0.0, 20.0, 40.0, 59.0)]
        assert looks == [(), (), (), ()]
        assert [j.state for j in sweeper.sweep(61.0).recovered] == [JobState.PENDING]

    def test_a_holder_that_renews_keeps_its_jobs(self, status: Any) -> None:
        """However long it runs."""
        queue = self.queue(status)
        sweeper = queue.sweeper()
        queue.add([job(1)])
        held = queue.claim(ALPHA, abilities(), 1, LEASE)
        for now in range(0, 600, 15):
            assert sweeper.sweep(float(now)).recovered == ()
            held = list(queue.renew(held).done)
        assert len(held) == 1

    def test_two_observers_do_no_harm(self, status: Any) -> None:
        """The job comes back once."""
        queue = self.queue(status)
        sweepers = [queue.sweeper(), queue.sweeper()]
        queue.add([job(1)])
        queue.claim(ALPHA, abilities(), 1, LEASE)
        for now in range(0, 120, 15):
            for sweeper in sweepers:
                sweeper.sweep(float(now))
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

    @pytest.mark.parametrize("ending", ["finished", "given back"])
    def test_a_job_that_its_holder_has_ended_is_not_lost(self, status: Any, ending: str) -> None:
        """One thread of a worker renews and looks what is lost while another one ends the claim."""
        queue = self.queue(status)
        queue.add([job(1)])
        [held] = queue.claim(ALPHA, abilities(), 1, LEASE)
        if ending == "finished":
            queue.finish([(held, JobResult.SUCCESS, "")])
        else:
            queue.give_back([held], End.RELEASED, "")
        assert queue.lost([held]) == []
        settled = queue.renew([held])
        assert (settled.done, settled.lost) == ((), ())

    def test_a_job_that_failed_twice_waits_before_it_is_tried_again(self, status: Any) -> None:
        """By the observer's clock; after the delay it is free."""
        queue = self.queue(status)
        sweeper = queue.sweeper()
        queue.add([job(1, max_attempts=5)])
        for _ in range(2):
            queue.give_back(queue.claim(ALPHA, abilities(), 1, LEASE), End.FAILED, "no disk")
        assert queue.claim(ALPHA, abilities(), 1, LEASE) == []
        assert [len(sweeper.sweep(now).freed) for now in (0.0, 3.0, 6.0, 9.0, 12.0)] == [0, 0, 0, 0, 1]
        assert len(queue.claim(ALPHA, abilities(), 1, LEASE)) == 1
