"""Running jobs on the farm and learning how they ended."""

import logging
from collections.abc import Callable, Iterable, Sequence
from enum import StrEnum

from crashfarm.documents.job import Job, JobState
from crashfarm.documents.result import Result, result_id
from crashfarm.errors import Refused
from crashfarm.queue.settling import read, write
from crashfarm.settings import Farm
from server.certainty.score import Score

log = logging.getLogger("crashfarm")

FIRST_PAUSE = 0.05
LONGEST_PAUSE = 2.0
"""Seconds between two looks at what has ended: they grow while nothing has."""

PAGE = 200


class End(StrEnum):
    """How a run ended, seen from one signature."""

    #: It showed the signature.
    SEEN = "seen"
    #: It ran, and did not show the signature, whatever else it showed.
    MISSED = "missed"
    #: It could not be run.
    UNTESTABLE = "untestable"


class Runs:
    """Queues jobs once and waits for their ends. Methods touch the network and raise DatabaseError."""

    def __init__(self, farm: Farm, judge: Callable[[Result], bool], sleep: Callable[[float], None]) -> None:
        self._farm = farm
        self._judge = judge
        self._sleep = sleep
        self._ends: dict[str, End] = {}
        self._open: dict[str, Job] = {}
        self._queued: set[str] = set()
        self.queued = 0
        self.ran = 0

    def start(self, jobs: Iterable[Job]) -> None:
        """Queue jobs, unless that was done before; those that have a result already are not run again."""
        fresh = {job.id: job for job in jobs if job.id not in self._ends and job.id not in self._open}
        self._open |= fresh
        self._learn(list(fresh))
        self.queued += queue(self._farm, [job for id, job in fresh.items() if id in self._open])
        self._queued |= fresh.keys()

    def end(self, job_id: str) -> End | None:
        """How a job ended, as far as is known; does not touch the network."""
        return self._ends.get(job_id)

    def score(self, job_ids: Iterable[str]) -> Score:
        """How many of these have shown the signature, of those that have run."""
        ends = [self._ends.get(id) for id in job_ids]
        return Score(ends.count(End.SEEN), ends.count(End.SEEN) + ends.count(End.MISSED))

    def wait(self, job_ids: Sequence[str], enough: Callable[[], bool] = lambda: False) -> None:
        """Wait until these jobs have ended, or until what is known is enough."""
        pause = FIRST_PAUSE
        while not enough() and any(id in self._open for id in job_ids):
            known = len(self._ends)
            self._learn(list(self._open))
            if len(self._ends) == known:
                self._sleep(pause)
                pause = min(LONGEST_PAUSE, pause * 1.5)
            else:
                pause = FIRST_PAUSE

    def _learn(self, job_ids: list[str]) -> None:
        for at in range(0, len(job_ids), PAGE):
            part = job_ids[at : at + PAGE]
            self._read_results(part)
            self._read_given_up([id for id in part if id in self._open])

    def _read_results(self, job_ids: list[str]) -> None:
        rows = self._farm.history.all_docs(keys=[result_id(id) for id in job_ids], include_docs=True).rows
        for id, row in zip(job_ids, rows, strict=True):
            if row.doc:
                result = Result.from_doc(row.doc)
                self._note(id, End.UNTESTABLE if result.outcome == "error" else self._seen(result))

    def _read_given_up(self, job_ids: list[str]) -> None:
        """A job that was aborted, or deleted, has no result."""
        if not job_ids:
            return
        rows = self._farm.status.all_docs(keys=job_ids, include_docs=True).rows
        present = {row.doc["_id"] for row in rows if row.doc}
        aborted = {job.id for job in read(row.doc for row in rows) if job.state == JobState.ABORTED}
        for id in aborted | {id for id in job_ids if id in self._queued and id not in present}:
            self._note(id, End.UNTESTABLE)

    def _seen(self, result: Result) -> End:
        return End.SEEN if self._judge(result) else End.MISSED

    def _note(self, job_id: str, end: End) -> None:
        self._ends[job_id] = end
        self._open.pop(job_id, None)
        self.ran += 1


def queue(farm: Farm, jobs: Sequence[Job]) -> int:
    """Queue jobs that are not there yet; how many it were. Raises Refused with the database's reason."""
    outcomes = [outcome for at in range(0, len(jobs), PAGE) for _, outcome in write(farm.status, jobs[at : at + PAGE])]
    if wrong := [outcome for outcome in outcomes if outcome.error not in {None, "conflict"}]:
        raise Refused(f"{len(wrong)} of {len(jobs)} jobs were refused; {wrong[0].id}: {wrong[0].reason}")
    return sum(outcome.ok for outcome in outcomes)
