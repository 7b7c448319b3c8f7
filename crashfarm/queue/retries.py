"""When a job that failed is tried again."""

import msgspec

from crashfarm.documents.job import Job
from crashfarm.queue.ends import End

FIRST_DELAY = 10.0
LONGEST_DELAY = 3600.0

MAX_RELEASES = 20
"""So many times a job may be given back in good order before that counts as failing, too."""


class RetryDecision(msgspec.Struct, frozen=True):
    """Whether a job is tried again, and after how many seconds.

    After n attempts that count the delay is 0 for n = 1 (another worker may do at once what this one could not), then
    min(3600, 10 * 4^(n - 2)): 10, 40, 160, 640, 2560, 3600. An attempt that was given back in good order costs no
    delay, and does not count until there were 20 of them.
    """

    again: bool
    delay_seconds: float = 0.0


def decide(job: Job) -> RetryDecision:
    """What is to become of a job whose last attempt has just ended without a result."""
    count = spent(job)
    if count >= job.max_attempts:
        return RetryDecision(False)
    if count < 2 or job.attempts[-1].outcome == End.RELEASED:
        return RetryDecision(True)
    return RetryDecision(True, min(LONGEST_DELAY, FIRST_DELAY * 4.0 ** min(count - 2, 16)))


def spent(job: Job) -> int:
    """How many attempts count against `max_attempts`: all but those given back in good order, up to a bound."""
    released = sum(attempt.outcome == End.RELEASED for attempt in job.attempts)
    return len(job.attempts) - min(released, MAX_RELEASES)
