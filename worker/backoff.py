"""How long to wait before trying again."""

import random


class Backoff:
    """Delays that double from `first` to `longest` seconds with each failure, times a random 0.5 to 1.

    Success sets it back. The randomness keeps a thousand workers from coming back in the same moment.
    """

    def __init__(self, first: float, longest: float, rng: random.Random) -> None:
        self._first = first
        self._longest = longest
        self._rng = rng
        self._failures = 0

    @property
    def failures(self) -> int:
        """How many there were since the last success."""
        return self._failures

    def failed(self) -> float:
        """Note a failure; the seconds to wait."""
        delay = min(self._longest, self._first * 2.0 ** min(self._failures, 32))
        self._failures += 1
        return delay * self._rng.uniform(0.5, 1.0)

    def succeeded(self) -> None:
        """Begin anew."""
        self._failures = 0
