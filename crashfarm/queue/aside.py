"""Jobs that the database does not let us claim: left alone for a growing time, so that nobody asks without end."""

from collections.abc import Callable, Iterable

import msgspec

FIRST = 10.0
LONGEST = 3600.0
"""Seconds for which a job is left alone after the first refusal, and at most; each further one doubles them."""

MOST = 100_000
"""Jobs that are remembered; of more the oldest are forgotten."""


class Refusal(msgspec.Struct, frozen=True):
    """Why the database refused us a job, and for how many seconds we leave it alone."""

    job: str
    reason: str
    pause: float
    until: float


class Aside:
    """The jobs that are left alone. For one thread, but for `words`."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._refusals: dict[str, Refusal] = {}
        #: Says of one of them that it is left alone; empty where none is.
        self.words = ""

    def __len__(self) -> int:
        return len(self._refusals)

    def put(self, job: str, reason: str) -> Refusal:
        """Leave a job alone, twice as long as the last time."""
        before = self._refusals.get(job)
        pause = min(LONGEST, 2 * before.pause) if before else FIRST
        made = self._refusals[job] = Refusal(job, reason, pause, self._monotonic() + pause)
        if len(self._refusals) > MOST:
            del self._refusals[next(iter(self._refusals))]
        return made

    def forget(self, jobs: Iterable[str]) -> None:
        """Drop jobs that were not refused any more, and those that nobody has met for long: they are gone."""
        now = self._monotonic()
        gone = [one.job for one in self._refusals.values() if now > one.until + one.pause]
        for job in (*jobs, *gone):
            self._refusals.pop(job, None)
        one = next((one for one in self._refusals.values() if one.until > now), None)
        self.words = f"some jobs cannot be claimed, such as {one.job}: {one.reason}" if one else ""

    def rests(self, job: str) -> bool:
        """Whether that job is to be left alone now."""
        one = self._refusals.get(job)
        return one is not None and one.until > self._monotonic()

    def resting(self) -> list[str]:
        """The jobs that are to be left alone now."""
        return [job for job in self._refusals if self.rests(job)]
