"""The queue's contract on a CouchDB in memory, and what only a fake can do: lose replies."""

import pytest

from crashfarm.documents.job import JobResult
from crashfarm.errors import DatabaseUnavailable
from tests.fakes.couch import MemoryDatabase, lost_replies
from tests.queue_contract import ALPHA, BETA, LEASE, QueueContract, abilities, job


class TestOnTheFake(QueueContract):
    """The contract in memory."""

    @pytest.fixture
    def status(self) -> MemoryDatabase:
        return MemoryDatabase("status")

    def test_a_finish_whose_reply_was_lost_is_found_done(self, status: MemoryDatabase) -> None:
        """Trying again neither fails nor writes a second attempt."""
        queue = self.queue(status)
        queue.add([job(1)])
        held = queue.claim(ALPHA, abilities(), 1, LEASE)[0]
        status.fault = lost_replies("bulk", 1)
        with pytest.raises(DatabaseUnavailable):
            queue.finish([(held, JobResult.SUCCESS, "")])
        settled = queue.finish([(held, JobResult.SUCCESS, "")])
        assert [len(j.attempts) for j in settled.done] == [1]

    def test_a_claim_whose_reply_was_lost_is_seen_among_what_the_worker_holds(self, status: MemoryDatabase) -> None:
        """So that the worker can take it up or give it back before the lease is over."""
        queue = self.queue(status)
        queue.add([job(1)])
        status.fault = lost_replies("bulk", 1)
        with pytest.raises(DatabaseUnavailable):
            queue.claim(ALPHA, abilities(), 1, LEASE)
        assert [j.id for j in queue.held_by("alpha")] == [job(1).id]
        assert queue.held_by("beta") == []

    def test_claiming_takes_three_requests_however_many_cannot_be_run(self, status: MemoryDatabase) -> None:
        """What is pending, one window, one write."""
        queue = self.queue(status)
        queue.add([job(n, branch="forbidden") for n in range(300)] + [job(999)])
        before = status.requests
        assert len(queue.claim(BETA, abilities(), 1, LEASE)) == 1
        assert status.requests - before == 3
