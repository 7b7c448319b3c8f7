"""How a worker ends: first by letting run what runs, then by giving it back."""

from collections.abc import Callable

FAREWELL = 20.0
"""Seconds that are left, when what runs was stopped, for telling the farm. What waits on disk is told another time."""


class Ending:
    """The wish to end, how urgent it is, and when it is fulfilled. `ask` may be called in a signal handler."""

    def __init__(self, drain: float, monotonic: Callable[[], float]) -> None:
        self._drain = drain
        self._monotonic = monotonic
        self._asked = 0
        self._stop_at = 0.0

    def ask(self, *, at_once: bool = False) -> None:
        """Wish for the end; a second time, or `at_once`: without waiting for what runs."""
        now = self._monotonic()
        if not self._asked:
            self._stop_at = now + self._drain
        self._asked += 2 if at_once else 1
        if self._asked > 1:
            self._stop_at = min(self._stop_at, now)

    @property
    def wished(self) -> bool:
        """Whether nothing new is to be begun."""
        return self._asked > 0

    @property
    def stop_now(self) -> bool:
        """Whether what runs is to be stopped and given back."""
        return self.wished and self._monotonic() >= self._stop_at

    def is_over(self, anything_left: bool) -> bool:
        """Whether the worker may end, given whether there is still anything to end or to tell."""
        if not self.wished:
            return False
        return not anything_left or self._monotonic() >= self._stop_at + FAREWELL
