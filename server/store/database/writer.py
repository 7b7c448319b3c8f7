"""Group commit: one thread per database takes every write that waits, and makes one durable transaction of them.

A write is answered only after the commit that carries it. Writes check before they change anything, so the usual
transaction needs no savepoints; if one write of a group fails in a way nobody foresaw, the group is rolled back and
its writes are repeated one by one, so that only the culprit fails.
"""

import asyncio
import logging
import threading
from concurrent.futures import Future
from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import Any, Protocol

import apsw

from server.store import memory
from server.store.database import schema
from server.store.database.edits import State, Transaction
from server.store.database.failures import explain
from server.store.errors import StoreError

_log = logging.getLogger(__name__)
_IDLE_SECONDS = 30.0
_LARGEST_GROUP = 500

_SAVE = "UPDATE state SET update_seq = ?, doc_count = ?, doc_del_count = ?, purge_seq = ?, next_blob = ?"


class Write(Protocol):
    """One request to change the database."""

    def apply(self, txn: Transaction) -> Any:
        """Change the database; what it returns is the answer, a StoreError is one too."""


class Host(Protocol):
    """What the writer needs of its database."""

    def open_writer(self) -> tuple[apsw.Connection, State]:
        """A connection that may write, and the counters."""

    def revs_limit(self) -> int:
        """How many revisions a branch keeps."""

    def before_group(self, txn: Transaction, writes: list[Any]) -> None:
        """Called in the transaction before the writes of a group."""

    def committing(self, txn: Transaction) -> None:
        """Called when a group is about to be written to the disk."""

    def committed(self, txn: Transaction) -> None:
        """Called when a group is on disk, before its writes are answered."""


class Writer:
    """The writing thread of one database; it starts with the first write and ends when idle."""

    def __init__(self, host: Host, name: str) -> None:
        self._host = host
        self._name = name
        self._queue: SimpleQueue[tuple[Write, Any]] = SimpleQueue()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._connection: apsw.Connection | None = None
        self._state: State | None = None
        self._closed = False

    def submit(self, write: Write) -> "asyncio.Future[Any]":
        """Queue a write from the event loop."""
        future = asyncio.get_running_loop().create_future()
        self._put(write, future)
        return future

    def run(self, write: Write) -> Any:
        """Do a write from another thread, and wait for it."""
        future: Future[Any] = Future()
        self._put(write, future)
        return future.result()

    def close(self) -> None:
        """Finish what waits, then let go of the file."""
        with self._lock:
            self._closed = True
            thread = self._thread
        if thread is not None:
            self._queue.put((_STOP, None))
            thread.join()
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _put(self, write: Write, future: Any) -> None:
        with self._lock:
            if self._closed:
                raise StoreError(404, "not_found", "Database does not exist.")
            self._queue.put((write, future))
            if self._thread is None:
                self._thread = threading.Thread(target=self._loop, name=f"write {self._name}", daemon=True)
                self._thread.start()

    def _loop(self) -> None:
        while True:
            group = self._next_group()
            if not group:
                return
            stopping = group[-1][0] is _STOP
            if stopping:
                group.pop()
            if group:
                self._deliver(group, self._commit([write for write, _ in group]))
            if stopping:
                return

    def _next_group(self) -> list[tuple[Write, Any]]:
        first = self._first()
        if first is None:
            return []
        group = [first]
        while len(group) < _LARGEST_GROUP and group[-1][0] is not _STOP:
            try:
                group.append(self._queue.get_nowait())
            except Empty:
                break
        return group

    def _first(self) -> tuple[Write, Any] | None:
        """The next write; None, with the file closed, when none came for a while and what was written is folded in."""
        while True:
            with suppress(Empty):
                return self._queue.get(timeout=_IDLE_SECONDS)
            if self._fold_in() and self._let_go():
                return None

    def _fold_in(self) -> bool:
        """Fold what was written into the file; False when a reader stands in the way."""
        if self._connection is None:
            return True
        self._connection.set_busy_timeout(0)
        try:
            [(busy, _, _)] = self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        except apsw.Error:
            return True
        finally:
            self._connection.set_busy_timeout(schema.BUSY_MS)
        return not busy

    def _let_go(self) -> bool:
        """Close the file, and end the thread; False when there is something to write again."""
        with self._lock:
            if not self._queue.empty():
                return False
            self._thread = None
            if self._connection is not None:
                self._connection.close()
                self._connection = None
        memory.give_back()
        return True

    def _commit(self, writes: list[Write]) -> list[Any]:
        try:
            return self._transact(writes)
        except Exception as error:
            if len(writes) > 1:
                return [self._commit([write])[0] for write in writes]
            return [explain(error, self._name)]

    def _transact(self, writes: list[Write]) -> list[Any]:
        connection, state = self._opened()
        txn = Transaction(connection, State(*state.values()), self._host.revs_limit())
        connection.execute("BEGIN IMMEDIATE")
        try:
            self._host.before_group(txn, writes)
            results = [_apply(write, txn) for write in writes]
            if txn.state.values() != state.values():
                connection.execute(_SAVE, txn.state.values())
            self._host.committing(txn)
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise
        self._state = txn.state
        self._host.committed(txn)
        return results

    def _opened(self) -> tuple[apsw.Connection, State]:
        if self._connection is None or self._state is None:
            self._connection, self._state = self._host.open_writer()
        return self._connection, self._state

    def _deliver(self, group: list[tuple[Write, Any]], results: list[Any]) -> None:
        waiting: list[tuple[asyncio.Future[Any], Any]] = []
        for (_, future), result in zip(group, results, strict=True):
            if isinstance(future, asyncio.Future):
                waiting.append((future, result))
            else:
                _settle(future, result)
        if waiting:
            loop = waiting[0][0].get_loop()
            try:
                loop.call_soon_threadsafe(_settle_all, waiting)
            except RuntimeError:
                _log.debug("the event loop closed before %d writes were answered", len(waiting))


class _Stop:
    def apply(self, txn: Transaction) -> Any:
        """Never called."""


_STOP = _Stop()


def _apply(write: Write, txn: Transaction) -> Any:
    try:
        return write.apply(txn)
    except StoreError as error:
        return error


def _settle_all(waiting: list[tuple["asyncio.Future[Any]", Any]]) -> None:
    for future, result in waiting:
        if not future.cancelled():
            _settle(future, result)


def _settle(future: Any, result: Any) -> None:
    if isinstance(result, Exception):
        future.set_exception(result)
    else:
        future.set_result(result)
