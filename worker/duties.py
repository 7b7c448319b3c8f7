"""What a worker does again and again, each at its own pace, and again later where it fails."""

import logging
import random
from collections.abc import Callable, Sequence
from itertools import takewhile

from crashfarm.errors import ConfigError, CrashfarmError, LostClaim
from worker.backoff import Backoff

log = logging.getLogger("crashfarm.worker")

FIRST_DELAY = 0.5
LONGEST_DELAY = 60.0


class Duty:
    """An action, which tells in how many seconds it wants to be done again.

    When something fails it, the database or whatever else, it is told and tried again after a delay that grows:
    a fault in one of them must neither end the worker nor leave the others undone.
    """

    def __init__(self, name: str, action: Callable[[], float], rng: random.Random) -> None:
        self.name = name
        self._action = action
        self._backoff = Backoff(FIRST_DELAY, LONGEST_DELAY, rng)
        self.due = float("-inf")

    def do(self, now: float) -> bool:
        """Do it and note when it is due again; whether it got through after it had failed.

        Raises ConfigError and LostClaim: then the worker has to end.
        """
        failed = self._backoff.failures > 0
        try:
            self.due = now + self._action()
        except (ConfigError, LostClaim):
            raise
        except Exception as exc:
            self.due = now + self._fail(exc)
            return False
        self._backoff.succeeded()
        return failed

    def hurry(self) -> None:
        """Make it due at once, unless it failed the last time."""
        if not self._backoff.failures:
            self.due = float("-inf")

    def by(self, moment: float) -> None:
        """Make it due by then, unless it failed the last time."""
        if not self._backoff.failures:
            self.due = min(self.due, moment)

    def retry(self) -> None:
        """Make it due at once if it failed the last time."""
        if self._backoff.failures:
            self.due = float("-inf")

    def _fail(self, exc: Exception) -> float:
        delay = self._backoff.failed()
        is_ours = not isinstance(exc, (CrashfarmError, OSError))
        words = f"{type(exc).__name__}: {exc}" if is_ours else exc
        log.warning("%s: %s; again in %.1f s", self.name, words, delay, exc_info=is_ours)
        return delay


def turn(duties: Sequence[Duty], now: float, is_over: Callable[[], bool] = lambda: False) -> float:
    """Do all that is due, as long as it is not over. The seconds until something is due again.

    When one gets through again, the database is back: then what failed is due at once.
    """
    due = takewhile(lambda _: not is_over(), (duty for duty in duties if duty.due <= now))
    if any([duty.do(now) for duty in due]):
        for duty in duties:
            duty.retry()
    return max(0.0, min(duty.due for duty in duties) - now)
