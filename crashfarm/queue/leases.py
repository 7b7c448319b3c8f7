"""When a claim is dead: judged by the observer's own clock and by nothing that another machine wrote."""

from collections.abc import Iterable

import msgspec

from crashfarm.documents.job import Job

LOOKS = 3
"""A claim is dead only after so many looks at an unmoved revision, however long they lie apart.

An observer that could not see, because the database was away or its own machine slept, has not seen any silence; the
holder could not renew in that time either, and gets a new chance to.
"""


class _Silence(msgspec.Struct):
    """For how long a revision has been seen unmoved, in seconds, and when it was last looked at."""

    rev: str | None
    seconds: float
    looked_at: float


class LeaseWatch:
    """Watches the revisions of running jobs. One for each observer; not for several threads at once."""

    def __init__(self) -> None:
        self._silences: dict[str, _Silence] = {}

    def expired(self, running: Iterable[Job], now: float) -> list[Job]:
        """Look at all running jobs at once, and tell which claims are dead. `now` is of a monotonic clock."""
        jobs = list(running)
        self._silences = {job.id: self._look(job, now) for job in jobs}
        return [job for job in jobs if self._silences[job.id].seconds >= _lease(job)]

    def _look(self, job: Job, now: float) -> _Silence:
        before = self._silences.get(job.id)
        if before is None or before.rev != job.rev:
            return _Silence(job.rev, 0.0, now)
        gap = min(now - before.looked_at, _lease(job) / LOOKS)
        return _Silence(job.rev, before.seconds + gap, now)


def _lease(job: Job) -> float:
    return job.claim.lease_seconds if job.claim else 0.0
