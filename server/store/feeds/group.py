"""Feeds of one database with equal filters: what one of them finds out about a change, the others need not.

They wait together, are woken together, and are passed over together.
"""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from enum import Enum
from typing import TYPE_CHECKING, Any

from server.store.database import Stored
from server.store.database.feed import Page, Shape, page
from server.store.feeds.rules import Rule

if TYPE_CHECKING:
    from server.store.feeds.board import Board

#: Verdicts that a group remembers.
VERDICTS = 1000
#: A feed shows at least so often that it lives, in seconds, while what is written is not for it; or four times in the
#: time for which it waits.
LIFE_SECONDS = 5.0
_SEEN = "SELECT seq, id, rev FROM doc WHERE seq > ? ORDER BY seq LIMIT ?"


class Sign(Enum):
    """What ends a while of waiting: news, the time to show that the feed lives, or the end of all patience."""

    NEWS = 1
    LIFE = 2
    OVER = 3


class Watch:
    """Up to where it is known that those who wait want none of the changes, and when one was last passed over."""

    def __init__(self) -> None:
        self.seen = 0
        self.passed_at = float("-inf")


class Waiter:
    """A feed that has seen everything up to `since`, and waits for more."""

    def __init__(self, since: int, watch: Watch) -> None:
        self.since = since
        self._watch = watch
        self._rung = asyncio.Event()
        self._time = asyncio.get_running_loop().time
        self._begun = self._shown = self._time()

    def ring(self, since: int) -> None:
        """There is news after `since`."""
        self.since = max(self.since, since)
        self._rung.set()

    async def sign(self, heartbeat: float | None, timeout: float) -> Sign:
        """What comes next. Without heartbeats, patience begins anew with every change that is passed over."""
        if heartbeat is not None:
            return Sign.NEWS if await self._is_rung(heartbeat) else Sign.LIFE
        while (left := max(self._begun, self._watch.passed_at) + timeout - self._time()) > 0:
            if await self._is_rung(min(left, LIFE_SECONDS, timeout / 4)):
                return Sign.NEWS
            if self._watch.passed_at > self._shown:
                self._shown = self._time()
                return Sign.LIFE
        return Sign.OVER

    async def _is_rung(self, seconds: float) -> bool:
        try:
            async with asyncio.timeout(seconds):
                await self._rung.wait()
        except TimeoutError:
            return False
        return True


class Group:
    """A filter, as documents are shown to it, and the feeds that wait with it. For the event loop, but for calls."""

    def __init__(self, board: "Board", rule: Rule, watch: Watch) -> None:
        self.rule = rule
        self.watch = watch
        self.waiters: set[Waiter] = set()
        #: For one feed at a time: those behind it find its verdicts.
        self.turn = asyncio.Lock()
        self._board = board
        self._verdicts: dict[tuple[str, str], bool] = {}
        self._following: asyncio.Task[None] | None = None

    def __call__(self, docs: list[Stored]) -> list[bool]:
        """Which documents pass. A revision of a document never changes, so verdicts are good for ever."""
        if self.rule.wanted is None:
            return [True] * len(docs)
        if self.rule.test is None:
            return self._remembered(docs)
        return self.rule.wanted(docs)

    @property
    def is_quick(self) -> bool:
        """True when it says at once what passes."""
        return self.rule.test is not None or self.rule.wanted is None

    @contextmanager
    def joined(self, since: int) -> Iterator[Waiter | None]:
        """Wait while the block runs; None when there is something after `since` to be looked at first."""
        waiter = self._board.join(self, since)
        try:
            yield waiter
        finally:
            if waiter in self.waiters:
                waiter.since = max(waiter.since, self.watch.seen)
                self._board.leave(self, waiter)

    def wake(self, since: int) -> None:
        """Tell all who wait that there is news after `since`."""
        for waiter in tuple(self.waiters):
            waiter.ring(since)
            self._board.leave(self, waiter)

    def passed_over(self, since: int, limit: int) -> Page | None:
        """An empty page, if all changes after a sequence number, up to `limit`, are known not to be wanted."""
        with self._board.db.reader() as connection:
            rows: list[Any] = connection.execute(_SEEN, (since, limit)).fetchall()
        known = self._verdicts
        if any(known.get((doc_id, rev), True) for _, doc_id, rev in rows):
            return None
        return Page([], rows[-1][0] if rows else since, len(rows) == limit)

    def follow(self) -> None:
        """Find out whether those who wait want what is new, in threads."""
        if self._following is None:
            self._following = asyncio.get_running_loop().create_task(self._follow())

    async def _follow(self) -> None:
        db, loop = self._board.db, asyncio.get_running_loop()
        try:
            while self.waiters and (target := db.update_seq()) > (since := self.watch.seen):
                found = await loop.run_in_executor(self._board.threads, page, db, Shape(wanted=self), since, 1)
                self.watch.seen = found.last if found.more or found.rows else max(found.last, target)
                if found.rows:
                    self.wake(since)
                else:
                    self.watch.passed_at = loop.time()
        except Exception:
            # Each feed has to find out for itself what is wrong, and tell its client.
            self.wake(0)
        finally:
            self._following = None

    def _remembered(self, docs: list[Stored]) -> list[bool]:
        known = self._verdicts
        new = [each for each in docs if (each.id, each.rev) not in known]
        found = dict(zip([(each.id, each.rev) for each in new], self._ask(new), strict=True))
        verdicts = [found[name] if (name := (each.id, each.rev)) in found else known[name] for each in docs]
        if len(known) + len(found) > VERDICTS:
            known = {}
        if len(found) <= VERDICTS:
            self._verdicts = known | found
        return verdicts

    def _ask(self, docs: list[Stored]) -> list[bool]:
        return self.rule.wanted(docs) if docs and self.rule.wanted else []
