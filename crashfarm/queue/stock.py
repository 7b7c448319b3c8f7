"""What a worker has read of the queue ahead of need, and how much it is well to read the next time."""

from collections import deque
from collections.abc import Iterable

from crashfarm.documents.job import Job

AHEAD = 4
"""A reading is for so many times the jobs wanted at least: what is left over serves the next claims."""

MOST = 2048
"""Jobs that one reading is for at most, where jobs are short and many are claimed in a moment."""

FASTER = 4
"""A reading is for so many times the jobs of the last one at most: nobody takes what it may never come to."""

LASTS = 2.0
"""Seconds for which what was read serves further claims."""

RISE = 33
"""One in so many jobs is of the least urgent that wait, beginning with the oldest ones.

So a job of whatever priority rises in its turn, and no stream of urgent jobs starves the others.
"""

Rank = tuple[int, int]
"""What goes first: how far a job's demand has to be relaxed, then its priority. The lower, the sooner."""

LAST: Rank = (99, 99)
"""Behind every job there is."""


class Stock:
    """Jobs that were read, the best first. Not for several threads at once."""

    def __init__(self, served: int) -> None:
        self._served = served
        self._jobs: deque[tuple[Rank, Job]] = deque()
        self._rising: deque[Job] = deque()
        self._size = 0
        self._at = 0.0
        self._ahead = 0
        self._taken_before: set[str] = set()
        self._taken: set[str] = set()

    def __len__(self) -> int:
        return len(self._jobs)

    @property
    def taken(self) -> set[str]:
        """The ids of the jobs that were taken lately: views may not know it yet."""
        return self._taken_before | self._taken

    def forget_taken(self) -> None:
        """Views are being brought up to date: when they are the next time, they know of all that was taken by now."""
        self._taken_before, self._taken = self._taken, set()

    @property
    def rank(self) -> Rank:
        """The rank of the next job."""
        return self._jobs[0][0] if self._jobs else LAST

    def lacks(self, wanted: int, now: float) -> bool:
        """Whether it is time to read anew: there is not enough for a claim, or it is too old."""
        return len(self._jobs) < wanted or now - self._at > LASTS

    def ahead(self, wanted: int) -> int:
        """How many to read where so many are wanted at once."""
        return max(self._ahead, wanted * AHEAD)

    def rises(self, wanted: int) -> int:
        """How many of the jobs that are read for so many will be rising ones."""
        return (self._served % RISE + self.ahead(wanted)) // RISE

    def learn_pace(self, now: float) -> None:
        """Read so many the next time as will be used while they are good, at the pace of the last ones."""
        used, seconds = self._size - len(self._jobs), max(0.01, now - self._at)
        self._ahead = min(MOST, FASTER * self._size, int(used * LASTS / seconds))

    def fill(self, found: Iterable[tuple[Rank, Job]], rising: Iterable[Job], now: float) -> None:
        """Put in what was read, in place of what was there."""
        self._jobs, self._rising = deque(found), deque(rising)
        self._size, self._at = len(self._jobs), now

    def clear(self) -> None:
        """Forget what was read, but for those that rise."""
        self._jobs.clear()

    def take(self, wanted: int) -> list[Job]:
        """Up to so many jobs, the best first; never the same one twice."""
        taken = [job for job in (self._take() for _ in range(wanted)) if job]
        self._taken.update(job.id for job in taken)
        return taken

    def _take(self) -> Job | None:
        """The next job, which is a rising one in its turn."""
        rises = self._served % RISE == RISE - 1
        if self._rising and (rises or not self._jobs):
            self._served += 1
            return self._rising.popleft()
        if self._jobs:
            self._served += 1
            return self._jobs.popleft()[1]
        return None
