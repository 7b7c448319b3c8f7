"""Asking the farm whether a case's signature still shows when something about its run is changed."""

import hashlib
from collections.abc import Callable, Iterable

import msgspec

from crashfarm.documents.job import Job, Priority
from crashfarm.documents.signature import SignatureNote
from crashfarm.errors import InputError
from crashfarm.settings import Farm
from crashfarm.times import Clock
from server import branches as farm_branches
from server import workers as farm_workers
from server.certainty import machines, repeats, reproducing
from server.certainty.cases import Case
from server.certainty.repeats import Variation
from server.certainty.runs import End, Runs
from server.certainty.score import Score

SLOTS = 32
"""So many runs at most are asked for at once, however many slots the farm has."""


class Bench(msgspec.Struct, frozen=True):
    """What a case is looked into with: the farm, its runs, and how surely the case shows when nothing is changed."""

    farm: Farm
    case: Case
    runs: Runs
    clock: Clock

    def score(self, count: int, progress: Callable[[int], None]) -> Score:
        """How surely the case happens again on its own place, by that many runs; kept on its signature."""
        jobs = reproducing.own_place(self.case, count, Priority.PERSON, self.clock)
        reproducing.begin(self.farm, self.case, [], self.clock)
        self.runs.start(jobs)
        for done, job in enumerate(jobs, 1):
            self.runs.wait([job.id])
            progress(done)
        found = reproducing.outcome(self.farm, self.case.result, self.case.signature)
        reproducing.keep_score(self.farm, SignatureNote.of(self.case.finding), found, self.clock)
        return self.runs.score(job.id for job in jobs)

    def slots(self) -> int:
        """How many runs the live workers could do at once that can run the case. Raises InputError if none can."""
        branches = [b for b in farm_branches.load(self.farm.status) if b.branch == self.case.result.branch]
        tags, product = self.case.job.requires.tags, self.case.result.product
        able = [
            worker
            for worker in farm_workers.load(self.farm.status)
            if reproducing.place(self.case) in machines.cells(branches, [worker], product, tags, self.clock())
        ]
        if not able:
            words = " ".join(reproducing.place(self.case).words())
            raise InputError(f"no live worker can run {self.case.result.id} again, which was on {words}")
        return min(SLOTS, sum(worker.slots for worker in able))


class InputJudge:
    """Tells whether an input still gives a case's signature; how often each is run depends on the score."""

    def __init__(self, bench: Bench, original: bytes, tries: int) -> None:
        self._bench = bench
        self._original = original
        self._tries = tries
        self._jobs: dict[bytes, list[str]] = {}

    @property
    def asked(self) -> int:
        """How many inputs were judged, or are being."""
        return len(self._jobs)

    def known(self, content: bytes) -> bool | None:
        """What is known of an input."""
        if content == self._original:
            return True
        return self._verdict(self._jobs.get(hashlib.sha256(content).digest()))

    def ask(self, content: bytes) -> None:
        """Have it run, as often as it has to be missed before it is believed not to show."""
        name = hashlib.sha256(content).digest()
        if name not in self._jobs:
            jobs = self._made(content)
            self._jobs[name] = [job.id for job in jobs]
            self._bench.runs.start(jobs)

    def wait(self, content: bytes) -> bool:
        """Wait for the answer: it shows as soon as one run shows it."""
        jobs = self._jobs[hashlib.sha256(content).digest()]
        self._bench.runs.wait(jobs, lambda: self._verdict(jobs) is not None)
        return bool(self._verdict(jobs))

    def _made(self, content: bytes) -> list[Job]:
        own = msgspec.structs.replace(repeats.same_place(self._bench.case), content=content)
        varied = [msgspec.structs.replace(own, repeat=number) for number in range(self._tries)]
        return [self._job(variation) for variation in varied]

    def _job(self, variation: Variation) -> Job:
        return repeats.job(self._bench.case, "reduce", variation, Priority.PERSON, self._bench.clock)

    def _verdict(self, jobs: Iterable[str] | None) -> bool | None:
        ends = [self._bench.runs.end(id) for id in jobs or ()]
        if End.SEEN in ends:
            return True
        return False if ends and None not in ends else None
