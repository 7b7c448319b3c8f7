"""What people ask of jobs: queue, cancel, try again, wait for others."""

import base64
from typing import Any

import pytest

from crashfarm.documents.job import Dependency, Input, Job, JobResult, JobState
from crashfarm.errors import InputError
from crashfarm.queue.ends import End
from tests.queue_contract.given import ALPHA, LEASE, Queues, abilities, job


class OrdersContract(Queues):
    """What people ask of jobs: queue, cancel, try again, wait for others."""

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
