"""Workers, janitors and admins against one queue, with lost replies, pauses and clock jumps, in whatever order."""

import random

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from crashfarm.documents.job import Job, JobResult, JobState
from crashfarm.errors import DatabaseUnavailable, InputError
from crashfarm.queue import JobQueue
from crashfarm.queue.ends import End
from crashfarm.queue.retries import spent
from crashfarm.queue.settling import read
from crashfarm.queue.transitions import Holder, holds
from crashfarm.times import from_text
from tests.fakes.couch import MemoryDatabase
from tests.queue_contract import abilities, job
from tests.samples import NOW

LEASE = 30.0
WORKERS = 3
ENDED = (JobState.COMPLETED, JobState.ABORTED)

workers = st.integers(0, WORKERS - 1)


class Farm(RuleBasedStateMachine):
    """What each worker believes to hold stands beside what the database says."""

    def __init__(self) -> None:
        super().__init__()
        self.status = MemoryDatabase()
        self.queues = [self.queue(number) for number in range(WORKERS)]
        self.sweepers = [queue.sweeper() for queue in self.queues[:2]]
        self.starts = [1] * WORKERS
        self.held: list[dict[str, Job]] = [{} for _ in range(WORKERS)]
        self.finished: dict[str, list[tuple[str, str, int]]] = {}
        self.now = 0.0
        self.added = 0

    def queue(self, seed: int) -> JobQueue:
        return JobQueue(self.status, clock=lambda: from_text(NOW), rng=random.Random(seed))

    def holder(self, worker: int) -> Holder:
        return Holder(f"worker{worker}", f"host/boot/{worker}/{self.starts[worker]}")

    def jobs(self) -> list[Job]:
        return read(self.status.docs.values())

    @initialize(attempts=st.lists(st.integers(1, 3), min_size=1, max_size=4))
    def add(self, attempts: list[int]) -> None:
        """Somebody queues a few jobs: few, so that all want the same ones."""
        self.queues[0].add(job(number, max_attempts=most) for number, most in enumerate(attempts))
        self.added = len(attempts)

    @rule(worker=workers, wanted=st.integers(1, 3), lost=st.booleans())
    def claim(self, worker: int, wanted: int, lost: bool) -> None:
        """A worker claims; sometimes it does not hear that it has."""
        try:
            with self.losing(lost):
                claimed = self.queues[worker].claim(self.holder(worker), abilities(), wanted, LEASE)
        except DatabaseUnavailable:
            return
        self.held[worker] |= {found.id: found for found in claimed}

    @rule(worker=workers, lost=st.booleans())
    def renew(self, worker: int, lost: bool) -> None:
        """A worker renews all that it believes to hold, and drops what it has lost."""
        try:
            with self.losing(lost):
                settled = self.queues[worker].renew(list(self.held[worker].values()))
        except DatabaseUnavailable:
            return
        self.held[worker] |= {found.id: found for found in settled.done}
        for gone in settled.lost:
            del self.held[worker][gone.id]

    @rule(worker=workers, data=st.data(), result=st.sampled_from(JobResult), lost=st.booleans())
    def finish(self, worker: int, data: st.DataObject, result: JobResult, lost: bool) -> None:
        """A worker finishes, however late; when the answer is lost it tries again later."""
        if not self.held[worker]:
            return
        mine = self.held[worker][data.draw(st.sampled_from(sorted(self.held[worker])))]
        try:
            with self.losing(lost):
                settled = self.queues[worker].finish([(mine, result, "")])
        except DatabaseUnavailable:
            return
        del self.held[worker][mine.id]
        claim = mine.claim
        if settled.done and claim:
            self.finished.setdefault(mine.id, []).append((claim.worker, claim.incarnation, claim.attempt))

    @rule(worker=workers, end=st.sampled_from([End.RELEASED, End.FAILED]))
    def give_back(self, worker: int, end: End) -> None:
        """A worker gives back all that it believes to hold."""
        self.queues[worker].give_back(list(self.held[worker].values()), end, "for a test")
        self.held[worker].clear()

    @rule(sweeper=st.integers(0, 1), worker=workers)
    def take_over(self, sweeper: int, worker: int) -> None:
        """All are silent for longer than a lease, and one worker wakes up and claims what came back."""
        self.silence(sweeper)
        self.claim(worker, 4, False)

    @rule(worker=workers, back=st.booleans())
    def kill(self, worker: int, back: bool) -> None:
        """A worker's process ends without a word; it may come back as another incarnation."""
        self.held[worker].clear()
        self.starts[worker] += 1
        if back:
            self.queues[worker].take_back(self.holder(worker))

    @rule(sweeper=st.integers(0, 1), seconds=st.sampled_from([0.0, 1.0, 11.0, 40.0, 5000.0]))
    def sweep(self, sweeper: int, seconds: float) -> None:
        """Time passes, in small steps or in a jump, and one of the janitors looks."""
        self.now += seconds
        self.sweepers[sweeper].sweep(self.now)

    @rule(sweeper=st.integers(0, 1))
    def silence(self, sweeper: int) -> None:
        """Nobody is heard of for longer than a lease, and a janitor sees it."""
        for _ in range(5):
            self.sweep(sweeper, 11.0)

    @rule(data=st.data())
    def cancel(self, data: st.DataObject) -> None:
        """An admin cancels a job."""
        number = data.draw(st.integers(0, self.added - 1))
        try:
            self.queues[0].cancel(job(number).id, "an admin")
        except InputError:
            assert self.status.docs[job(number).id]["state"] in ENDED

    @rule(data=st.data())
    def annotate(self, data: st.DataObject) -> None:
        """An admin edits a job while a worker holds it."""
        doc = self.status.get(job(data.draw(st.integers(0, self.added - 1))).id)
        self.status.put(doc | {"note": "seen"})

    @invariant()
    def nobody_runs_out_of_bounds(self) -> None:
        """Attempts that count are never more than allowed."""
        assert all(spent(found) <= found.max_attempts for found in self.jobs())

    @invariant()
    def only_one_claim_can_finish(self) -> None:
        """Of all who believe to hold a job, at most one could finish it."""
        for found in self.jobs():
            believers = [held[found.id] for held in self.held if found.id in held]
            assert sum(holds(found, believer.claim) for believer in believers) <= 1

    @invariant()
    def results_count_once(self) -> None:
        """Nobody was told that it finished what somebody else finished, too."""
        for job_id, claims in self.finished.items():
            assert len(set(claims)) == 1
            assert self.status.docs[job_id]["state"] == JobState.COMPLETED
            ends = [a for a in self.status.docs[job_id]["attempts"] if a["outcome"] == End.COMPLETED]
            assert [(a["worker"], a["incarnation"], a["number"]) for a in ends] == claims[:1]

    def teardown(self) -> None:
        """When all goes well from now on, every job ends."""
        for _ in range(60):
            self.now += LEASE
            self.sweepers[0].sweep(self.now)
            for found in self.queues[0].claim(self.holder(0), abilities(), 50, LEASE):
                assert self.queues[0].finish([(found, JobResult.SUCCESS, "")]).done
            if all(found.state in ENDED for found in self.jobs()):
                break
            self.now += 3600.0
        left = [found.id for found in self.jobs() if found.state not in ENDED]
        assert left == []

    def losing(self, lost: bool) -> "_Losing":
        return _Losing(self.status, lost)


class _Losing:
    """While it lasts, replies to bulk writes are lost."""

    def __init__(self, status: MemoryDatabase, lost: bool) -> None:
        self.status = status
        self.lost = lost

    def __enter__(self) -> None:
        if self.lost:
            self.status.fault = _lose

    def __exit__(self, *_: object) -> None:
        self.status.fault = lambda request, moment: None


def _lose(request: str, moment: str) -> None:
    if (request, moment) == ("bulk", "after"):
        raise DatabaseUnavailable("the reply was lost")


TestFarm = Farm.TestCase
TestFarm.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
