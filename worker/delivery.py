"""From the outbox to the farm: results first, then the ends of their jobs."""

import logging
import threading
from collections.abc import Sequence
from pathlib import Path

import msgspec

from crashfarm.documents.job import Job, JobResult
from crashfarm.errors import DatabaseUnavailable
from crashfarm.queue import JobQueue
from crashfarm.queue.jobs import Finished
from crashfarm.queue.settling import Settlement
from worker.outbox import Outbox, Parcel
from worker.recording import Recorder
from worker.slots import Slots

log = logging.getLogger("crashfarm.worker")

MOST = 32
MOST_BYTES = 8 << 20
"""Bounds for one recording, so that one request does not outlast a time-out."""

ROOM = 128
"""Parcels that are recorded ahead of the ends of their jobs, about."""

BROKEN = "what its run brought cannot be read from the disk any more"


class Ready(msgspec.Struct, frozen=True):
    """A parcel whose result is recorded, or `refused` for that reason: its job may end."""

    path: Path
    job: Job
    result: JobResult
    reason: str
    refused: str


class Delivery:
    """Empties the outbox. `record` is for one thread, all else for one thread too, which may be another.

    A parcel stays on the disk until its job's end is written: whatever happens in between is done again, harmlessly.
    """

    def __init__(self, outbox: Outbox, recorder: Recorder, queue: JobQueue, slots: Slots) -> None:
        self._outbox = outbox
        self._recorder = recorder
        self._queue = queue
        self._slots = slots
        self._lock = threading.Lock()
        self._ready: dict[Path, Ready] = {}

    def waiting(self) -> int:
        """How many parcels wait."""
        return len(self._outbox.waiting())

    def record(self) -> int:
        """Record the results of some parcels, the oldest first; how many. Raises DatabaseError; nothing is lost.

        The jobs of parcels that cannot be read any more come back from their slots.
        """
        batch = self._batch()
        if broken := [job for job in self._slots.held() if self._outbox.is_broken(job)]:
            self._slots.fail(broken, BROKEN)
        if not batch:
            return 0
        recorded = self._recorder.record([parcel for _, parcel in batch])
        ready = [_ready(path, parcel, recorded.refused) for path, parcel in batch]
        with self._lock:
            self._ready |= {each.path: each for each in ready if each.job.id not in recorded.again}
        if recorded.again:
            job, reason = next(iter(recorded.again.items()))
            raise DatabaseUnavailable(f"{len(recorded.again)} results wait; {job}: {reason}")
        return len(ready)

    def ready(self) -> list[Ready]:
        """The parcels whose jobs may end now."""
        with self._lock:
            return list(self._ready.values())

    def ends(self, ready: Sequence[Ready]) -> list[Finished]:
        """How their jobs are to end, for the queue."""
        return [(self._slots.newest(each.job), each.result, each.reason) for each in ready]

    def settled(self, ready: Sequence[Ready], settlement: Settlement) -> None:
        """Forget parcels whose jobs' ends are written, and let go of the jobs."""
        self._slots.forget(each.job for each in ready)
        for job in settlement.lost:
            log.warning("%s is not ours any more: attempt %s counts only if no later one does", job.id, _number(job))
        for job, reason in settlement.refused:
            log.error("the end of %s was refused: %s", job.id, reason)
        for each in ready:
            self._forget(each)

    def finish(self) -> int:
        """Write the ends of jobs whose results are recorded; how many. Raises DatabaseError, and nothing is lost."""
        ready = self.ready()
        if ready:
            self.settled(ready, self._queue.finish(self.ends(ready)))
        return len(ready)

    def deliver(self) -> int:
        """Record some parcels and write the ends of their jobs; how many. Raises DatabaseError, and nothing is lost."""
        try:
            return self.record()
        finally:
            self.finish()

    def _batch(self) -> list[tuple[Path, Parcel]]:
        batch: list[tuple[Path, Parcel]] = []
        size = 0
        with self._lock:
            known = set(self._ready)
        for path, parcel in self._outbox.parcels(known) if len(known) < ROOM else ():
            size += len(parcel.output) + sum(map(len, parcel.attachments.values()))
            if batch and size > MOST_BYTES:
                break
            batch.append((path, parcel))
            if len(batch) == MOST:
                break
        return batch

    def _forget(self, ready: Ready) -> None:
        if ready.refused:
            log.error("%s: its result was refused: %s", ready.job.id, ready.refused)
            self._outbox.set_aside(ready.path)
        else:
            self._outbox.done(ready.path)
        with self._lock:
            del self._ready[ready.path]


def _ready(path: Path, parcel: Parcel, refused: dict[str, str]) -> Ready:
    job = Job.from_doc(parcel.job)
    if reason := refused.get(job.id):
        return Ready(path, job, JobResult.ERROR, f"the result was refused: {reason}", reason)
    return Ready(path, job, JobResult(parcel.job_result), parcel.reason, "")


def _number(job: Job) -> int:
    return job.claim.attempt if job.claim else 0
