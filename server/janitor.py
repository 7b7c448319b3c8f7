"""Keeps a farm in order: takes back what silent workers hold, frees what waits, settles conflicts, removes the old."""

import random
import secrets
import socket
from collections.abc import Iterator
from datetime import datetime, timedelta

import msgspec

from crashfarm import conflicts
from crashfarm.database import Database
from crashfarm.documents.base import Json
from crashfarm.queue import JobQueue
from crashfarm.queue.turns import Turn
from crashfarm.settings import Farm
from crashfarm.times import Clock, to_text

STAMP = "%Y%m%dT%H%M%S"
PAGE = 500


class Keep(msgspec.Struct, frozen=True, kw_only=True):
    """For how long what has ended stays in the status database, in days. Results are not touched."""

    jobs: float = 14.0
    messages: float = 7.0


class Done(msgspec.Struct, frozen=True, kw_only=True):
    """What one round has done, in numbers of documents."""

    recovered: int = 0
    freed: int = 0
    given_up: int = 0
    settled: int = 0
    removed: int = 0


class Janitor:
    """One janitor. Several do no harm; they take turns."""

    def __init__(self, farm: Farm, keep: Keep, clock: Clock) -> None:
        self._farm = farm
        self._keep = keep
        self._clock = clock
        self._since: dict[str, str | int] = {}
        self._looked_at: dict[str, str] = {}
        self._sweeper = JobQueue(farm.status, clock, random.Random()).sweeper()
        self._turn = Turn(farm.status, f"janitor {socket.gethostname()} {secrets.token_hex(3)}", clock)

    def round(self, now: float) -> Done | None:
        """One round, or None when it is another's turn. `now` is of a monotonic clock. Raises DatabaseError."""
        if not self._turn.is_mine():
            return None
        swept = self._sweeper.sweep(now)
        return Done(
            recovered=len(swept.recovered),
            freed=len(swept.freed),
            given_up=len(swept.given_up),
            settled=self._settle_conflicts(),
            removed=self.remove_old(),
        )

    def _settle_conflicts(self) -> int:
        """Settle the conflicts in what has changed since the last round; in the first round, in all there is."""
        total = 0
        for database in (self._farm.status, self._farm.history):
            settled, self._since[database.name] = conflicts.settle_all(database, self._since.get(database.name, 0))
            total += settled
        return total

    def remove_old(self) -> int:
        """Delete jobs that have long ended and messages that are old; how many it were.

        A page of each is looked at, and further ones in the next rounds: jobs that never end must not hide others.
        """
        now = self._clock()
        jobs = self._before("job:", now - timedelta(days=self._keep.jobs))
        messages = self._before("message:", now - timedelta(days=self._keep.messages))
        ended = to_text(now - timedelta(days=self._keep.jobs))
        old = [doc for doc in jobs if (doc.get("completed_at") or "~") < ended]
        return _delete(self._farm.status, [*old, *messages])

    def _before(self, prefix: str, moment: datetime) -> Iterator[Json]:
        """Documents whose ids are of a time before that moment: the page behind the last one, after all the first."""
        start, end = self._looked_at.get(prefix, prefix), prefix + moment.strftime(STAMP)
        rows = self._farm.status.all_docs(startkey=start, endkey=end, include_docs=True, limit=PAGE).rows
        self._looked_at[prefix] = str(rows[-1].id) if len(rows) == PAGE else prefix
        return (row.doc for row in rows if row.doc)


def _delete(status: Database, docs: list[Json]) -> int:
    """Delete documents that nobody has changed meanwhile."""
    stubs = [{"_id": doc["_id"], "_rev": doc["_rev"], "_deleted": True} for doc in docs]
    return sum(outcome.ok for outcome in status.bulk(stubs))
