"""Where in the queue a worker begins to look, so that a thousand of them do not all want its first job."""

import random

import msgspec

WIDEST = 64.0
"""Readings that a window is wide at most: rows before its start are skipped, which costs the database time."""

FIRST = 16.0
NARROWEST = 1.0
GROWTH = 2.0
DECAY = 0.98

PART = 1024
FRONT = 16_384
"""Rows of the part of the queue's front that is one worker's among others, and of all their parts, at most."""


class Place(msgspec.Struct, frozen=True):
    """Which of how many workers, in an order that all of them see alike."""

    rank: int = 0
    count: int = 1


class Window:
    """The first rows of a queue, among which a reading begins.

    Who knows its neighbours begins with its own part: the parts lie side by side, and are as wide for those who read
    little as for those who read much, so that they do not meet. Else the start is random in a window as wide as so many
    readings. It trebles when a claim met nothing but others, grows less when it met fewer, and shrinks by a fiftieth
    when it met none: many workers come to spread over many rows, and one alone takes the jobs in their order.
    """

    def __init__(self, rng: random.Random) -> None:
        self.readings = FIRST
        self.place = Place()
        self._rng = rng

    def start(self, pending: int, limit: int) -> int:
        """The row to begin at, so that `limit` rows follow if there are as many."""
        if self.place.count > 1:
            width = max(limit, min(PART, FRONT // self.place.count, pending // self.place.count))
            return max(0, min(self.place.rank * width, pending - limit))
        return self._rng.randint(0, max(0, min(int(self.readings * limit), pending) - limit))

    def fair(self, pending: int) -> int:
        """How many of that many pending jobs may be read, so that as many are left for others."""
        return int(pending / (self.place.count if self.place.count > 1 else self.readings))

    def met_others(self, conflicts: int, claimed: int) -> None:
        """Learn from a claim: how many jobs were somebody else's already, and how many are ours now."""
        if conflicts:
            share = conflicts / (conflicts + claimed)
            self.readings = min(WIDEST, self.readings * (1.0 + GROWTH * share))
        elif claimed:
            self.readings = max(NARROWEST, self.readings * DECAY)
