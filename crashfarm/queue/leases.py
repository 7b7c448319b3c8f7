"""How long nothing has changed on a job: by the observer's own clock, and by nothing that another machine wrote."""

from collections.abc import Callable, Iterable

import msgspec

from crashfarm.documents.job import Job

LONGEST = 86400.0
"""Seconds that a lease may last at most: else a machine that never comes back could hold a job for ever."""

LOOKS = 3
"""A claim is dead, or a delay over, only after so many looks at an unmoved revision, however long they lie apart.

An observer that could not see, because the database was away or its own machine slept, has not seen any silence; the
holder could not renew in that time either, and gets a new chance to.
"""


class _Silence(msgspec.Struct):
    """For how long a revision has been seen unmoved, in seconds, and when it was last looked at."""

    rev: str | None
    seconds: float
    looked_at: float


class LeaseWatch:
    """Watches the revisions of jobs. One for each observer and purpose; not for several threads at once."""

    def __init__(self) -> None:
        self._silences: dict[str, _Silence] = {}

    def expired(self, jobs: Iterable[Job], now: float, length: Callable[[Job], float]) -> list[Job]:
        """Look at jobs, and tell on which nothing has changed for `length` seconds of each.

        `now` is of a monotonic clock, the same one each time. What is not among the jobs is forgotten.
        """
        watched = list(jobs)
        self._silences = {job.id: self._look(job, now, length(job)) for job in watched}
        return [job for job in watched if self._silences[job.id].seconds >= length(job)]

    def _look(self, job: Job, now: float, length: float) -> _Silence:
        before = self._silences.get(job.id)
        if before is None or before.rev != job.rev:
            return _Silence(job.rev, 0.0, now)
        gap = min(now - before.looked_at, length / LOOKS)
        return _Silence(job.rev, before.seconds + gap, now)
