"""Finding the best jobs that a worker can run, in a constant number of requests however many it cannot."""

import random
from collections.abc import Callable, Iterable, Iterator

import msgspec

from crashfarm.database import Database
from crashfarm.documents.base import Json
from crashfarm.documents.job import Job, JobState, Priority
from crashfarm.queue.abilities import RELAXATIONS, Abilities, Demand
from crashfarm.queue.aside import Aside
from crashfarm.queue.settling import read
from crashfarm.queue.stock import MOST, RISE, Rank, Stock
from crashfarm.queue.window import Place, Window

GLANCE = 0.5
"""Seconds after which a look is taken whether something more urgent waits than what was read.

Views are brought up to date behind a look: what came in before it is seen by the next one.
"""

LAZY = 5.0
"""Seconds for which views need not be up to date where there is much to do; then all is read from its front again."""

NEIGHBOURS = 2.0
"""Seconds for which a worker that met others goes by what it has learnt of who they are."""

LOOKS = 3
"""So often a worker that met others looks who they are before it believes that there are none: views lag behind."""

CROWD = 200
"""Where so many workers hold jobs, they are too many to be counted each time: then all begin at random rows."""

CLASSES = 4
"""So many classes are looked into for one claim: what is left of the others is there the next time."""

FEW = 128
"""Up to so many documents are read along with the rows that name them, more in a request of their own."""

SPREAD = 4
"""The rising job is one of the oldest so many for each that is wanted, lest all workers want the same one."""


class Waiting(msgspec.Struct, frozen=True):
    """How many jobs of one class and priority are pending."""

    demand: Demand
    priority: int
    count: int


class Choice(msgspec.Struct, frozen=True):
    """A class whose jobs can be run here, and how far it has to be relaxed for that."""

    relaxed: int
    waiting: Waiting

    @property
    def rank(self) -> Rank:
        """What decides between classes."""
        return self.relaxed, self.waiting.priority


