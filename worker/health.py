"""Whether this worker is fit for work: failure upon failure takes it out for a while."""

import threading

FAILURES = 3
"""So many failures in a row, with no job that went well between them, are the worker's and not the jobs'."""

LONGEST_REST = 3600.0


class Health:
    """Counts what went wrong in a row. May be told by several threads.

    The n-th rest lasts `first_rest` * 2^(n - 1) seconds, at most an hour. After a rest one more failure brings the
    next one; a job that goes well makes all good.
    """

    def __init__(self, first_rest: float) -> None:
        self._first_rest = first_rest
        self._lock = threading.Lock()
        self._failures: list[str] = []
        self._rests = 0
        self._rests_until = 0.0

    def went_well(self) -> None:
        """A job came to an end of its own."""
        with self._lock:
            self._failures.clear()
            self._rests = 0

    def failed(self, reason: str) -> None:
        """A job could not be run, for a reason that lies in this machine."""
        with self._lock:
            self._failures.append(reason)

    def is_unfit(self, now: float) -> str:
        """Why the worker has to rest from now on, or nothing. `now` is of a monotonic clock."""
        with self._lock:
            if now < self._rests_until or len(self._failures) < FAILURES:
                return ""
            reason = f"{FAILURES} jobs in a row could not be run, the last one because: {self._failures[-1]}"
            del self._failures[: -FAILURES + 1]
            self._rests_until = now + min(LONGEST_REST, self._first_rest * 2.0 ** min(self._rests, 16))
            self._rests += 1
            return reason

    def rests(self, now: float) -> bool:
        """Whether a rest is not over."""
        return now < self._rests_until
