"""What every database must let the queue do: one contract, for the fake and for a real CouchDB."""

import base64
import random
from collections import Counter
from typing import Any

import pytest

from crashfarm.documents.job import Dependency, Input, Job, JobResult, JobState, Priority, Requires
from crashfarm.errors import InputError
from crashfarm.queue import JobQueue
from crashfarm.queue.abilities import Abilities
from crashfarm.queue.ends import End
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
    """Needs a fixture `status`: an empty database with the design documents `jobs` and `queue`."""

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
        queue.add([job(1, requires=asks, priority=Priority.PERSON)])
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

    @pytest.mark.parametrize(
        ("asks", "taken"),
        [
            (Requires(os_version="Debian 11"), True),
            (Requires(cpu_name="arm64"), True),
            (Requires(os_name="Windows"), True),
            (Requires(tags=("gpu",)), False),
        ],
    )
    def test_a_large_or_normal_job_may_run_on_another_machine(self, status: Any, asks: Requires, taken: bool) -> None:
        """But never without its tags."""
        queue = self.queue(status)
        queue.add([job(1, requires=asks, priority=Priority.LARGE)])
        assert bool(queue.claim(ALPHA, abilities(), 1, LEASE)) == taken

    def test_a_job_that_fits_exactly_goes_before_one_that_nearly_fits(self, status: Any) -> None:
        """Even where the other is more urgent: a better fitting worker may come for it."""
        queue = self.queue(status)
        nearly = job(1, requires=Requires(os_version="Debian 11"), priority=Priority.LARGE)
        exactly = job(2, requires=Requires(os_version="Debian 12"), priority=Priority.NORMAL)
        queue.add([nearly, exactly])
        assert [queue.claim(ALPHA, abilities(), 1, LEASE)[0].id for _ in range(2)] == [exactly.id, nearly.id]

    def test_a_stream_of_urgent_jobs_starves_no_other(self, status: Any) -> None:
        """The oldest of the least urgent comes up in its turn."""
        queue = self.queue(status)
        queue.add([job(1)] + [job(n, priority=Priority.PERSON) for n in range(10, 80)])
        claimed = [queue.claim(ALPHA, abilities(), 1, LEASE)[0].id for _ in range(33)]
        assert job(1).id in claimed

    def test_a_pending_job_can_be_given_another_priority(self, status: Any) -> None:
        """And then goes first."""
        queue = self.queue(status)
        queue.add(job(n) for n in range(9))
        queue.prioritise(job(7).id, Priority.REPRODUCE)
        assert queue.claim(ALPHA, abilities(), 1, LEASE)[0].id == job(7).id
        with pytest.raises(InputError, match="only a pending job"):
            queue.prioritise(job(7).id, Priority.NORMAL)

    def test_a_cancelled_pending_job_is_never_run(self, status: Any) -> None:
        """It is aborted, with the reason; cancelling twice is told."""
        queue = self.queue(status)
        queue.add([job(1)])
        assert queue.cancel(job(1).id, "not needed").reason == "not needed"
        assert queue.claim(ALPHA, abilities(), 1, LEASE) == []
        with pytest.raises(InputError, match="aborted already"):
            queue.cancel(job(1).id, "again")

    def test_the_holder_of_a_cancelled_job_learns_that_it_is_lost(self, status: Any) -> None:
        """By a look at the revisions; the attempt says that it was cancelled."""
        queue = self.queue(status)
        queue.add(job(n) for n in range(2))
        held = queue.claim(ALPHA, abilities(), 2, LEASE)
        assert queue.lost(held) == []
        cancelled = queue.cancel(held[0].id, "not needed")
        assert [j.id for j in queue.lost(held)] == [held[0].id]
        assert [a.outcome for a in cancelled.attempts] == [End.CANCELLED]
        assert [j.id for j in queue.finish([(held[0], JobResult.SUCCESS, "")]).lost] == [held[0].id]

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

    def test_a_job_is_tried_again_as_a_new_one_that_names_it(self, status: Any) -> None:
        """Its input comes along, an attachment too."""
        queue = self.queue(status)
        attached = {"a.py": {"content_type": "text/plain", "data": base64.b64encode(b"pass").decode()}}
        queue.add([job(1, input=Input(name="a.py", attachment="a.py"), origin={"_attachments": attached})])
        with pytest.raises(InputError, match="pending"):
            queue.retry(job(1).id)
        queue.cancel(job(1).id, "")
        again = queue.retry(job(1).id)
        assert (again.supersedes, again.state, again.attempts) == (job(1).id, JobState.PENDING, ())
        assert status.attachment(again.id, "a.py") == b"pass"

    def test_a_job_waits_for_those_that_it_depends_on(self, status: Any) -> None:
        """It is freed when they are completed."""
        queue, first = self.queue(status), job(1)
        sweeper = queue.sweeper()
        queue.add([first, job(2, depends_on=(Dependency(job=first.id, result=JobResult.FAILURE),))])
        held = queue.claim(ALPHA, abilities(), 9, LEASE)
        assert [j.id for j in held] == [first.id]
        assert sweeper.sweep(0.0).freed == ()
        queue.finish([(held[0], JobResult.FAILURE, "")])
        assert [j.id for j in sweeper.sweep(1.0).freed] == [job(2).id]
        assert [j.id for j in queue.claim(ALPHA, abilities(), 9, LEASE)] == [job(2).id]

    @pytest.mark.parametrize("ending", ["cancelled", "other result", "deleted"])
    def test_a_job_that_waits_in_vain_is_aborted(self, status: Any, ending: str) -> None:
        """With the reason."""
        queue, first = self.queue(status), job(1)
        queue.add([first, job(2, depends_on=(Dependency(job=first.id, result=JobResult.FAILURE),))])
        if ending == "cancelled":
            queue.cancel(first.id, "")
        elif ending == "deleted":
            status.delete(first.id, status.get(first.id)["_rev"])
        else:
            queue.finish([(queue.claim(ALPHA, abilities(), 1, LEASE)[0], JobResult.SUCCESS, "")])
        [vain] = queue.sweeper().sweep(0.0).given_up
        assert (vain.id, vain.state) == (job(2).id, JobState.ABORTED)
        assert first.id in vain.reason

    def test_dependencies_that_are_unknown_or_circular_are_refused(self, status: Any) -> None:
        """And nothing is queued."""
        queue = self.queue(status)

        def needs(number: int, other: int) -> Job:
            return job(number, depends_on=(Dependency(job=job(other).id),))

        with pytest.raises(InputError, match="there is no"):
            queue.add([needs(1, 9)])
        with pytest.raises(InputError, match="circle"):
            queue.add([needs(1, 2), needs(2, 3), needs(3, 1), needs(4, 1)])
        assert queue.counts() == {}

    def test_jobs_that_somebody_made_wait_for_each_other_are_aborted(self, status: Any) -> None:
        """By hand, in documents that were no circle when they were queued; the reason names them."""
        queue = self.queue(status)
        queue.add([job(1), job(2, depends_on=(Dependency(job=job(1).id),))])
        doc = status.get(job(1).id)
        status.put(doc | {"depends_on": [{"job": job(2).id}], "wait": "jobs"})
        vain = queue.sweeper().sweep(0.0).given_up
        assert {j.id for j in vain} == {job(1).id, job(2).id}
        assert all("circle" in j.reason and job(1).id in j.reason for j in vain)

    @pytest.mark.parametrize(
        ("fault", "reason"),
        [
            ({"priority": 4}, "priority must be from 0 to 3, but is 4"),
            ({"priority": -1}, "priority must be from 0 to 3, but is -1"),
            ({"timeout": 0.0}, "timeout must be above 0"),
            ({"timeout": float("nan")}, "timeout must be above 0"),
            ({"max_attempts": 0}, "max_attempts must be 1 at least"),
            ({"input": Input(name="none")}, "exactly one of url, text, attachment, but has none"),
            ({"input": Input(url="http://a.example/", text="b")}, "but has url, text"),
            ({"depends_on": (Dependency(job=job(2).id),)}, "it depends on itself"),
        ],
    )
    def test_a_job_that_cannot_be_is_refused_and_nothing_is_queued(
        self, status: Any, fault: dict[str, Any], reason: str
    ) -> None:
        """Not even those that came along with it."""
        queue = self.queue(status)
        with pytest.raises(InputError, match=reason):
            queue.add([job(1), job(2, **fault), job(3)])
        assert queue.counts() == {}

    @pytest.mark.parametrize("lease", [0.0, -1.0, float("nan")])
    def test_a_lease_of_no_length_is_refused_and_nothing_is_claimed(self, status: Any, lease: float) -> None:
        """Whoever watched would take it over at once."""
        queue = self.queue(status)
        queue.add([job(1)])
        with pytest.raises(InputError, match="lease must be longer than 0"):
            queue.claim(ALPHA, abilities(), 1, lease)
        assert queue.counts() == {"pending": 1}

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
