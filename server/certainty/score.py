"""How surely something happens again, and how often to look before believing that it does not."""

import math

import msgspec

Z = 1.959964
"""Standard deviations of a normal distribution that hold 95 % of it."""


class Score(msgspec.Struct, frozen=True):
    """Of `ran` runs, `seen` showed it."""

    seen: int = 0
    ran: int = 0

    def __add__(self, other: "Score") -> "Score":
        return Score(self.seen + other.seen, self.ran + other.ran)

    @property
    def rate(self) -> float | None:
        """The share of runs that showed it, None without any."""
        return self.seen / self.ran if self.ran else None

    @property
    def interval(self) -> tuple[float, float]:
        """Within which the true share lies with 95 % certainty: Wilson's interval.

        (p + z²/2n ± z √(p (1 - p)/n + z²/4n²)) / (1 + z²/n), p being the share of n runs, z = 1.96. (0, 1) without
        any run.
        """
        if not self.ran:
            return 0.0, 1.0
        n, p, square = self.ran, self.seen / self.ran, Z * Z
        middle = p + square / (2 * n)
        spread = Z * math.sqrt(p * (1 - p) / n + square / (4 * n * n))
        whole = 1 + square / n
        return max(0.0, (middle - spread) / whole), min(1.0, (middle + spread) / whole)

    def misses_needed(self, error: float, most: int = 1000) -> int:
        """How many runs in a row have to miss it before it is believed to be gone, wrongly at most this often.

        The probability that k further runs all miss it although it is there, if nothing is known of it but this score
        (every rate being as likely as any other beforehand), is the product over i = 0 … k-1 of
        (misses + 1 + i) / (ran + 2 + i). The least k for which that is at most `error`; never more than `most`.
        """
        misses, left, runs = self.ran - self.seen, 1.0, 0
        while left > error and runs < most:
            left *= (misses + 1 + runs) / (self.ran + 2 + runs)
            runs += 1
        return runs

    def words(self) -> str:
        """`3 of 5 runs, 60 % (23 to 88 %)`."""
        if not self.ran:
            return "no run yet"
        low, high = self.interval
        return f"{self.seen} of {self.ran} runs, {self.rate:.0%} ({low:.0%} to {high:.0%})".replace("%", " %")
