"""Where in the queue a worker begins to look, so that a thousand of them do not all want its first job."""

import random

WIDEST = 64.0
"""Readings that a window is wide at most: rows before its start are skipped, which costs the database time."""

FIRST = 4.0
NARROWEST = 1.0
GROWTH = 2.0
DECAY = 0.98


class Window:
    """The first rows of a queue, among which a reading begins at a random one.

    It is as wide as so many readings. It trebles when a claim met nothing but others, grows less when it met fewer,
    and shrinks by a fiftieth when it met none: many workers come to spread over many rows, and one alone takes the
    jobs in their order.
    """

    def __init__(self, rng: random.Random) -> None:
        self.readings = FIRST
        self._rng = rng

    def start(self, pending: int, limit: int) -> int:
        """The row to begin at, so that `limit` rows follow if there are as many."""
        return self._rng.randint(0, max(0, min(int(self.readings * limit), pending) - limit))

    def met_others(self, conflicts: int, claimed: int) -> None:
        """Learn from a claim: how many jobs were somebody else's already, and how many are ours now."""
        if conflicts:
            share = conflicts / (conflicts + claimed)
            self.readings = min(WIDEST, self.readings * (1.0 + GROWTH * share))
        elif claimed:
            self.readings = max(NARROWEST, self.readings * DECAY)
