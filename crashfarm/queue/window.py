"""Where in the queue a worker begins to look, so that a thousand of them do not all want its first job."""

import random

SMALLEST = 16
LARGEST = 4096


class Window:
    """The first rows of a queue, among which a claim begins at a random one. Rows are the unit.

    It doubles when a claim met others, and shrinks by a tenth when it did not: many workers come to spread over many
    rows, and one alone takes the jobs nearly in their order.
    """

    def __init__(self, rng: random.Random) -> None:
        self.rows = SMALLEST
        self._rng = rng

    def start(self, pending: int, wanted: int) -> int:
        """The row to begin at, so that `wanted` rows follow if there are as many."""
        return self._rng.randint(0, max(0, min(self.rows, pending) - wanted))

    def met_others(self, conflicts: int, claimed: int) -> None:
        """Learn from a claim: how many jobs were somebody else's already, and how many are ours now."""
        if conflicts:
            self.rows = min(LARGEST, self.rows * 2)
        elif claimed:
            self.rows = max(SMALLEST, self.rows - self.rows // 10)
