"""Where the feeds of a database wait. A change is read once for all of them, and wakes those that want it."""

import asyncio
import weakref
from collections import deque
from collections.abc import Callable
from concurrent.futures import Executor
from contextlib import suppress
from typing import Any

import msgspec

from server.store.database import Database
from server.store.database.stored import stored_from
from server.store.feeds.group import Group, Waiter, Watch
from server.store.feeds.rules import EVERYTHING, Index, Rule

#: Changes that are judged without a pause, and bytes that are too many to be decoded in the event loop.
_SLICE = 100
_LARGE = 1 << 18
#: Groups that are kept though nobody belongs to them.
RECENT = 32
_CHANGED = "SELECT seq, id, rev, deleted, body, atts FROM doc WHERE seq > ? ORDER BY seq LIMIT ?"


class Board:
    """The feeds that wait for changes of one database. For the event loop alone."""

    def __init__(self, db: Database, threads: Executor) -> None:
        self.db = db
        #: Where functions of design documents are called.
        self.threads = threads
        self._loop = asyncio.get_running_loop()
        self._groups: weakref.WeakValueDictionary[bytes, Group] = weakref.WeakValueDictionary()
        self._quick: Index[Group] = Index(lambda group: group.rule.conditions)
        self._watch = Watch()
        #: Groups that take everything, or whose rules take threads.
        self._others: set[Group] = set()
        self._stop: Callable[[], None] | None = None
        self._rung = False
        self._judging: asyncio.Task[None] | None = None

    def group(self, rule: Rule) -> Group:
        """The group of all feeds with that filter."""
        found = self._groups.get(rule.key)
        if found is None:
            found = self._groups[rule.key] = Group(self, rule, Watch() if rule.test is None else self._watch)
        return found

    def join(self, group: Group, since: int) -> Waiter | None:
        """Have a feed wait that has seen everything up to `since`; None if more than that is behind us already."""
        watch = group.watch
        if not (self._quick if watch is self._watch else group.waiters):
            watch.seen = min(since, self.db.update_seq())
        elif since < watch.seen:
            return None
        waiter = Waiter(since, watch)
        if not group.waiters:
            self._enter(group)
        group.waiters.add(waiter)
        if self.db.update_seq() > since or self.db.closed:
            self._ring()
        return waiter

    def leave(self, group: Group, waiter: Waiter) -> None:
        """A feed waits no more."""
        group.waiters.discard(waiter)
        if group.waiters:
            return
        if group.watch is self._watch:
            self._quick.remove(group)
        else:
            self._others.discard(group)
        if not self._quick and not self._others and self._stop is not None:
            self._stop()
            self._stop = None

    def _enter(self, group: Group) -> None:
        if group.watch is self._watch:
            self._quick.add(group)
        else:
            self._others.add(group)
        if self._stop is None:
            self._stop = self.db.listen(self._ring)

    def _ring(self) -> None:
        """Something has happened; from any thread."""
        if not self._rung:
            self._rung = True
            with suppress(RuntimeError):
                self._loop.call_soon_threadsafe(self._look)

    def _look(self) -> None:
        self._rung = False
        if self.db.closed:
            self._wake_all()
            return
        for group in tuple(self._others):
            if group.rule.wanted is None:
                group.wake(group.watch.seen)
            else:
                group.follow()
        if self._judging is None and self._quick:
            self._judging = self._loop.create_task(self._judge())

    def _wake_all(self) -> None:
        for group in (*self._others, *self._quick):
            group.wake(0)

    async def _judge(self) -> None:
        try:
            while self._quick and self._watch.seen < self.db.update_seq():
                await self._judge_some()
        except Exception:
            # Each feed has to find out for itself what is wrong, and tell its client.
            self._wake_all()
        finally:
            self._judging = None

    async def _judge_some(self) -> None:
        target, since = self.db.update_seq(), self._watch.seen
        with self.db.reader() as connection:
            rows: list[Any] = connection.execute(_CHANGED, (since, _SLICE)).fetchall()
        if sum(len(row[4]) for row in rows) > _LARGE:
            docs = await self._loop.run_in_executor(None, _decoded, rows)
        else:
            docs = _decoded(rows)
        last = rows[-1][0] if rows else since
        woken = {group for doc in docs for group in self._quick.candidates(doc) if _is_passed(group, doc)}
        self._watch.seen = last if len(rows) == _SLICE else max(last, target)
        self._watch.passed_at = self._loop.time()
        for group in woken:
            group.wake(since)
        await asyncio.sleep(0)


class Boards:
    """The boards of all databases, and the latest groups: those who ask time and again find theirs as they left it."""

    def __init__(self) -> None:
        self._boards: weakref.WeakValueDictionary[str, Board] = weakref.WeakValueDictionary()
        self._recent: deque[Group] = deque(maxlen=RECENT)

    def group(self, db: Database, threads: Executor, rule: Rule = EVERYTHING) -> Group:
        """The group of the feeds of a database with that filter."""
        board = self._boards.get(db.uuid)
        if board is None or board.db is not db:
            board = self._boards[db.uuid] = Board(db, threads)
        found = board.group(rule)
        if found in self._recent:
            self._recent.remove(found)
        self._recent.append(found)
        return found


def _decoded(rows: list[Any]) -> list[Any]:
    return [msgspec.json.decode(stored_from(*row[1:]).json()) for row in rows]


def _is_passed(group: Group, doc: Any) -> bool:
    return group.rule.test is not None and group.rule.test(doc)
