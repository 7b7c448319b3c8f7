"""Finding the best jobs that a worker can run, in a constant number of requests however many it cannot."""

import random
from collections import deque
from collections.abc import Callable

import msgspec

from crashfarm.database import Database
from crashfarm.documents.job import Job, JobState, Priority
from crashfarm.queue.abilities import RELAXATIONS, Abilities, Demand
from crashfarm.queue.settling import read
from crashfarm.queue.window import Window

AHEAD = 4
"""A reading is for so many times the jobs wanted: what is left over serves the next claims."""

FRESH = 1.0
"""Seconds for which what was read serves further claims; more urgent jobs that come in meanwhile wait so long."""

CLASSES = 4
"""So many classes are looked into for one claim: what is left of the others is there the next time."""

TURN_OVER = 5
"""One reading in so many looks at the least urgent jobs first, and takes no more than is wanted at once.

So a job of whatever priority rises in its turn: of all claims one in 17 at least (four readings serve AHEAD claims
each, the fifth one) is of the lowest priority that waits, beginning with the oldest job, and no stream of urgent jobs
starves the others.
"""


class Waiting(msgspec.Struct, frozen=True):
    """How many jobs of one class and priority are pending."""

    demand: Demand
    priority: int
    count: int


class Finder:
    """Reads what is pending, somewhat ahead of need. Not for several threads at once."""

    def __init__(self, status: Database, rng: random.Random, monotonic: Callable[[], float]) -> None:
        self._status = status
        self._rng = rng
        self._monotonic = monotonic
        self._turn = rng.randrange(TURN_OVER)
        self._stock: deque[Job] = deque()
        self._stocked_at = 0.0
        self.window = Window(rng)

    def waiting(self) -> list[Waiting]:
        """What is pending, by class and priority, the most urgent first: one reduced query."""
        rows = self._status.view("jobs", "pending", group_level=2).rows
        found = ((Demand.from_key(row.key[0]), row.key[1], row.value) for row in rows)
        waiting = [Waiting(demand, priority, count) for demand, priority, count in found if demand]
        return sorted(waiting, key=lambda w: w.priority)

    def candidates(self, abilities: Abilities, wanted: int) -> list[Job]:
        """Up to `wanted` jobs that could be claimed, the best first; the same one never twice.

        Two requests or more, but for every so many jobs only: what is read ahead serves the next claims.
        """
        if not self._stock or self._monotonic() - self._stocked_at > FRESH:
            self._fill(abilities, wanted)
        return [self._stock.popleft() for _ in range(min(wanted, len(self._stock)))]

    def met_others(self, conflicts: int, claimed: int) -> None:
        """Learn from a claim. Where most were somebody else's, so is what was read along with them."""
        self.window.met_others(conflicts, claimed)
        if conflicts > claimed:
            self._stock.clear()

    def _fill(self, abilities: Abilities, wanted: int) -> None:
        """Read anew: the best class, and further ones until there are as many jobs as are wanted."""
        self._turn = (self._turn + 1) % TURN_OVER
        turned_over = self._turn == 0
        self._stock.clear()
        for relaxed, waiting in self._choose(abilities, turned_over)[:CLASSES]:
            limit = wanted if turned_over else wanted * AHEAD
            found = self._read(waiting, limit, from_the_oldest=turned_over)
            self._stock += (job for job in found if abilities.meet(Demand.of(job), relaxed))
            if len(self._stock) >= wanted:
                break
        self._stocked_at = self._monotonic()

    def _choose(self, abilities: Abilities, turned_over: bool) -> list[tuple[int, Waiting]]:
        """The classes that can be run here, each with how far it has to be relaxed, which decides before priority.

        Only what is large or normal may run on a machine that is not quite what was asked for. Among equals the order
        is drawn, the fuller class likely first.
        """
        ranked = [(self._rank(abilities, waiting), waiting) for waiting in self.waiting()]
        fitting = [(rank, waiting) for rank, waiting in ranked if rank is not None]
        sign = -1 if turned_over else 1
        fitting.sort(key=lambda pair: (pair[0], sign * pair[1].priority, -(self._rng.random() ** (1 / pair[1].count))))
        return fitting

    def _rank(self, abilities: Abilities, waiting: Waiting) -> int | None:
        relaxations = RELAXATIONS if waiting.priority >= Priority.LARGE else 0
        ranks = (relaxed for relaxed in range(relaxations + 1) if abilities.meet(waiting.demand, relaxed))
        return next(ranks, None)

    def _read(self, waiting: Waiting, limit: int, *, from_the_oldest: bool) -> list[Job]:
        """Jobs of a class from a random row on. A document may be newer than its row: only free ones count."""
        key = [waiting.demand.key(), waiting.priority]
        skip = 0 if from_the_oldest else self.window.start(waiting.count, limit)
        query = {"startkey": key, "endkey": [*key, {}], "skip": skip, "limit": limit, "include_docs": True}
        rows = self._status.view("jobs", "pending", reduce=False, **query).rows
        return [job for job in read(row.doc for row in rows) if job.state == JobState.PENDING and not job.wait]