class Finder:
    """Reads what is pending, somewhat ahead of need. Not for several threads at once."""

    def __init__(self, status: Database, rng: random.Random, monotonic: Callable[[], float], aside: Aside) -> None:
        self._status = status
        self._aside = aside
        self._rng = rng
        self._monotonic = monotonic
        self._stock = Stock(rng.randrange(RISE))
        self._glanced_at = 0.0
        self._fresh_at = -LAZY
        self._in_the_thick = False
        self._looks = 0
        self._updates = True
        self._seen: list[Waiting] = []
        self._placed_at = -NEIGHBOURS
        self.window = Window(rng)

    def waiting(self, update: str = "true") -> list[Waiting]:
        """What is pending, by class and priority, the most urgent first: one reduced query."""
        rows = self._status.view("queue", "pending", group_level=2, update=update).rows
        found = ((Demand.from_key(row.key[0]), row.key[1], row.value) for row in rows)
        waiting = [Waiting(demand, priority, count) for demand, priority, count in found if demand]
        return sorted(waiting, key=lambda w: w.priority)

    def candidates(self, abilities: Abilities, wanted: int, worker: str) -> list[Job]:
        """Up to `wanted` jobs that could be claimed, the best first; the same one never twice.

        Two requests or more, but for every so many jobs only: what is read ahead serves the next claims.
        """
        now = self._monotonic()
        if self._stock.lacks(wanted, now) or self._sees_better(abilities, now):
            self._stock.learn_pace(now)
            self._learn_place(now, worker)
            self._restock(abilities, wanted, now)
        return self._stock.take(wanted)

    def met_others(self, conflicts: int, claimed: int) -> None:
        """Learn from a claim. Where many were somebody else's, so is what was read along with them."""
        self.window.met_others(conflicts, claimed)
        self._looks = LOOKS if conflicts else self._looks
        if 4 * conflicts > claimed:
            self._stock.clear()
            self._in_the_thick = False

    def _sees_better(self, abilities: Abilities, now: float) -> bool:
        """Whether something waits that goes before what was read; looked at now and then."""
        if now - self._glanced_at < GLANCE:
            return False
        choices = self._choose(abilities, self._look(now))
        return bool(choices) and choices[0].rank < self._stock.rank

    def _look(self, now: float) -> list[Waiting]:
        """What waits, as far as the views know. Of several workers one has them brought up to date behind its look.

        Who sees them move without its doing leaves that to others; who does it stops now and then to see.
        """
        if self._updates and self.window.place.count > 1:
            self._updates = self._rng.random() < 0.5
        waiting = self.waiting("lazy" if self._updates else "false")
        if not self._updates and waiting == self._seen:
            self._updates = True
            waiting = self.waiting("lazy")
        self._glanced_at, self._seen = now, waiting
        self._stock.forget_taken()
        return waiting

    def _learn_place(self, now: float, worker: str) -> None:
        """Count those who hold jobs, if there are others who want the same ones."""
        if not self._looks or now - self._placed_at < NEIGHBOURS:
            return
        rows = self._status.view("queue", "by_claim", group_level=1, limit=CROWD, update="lazy").rows
        names = sorted({worker, *(str(row.key[0]) for row in rows)})
        self.window.place = Place(names.index(worker), len(names)) if len(rows) < CROWD else Place()
        self._looks -= 1
        if len(names) > 1:
            self._looks, self._placed_at = LOOKS, now

    def _restock(self, abilities: Abilities, wanted: int, now: float) -> None:
        """Read anew, while in the thick of it what the views hold already: a glance has them brought up to date.

        A row too old costs no more than a look at its document. Only views that are up to date say that nothing is
        there.
        """
        if self._in_the_thick and now - self._fresh_at < LAZY and self._fill(abilities, wanted, now, "false"):
            return
        self._fresh_at = now
        self._in_the_thick = self._fill(abilities, wanted, now, "true")

    def _fill(self, abilities: Abilities, wanted: int, now: float, update: str) -> bool:
        """Read the best class, and further ones until there are as many jobs as are wanted.

        Tells whether there was about as much as was asked for.
        """
        choices = self._choose(abilities, self._look(now) if update == "false" else self.waiting(update))
        rising = self._read_rising(abilities, choices, wanted, update)
        known = {job.id for job in rising}
        found: list[tuple[Rank, Job]] = []
        asked = 0
        for choice in choices[:CLASSES]:
            limit = self._limit(choice.waiting, wanted)
            asked += min(limit, choice.waiting.count)
            start = self.window.start(choice.waiting.count, limit)
            jobs = self._read(abilities, choice, limit, start, update)
            found += ((choice.rank, job) for job in jobs if job.id not in known)
            if len(found) >= wanted:
                break
        self._stock.fill(found, rising, now)
        return len(found) >= max(wanted, asked // 2)

    def _limit(self, waiting: Waiting, wanted: int) -> int:
        """How many to read: where there are others who read, no more than leaves as many for them."""
        fair = max(1, self.window.fair(waiting.count))
        least = min(wanted, fair) if self.window.place.count > 1 else wanted
        return max(least, min(fair, self._stock.ahead(wanted)))

    def _read_rising(self, abilities: Abilities, choices: list[Choice], wanted: int, update: str) -> list[Job]:
        """The jobs whose turn it is to rise while this reading is used: the oldest of the last class that fits best."""
        if not choices:
            return []
        last = max(choices, key=lambda choice: (-choice.relaxed, choice.waiting.priority))
        count, needed = last.waiting.count, self._stock.rises(wanted)
        if not needed or (len(choices) == 1 and count <= self._limit(last.waiting, wanted)):
            return []
        start = self._rng.randint(0, max(0, min(SPREAD * needed, count) - needed))
        return list(self._read(abilities, last, needed, start, update))

    def _choose(self, abilities: Abilities, found: Iterable[Waiting]) -> list[Choice]:
        """The classes that can be run here, each with how far it has to be relaxed, which decides before priority.

        Only what is large or normal may run on a machine that is not quite what was asked for. Among equals the order
        is drawn, the fuller class likely first.
        """
        relaxed = [(self._relaxed(abilities, waiting), waiting) for waiting in found]
        fitting = [Choice(far, waiting) for far, waiting in relaxed if far is not None]
        fitting.sort(key=lambda choice: (*choice.rank, -(self._rng.random() ** (1 / choice.waiting.count))))
        return fitting

    def _relaxed(self, abilities: Abilities, waiting: Waiting) -> int | None:
        relaxations = RELAXATIONS if waiting.priority >= Priority.LARGE else 0
        ranks = (relaxed for relaxed in range(relaxations + 1) if abilities.meet(waiting.demand, relaxed))
        return next(ranks, None)

    def _read(self, abilities: Abilities, choice: Choice, limit: int, skip: int, update: str) -> Iterator[Job]:
        """Jobs of a class from a row on. A document may be newer than its row: only free ones count.

        Those that are left alone, and those that we took before the views knew of it, must not hide others: so many
        more are read, and where very many are left alone, any.
        """
        if len(self._aside) > MOST:
            skip = self._rng.randrange(choice.waiting.count)
        key, more = [choice.waiting.demand.key(), choice.waiting.priority], min(MOST, len(self._aside))
        query = {"startkey": key, "endkey": [*key, {}], "skip": skip, "limit": limit + more, "update": update}
        docs = self._few(query) if limit <= FEW else self._many(query)
        free = (job for job in read(docs) if job.state == JobState.PENDING and not job.wait)
        left = [job for job in free if not self._aside.rests(job.id)][:limit]
        return _fitting(abilities, choice, left)

    def _few(self, query: Json) -> list[Json | None]:
        """Documents of a view, in one request."""
        rows = self._status.view("queue", "pending", reduce=False, include_docs=True, **query).rows
        return [row.doc for row in rows]

    def _many(self, query: Json) -> list[Json | None]:
        """Documents of a view but for those that we took, in two requests; a row alone costs the database little."""
        taken = self._stock.taken if query["update"] == "false" else set()
        query["limit"] += len(taken)
        rows = self._status.view("queue", "pending", reduce=False, **query).rows
        ids = [row.id for row in rows if row.id and row.id not in taken][: query["limit"] - len(taken)]
        return [row.doc for row in self._status.all_docs(keys=ids, include_docs=True).rows] if ids else []


def _fitting(abilities: Abilities, choice: Choice, jobs: Iterable[Job]) -> Iterator[Job]:
    """A document may ask for something else than its row did."""
    for job in jobs:
        demand = Demand.of(job)
        if demand == choice.waiting.demand or abilities.meet(demand, choice.relaxed):
            yield job
