"""Which jobs a worker gets, and in what order."""

from collections import Counter
from typing import Any

import pytest

from crashfarm.documents.job import Priority, Requires
from crashfarm.errors import InputError
from tests.queue_contract.given import ALPHA, BETA, LEASE, Queues, abilities, job


class FindingContract(Queues):
    """Which jobs a worker gets, and in what order."""

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

    @pytest.mark.parametrize("lease", [0.0, -1.0, float("nan")])
    def test_a_lease_of_no_length_is_refused_and_nothing_is_claimed(self, status: Any, lease: float) -> None:
        """Whoever watched would take it over at once."""
        queue = self.queue(status)
        queue.add([job(1)])
        with pytest.raises(InputError, match="lease must be longer than 0"):
            queue.claim(ALPHA, abilities(), 1, lease)
        assert queue.counts() == {"pending": 1}
