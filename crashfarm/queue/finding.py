"""Finding the best jobs that a worker can run, in a constant number of requests however many it cannot."""

import random
from collections import deque
from collections.abc import Callable, Iterable, Iterator

import msgspec

from crashfarm.database import Database, Row
from crashfarm.documents.job import Job, JobState, Priority
from crashfarm.queue.abilities import RELAXATIONS, Abilities, Demand
from crashfarm.queue.aside import Aside
from crashfarm.queue.settling import read
from crashfarm.queue.window import Place, Window

AHEAD = 4
"""A reading is for so many times the jobs wanted at least: what is left over serves the next claims."""

MOST = 512
"""Jobs that one reading is for at most, where jobs are short and many are claimed in a moment."""

FRESH = 1.0
"""Seconds for which what was read serves further claims; more urgent jobs that come in meanwhile wait so long."""

LAZY = 2.0
"""Seconds since the last reading after which views are read up to date again."""

NEIGHBOURS = 5.0
"""Seconds for which a worker that met others goes by what it has learnt of who they are."""

CROWD = 200
"""Where so many workers hold jobs, they are too many to be counted each time: then all begin at random rows."""

CLASSES = 4
"""So many classes are looked into for one claim: what is left of the others is there the next time."""

RISE = 33
"""One in so many jobs is of the least urgent that wait, beginning with the oldest ones.

So a job of whatever priority rises in its turn, and no stream of urgent jobs starves the others.
"""

SPREAD = 4
"""The rising job is one of the oldest so many for each that is wanted, lest all workers want the same one."""


class Waiting(msgspec.Struct, frozen=True):
    """How many jobs of one class and priority are pending."""

    demand: Demand
    priority: int
    count: int


