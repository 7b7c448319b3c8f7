"""From the outbox to the farm: results first, then the ends of their jobs."""

import logging
from collections.abc import Sequence
from pathlib import Path

from crashfarm.documents.job import Job, JobResult
from crashfarm.errors import DatabaseUnavailable
from crashfarm.queue import JobQueue
from worker.outbox import Outbox, Parcel
from worker.recording import Recorder
from worker.slots import Slots

log = logging.getLogger("crashfarm.worker")

MOST = 32
MOST_BYTES = 8 << 20
"""Bounds for one delivery, so that one request does not outlast a time-out."""


class Delivery:
    """Empties the outbox. For one thread."""

    def __init__(self, outbox: Outbox, recorder: Recorder, queue: JobQueue, slots: Slots) -> None:
        self._outbox = outbox
        self._recorder = recorder
        self._queue = queue
        self._slots = slots
        self.delivered = 0

    def waiting(self) -> int:
        """How many parcels wait."""
        return len(self._outbox.waiting())

    def deliver(self) -> int:
        """Deliver some parcels, the oldest first; how many it were. Raises DatabaseError, and nothing is lost."""
        batch = self._batch()
        if not batch:
            return 0
        recorded = self._recorder.record([parcel for _, parcel in batch])
        told = [(path, parcel) for path, parcel in batch if parcel.job["_id"] not in recorded.again]
        self._finish([parcel for _, parcel in told], recorded.refused)
        for path, parcel in told:
            self._forget(path, parcel, recorded.refused)
        self.delivered += len(told)
        if recorded.again:
            job, reason = next(iter(recorded.again.items()))
            raise DatabaseUnavailable(f"{len(recorded.again)} results wait; {job}: {reason}")
        return len(told)

    def _batch(self) -> list[tuple[Path, Parcel]]:
        batch: list[tuple[Path, Parcel]] = []
        size = 0
        for path, parcel in self._outbox:
            size += len(parcel.output) + sum(map(len, parcel.attachments.values()))
            if batch and size > MOST_BYTES:
                break
            batch.append((path, parcel))
            if len(batch) == MOST:
                break
        return batch

    def _finish(self, parcels: Sequence[Parcel], refused: dict[str, str]) -> None:
        settled = self._queue.finish([self._end(parcel, refused) for parcel in parcels])
        self._slots.forget(Job.from_doc(parcel.job) for parcel in parcels)
        for job in settled.lost:
            log.warning("%s is not ours any more: attempt %s counts only if no later one does", job.id, _number(job))
        for job, reason in settled.refused:
            log.error("the end of %s was refused: %s", job.id, reason)

    def _end(self, parcel: Parcel, refused: dict[str, str]) -> tuple[Job, JobResult, str]:
        job = self._slots.newest(Job.from_doc(parcel.job))
        if reason := refused.get(job.id):
            return job, JobResult.ERROR, f"the result was refused: {reason}"
        return job, JobResult(parcel.job_result), parcel.reason

    def _forget(self, path: Path, parcel: Parcel, refused: dict[str, str]) -> None:
        if parcel.job["_id"] in refused:
            log.error("%s: its result was refused: %s", parcel.job["_id"], refused[parcel.job["_id"]])
            self._outbox.set_aside(path)
        else:
            self._outbox.done(path)


def _number(job: Job) -> int:
    return job.claim.attempt if job.claim else 0