class Finder:
    """Reads what is pending, somewhat ahead of need. Not for several threads at once."""

    def __init__(self, status: Database, rng: random.Random, monotonic: Callable[[], float], aside: Aside) -> None:
        self._status = status
        self._aside = aside
        self._rng = rng
        self._monotonic = monotonic
        self._served = rng.randrange(RISE)
        self._stock: deque[Job] = deque()
        self._rising: deque[Job] = deque()
        self._stocked = 0
        self._stocked_at = 0.0
        self._ahead = 0
        self._asked = 0
        self._lazy = False
        self._in_the_thick = False
        self._met = False
        self._placed_at = -NEIGHBOURS
        self.window = Window(rng)

    def waiting(self) -> list[Waiting]:
        """What is pending, by class and priority, the most urgent first: one reduced query."""
        rows = self._view(group_level=2)
        found = ((Demand.from_key(row.key[0]), row.key[1], row.value) for row in rows)
        waiting = [Waiting(demand, priority, count) for demand, priority, count in found if demand]
        return sorted(waiting, key=lambda w: w.priority)

    def candidates(self, abilities: Abilities, wanted: int, worker: str) -> list[Job]:
        """Up to `wanted` jobs that could be claimed, the best first; the same one never twice.

        Two requests or more, but for every so many jobs only: what is read ahead serves the next claims.
        """
        now = self._monotonic()
        if len(self._stock) < wanted or now - self._stocked_at > FRESH:
            self._learn_pace(now)
            self._learn_place(now, worker)
            self._restock(abilities, wanted, now)
        taken = (self._take() for _ in range(wanted))
        return [job for job in taken if job]

    def met_others(self, conflicts: int, claimed: int) -> None:
        """Learn from a claim. Where many were somebody else's, so is what was read along with them."""
        self.window.met_others(conflicts, claimed)
        self._met = self._met or conflicts > 0
        if 4 * conflicts > claimed:
            self._stock.clear()
            self._in_the_thick = False

    def _take(self) -> Job | None:
        """The next job, which is a rising one in its turn."""
        rises = self._served % RISE == RISE - 1
        for stock in (self._rising, self._stock) if rises else (self._stock, self._rising):
            if stock:
                self._served += 1
                return stock.popleft()
        return None

    def _learn_pace(self, now: float) -> None:
        """Read so many the next time as will be used while they are fresh, at the pace of the last ones."""
        used, seconds = self._stocked - len(self._stock), max(0.01, now - self._stocked_at)
        self._ahead = min(MOST, 2 * self._stocked, int(used * FRESH / seconds))

    def _learn_place(self, now: float, worker: str) -> None:
        """Count those who hold jobs, if there are others who want the same ones."""
        if not self._met or now - self._placed_at < NEIGHBOURS:
            return
        rows = self._status.view("queue", "by_claim", group_level=1, limit=CROWD, update="lazy").rows
        names = sorted({worker, *(str(row.key[0]) for row in rows)})
        self.window.place = Place(names.index(worker), len(names)) if len(rows) < CROWD else Place()
        self._met, self._placed_at = len(names) > 1, now

    def _restock(self, abilities: Abilities, wanted: int, now: float) -> None:
        """Read anew, while in the thick of it what the views hold already: they are brought up to date behind that.

        A row too old costs no more than a look at its document. Only views that are up to date say that nothing is
        there.
        """
        self._lazy = self._in_the_thick and now - self._stocked_at < LAZY
        self._fill(abilities, wanted)
        self._in_the_thick = len(self._stock) >= max(wanted, self._asked // 2)
        if self._lazy and not self._in_the_thick:
            self._lazy = False
            self._fill(abilities, wanted)
            self._in_the_thick = len(self._stock) >= wanted
        self._lazy = False
        self._stocked, self._stocked_at = len(self._stock), now

    def _fill(self, abilities: Abilities, wanted: int) -> None:
        """Read the best class, and further ones until there are as many jobs as are wanted."""
        self._asked = 0
        choices = self._choose(abilities)
        self._rising = self._read_rising(abilities, choices, wanted)
        known = {job.id for job in self._rising}
        self._stock.clear()
        for relaxed, waiting in choices[:CLASSES]:
            limit = self._limit(waiting, wanted)
            self._asked += min(limit, waiting.count)
            found = self._read(waiting, limit, self.window.start(waiting.count, limit))
            self._stock += (job for job in _fitting(abilities, relaxed, found) if job.id not in known)
            if len(self._stock) >= wanted:
                break

    def _limit(self, waiting: Waiting, wanted: int) -> int:
        """How many to read: where there are others who read, no more than leaves as many for them."""
        fair = max(1, self.window.fair(waiting.count))
        least = min(wanted, fair) if self.window.place.count > 1 else wanted
        return max(least, min(fair, max(self._ahead, wanted * AHEAD)))

    def _read_rising(self, abilities: Abilities, choices: list[tuple[int, Waiting]], wanted: int) -> deque[Job]:
        """The jobs whose turn it is to rise while this reading is used: the oldest of the last class that fits best."""
        if not choices:
            return deque()
        relaxed, last = max(choices, key=lambda choice: (-choice[0], choice[1].priority))
        ahead = max(self._ahead, wanted * AHEAD)
        needed = (self._served % RISE + ahead) // RISE
        if not needed or (len(choices) == 1 and last.count <= self._limit(last, wanted)):
            return deque()
        found = self._read(last, needed, self._rng.randint(0, max(0, min(SPREAD * needed, last.count) - needed)))
        return deque(_fitting(abilities, relaxed, found))

    def _choose(self, abilities: Abilities) -> list[tuple[int, Waiting]]:
        """The classes that can be run here, each with how far it has to be relaxed, which decides before priority.

        Only what is large or normal may run on a machine that is not quite what was asked for. Among equals the order
        is drawn, the fuller class likely first.
        """
        ranked = [(self._rank(abilities, waiting), waiting) for waiting in self.waiting()]
        fitting = [(rank, waiting) for rank, waiting in ranked if rank is not None]
        fitting.sort(key=lambda pair: (pair[0], pair[1].priority, -(self._rng.random() ** (1 / pair[1].count))))
        return fitting

    def _rank(self, abilities: Abilities, waiting: Waiting) -> int | None:
        relaxations = RELAXATIONS if waiting.priority >= Priority.LARGE else 0
        ranks = (relaxed for relaxed in range(relaxations + 1) if abilities.meet(waiting.demand, relaxed))
        return next(ranks, None)

    def _read(self, waiting: Waiting, limit: int, skip: int) -> list[Job]:
        """Jobs of a class from a row on. A document may be newer than its row: only free ones count.

        Those that are left alone must not hide others: so many more are read, and of very many, any.
        """
        if len(self._aside) > MOST:
            skip = self._rng.randrange(waiting.count)
        key, more = [waiting.demand.key(), waiting.priority], min(MOST, len(self._aside))
        query = {"startkey": key, "endkey": [*key, {}], "skip": skip, "limit": limit + more, "include_docs": True}
        rows = self._view(reduce=False, **query)
        free = (job for job in read(row.doc for row in rows) if job.state == JobState.PENDING and not job.wait)
        return [job for job in free if not self._aside.rests(job.id)][:limit]

    def _view(self, **query: object) -> tuple[Row, ...]:
        update = {"update": "lazy"} if self._lazy else {}
        return self._status.view("queue", "pending", **query, **update).rows


def _fitting(abilities: Abilities, relaxed: int, jobs: Iterable[Job]) -> Iterator[Job]:
    """A document may ask for something else than its row did."""
    return (job for job in jobs if abilities.meet(Demand.of(job), relaxed))
