"""One index: its file, its connections, and the builds that keep it up to date."""

import contextlib
import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future
from pathlib import Path
from typing import Any

import apsw

from server.store import collation
from server.store.database import failures
from server.store.errors import NotFound, StoreError
from server.store.views import partials, tables
from server.store.views.build import Build, Change, Documents
from server.store.views.design import Group
from server.store.views.mapping import Mapper, Source
from server.store.views.ranges import Reader
from server.store.views.reduces import Reducer

_log = logging.getLogger(__name__)

#: A build of more documents than this gives back memory and the write-ahead log's space at its end.
MANY_DOCS = 10_000

DAMAGED = (apsw.NotADBError, apsw.CorruptError)

NewMapper = Callable[[Group], contextlib.AbstractContextManager[Mapper]]


class Progress:
    """How far a running build is."""

    def __init__(self, index: "Index", total: int) -> None:
        self._index = index
        self.total = total
        self.done = 0
        self.started = self.updated = int(time.time())

    def mapped(self, docs: int) -> None:
        """So many more documents are done. NotFound when the index is being closed."""
        self._index.check_open()
        self.done += docs
        self.updated = int(time.time())

    def committed(self, seq: int) -> None:
        """Readers see the index up to a sequence."""
        self._index.seq = seq


class Index:
    """The rows of one group of views over one database. Thread-safe."""

    def __init__(self, path: Path, docs: Documents, group: Group, reducers: list[list[Reducer]]) -> None:
        self.path = path
        self.docs = docs
        self.group = group
        self.design_id = ""
        self.progress: Progress | None = None
        self.is_damaged = False
        self._reducers = reducers
        self._readers: deque[apsw.Connection] = deque()
        self._closed = False
        self._turn = threading.Lock()
        self._running = False
        self._next: Future[None] | None = None
        self._writer = self._open()
        self._read_state()

    @property
    def is_fresh(self) -> bool:
        """True when every committed change of the database is indexed."""
        return self.seq >= self.docs.update_seq() and self.purge_seq == self.docs.purge_seq()

    @property
    def is_building(self) -> bool:
        """True while a build runs."""
        return self._running

    def reducer(self, place: int, reduce: int) -> Reducer:
        """One of the reduces of a map function."""
        return self._reducers[place][reduce]

    @contextlib.contextmanager
    def reading(self) -> Iterator[apsw.Connection]:
        """A connection that sees one state of the index until it is given back."""
        try:
            connection = self._lend()
            try:
                connection.execute("BEGIN")
                yield connection
            finally:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                self._take_back(connection)
        except apsw.Error as exc:
            raise self._explained(exc) from exc

    def reader(self, connection: apsw.Connection, place: int) -> Reader:
        """The rows of one map function, seen through a connection of `reading`."""
        return Reader(connection, place)

    def seq_text(self) -> str:
        """The sequence that is indexed, as clients see it."""
        return self.docs.seq_text(self.seq)

    def info(self) -> dict[str, Any]:
        """What `_info` tells of the index."""
        with self.reading() as connection:
            page = connection.pragma("page_size")
            used = page * (connection.pragma("page_count") - connection.pragma("freelist_count"))
        sides = (Path(f"{self.path}{end}") for end in ("", "-wal"))
        size = sum(each.stat().st_size for each in sides if each.exists())
        pending = max(self.docs.update_seq() - self.seq, 0)
        return {
            "updates_pending": {"minimum": pending, "preferred": pending, "total": pending},
            "waiting_commit": False,
            "waiting_clients": int(self._next is not None),
            "updater_running": self._running,
            "update_seq": self.seq,
            "sizes": {"file": size, "external": used, "active": used},
            "signature": self.group.signature,
            "purge_seq": self.purge_seq,
            "language": self.group.language,
            "compact_running": False,
            "collator_versions": [collation.VERSION],
        }

    def freshen(self, executor: Executor, new_mapper: NewMapper) -> "Future[None]":
        """Have a build begin after this moment, and give its future; those who ask while one waits share it."""
        with self._turn:
            if self._running:
                self._next = self._next or Future()
                return self._next
            self._running = True
            future: Future[None] = Future()
        executor.submit(self._run_builds, future, new_mapper)
        return future

    def close(self) -> None:
        """Let go of the file, once a build that runs has ended."""
        self._closed = True
        while self._readers:
            self._readers.pop().close()
        with self._turn:
            if not self._running:
                self._writer.close()

    def _run_builds(self, future: "Future[None]", new_mapper: NewMapper) -> None:
        waiting: Future[None] | None = future
        while waiting is not None:
            try:
                self._build(new_mapper)
            except apsw.Error as exc:
                waiting.set_exception(self._explained(exc))
            except BaseException as exc:
                waiting.set_exception(exc)
            else:
                waiting.set_result(None)
            with self._turn:
                waiting, self._next = self._next, None
                self._running = waiting is not None
        if self._closed:
            self._writer.close()

    def _build(self, new_mapper: NewMapper) -> None:
        self.check_open()
        if self.is_fresh:
            return
        build = Build(self._writer, len(self.group.maps), self.docs, self._prepare)
        self.progress = progress = Progress(self, build.target - build.seq)
        try:
            with new_mapper(self.group) as mapper:
                build.run(mapper, progress)
            self._store_reductions()
            self._read_state()
            if progress.done > MANY_DOCS:
                tables.tidy(self._writer)
        finally:
            self.progress = None

    def check_open(self) -> None:
        """NotFound once the index is closed."""
        if self._closed:
            raise NotFound("missing")

    def _explained(self, error: apsw.Error) -> StoreError:
        """The answer to a client; an index that turns out to be damaged is made anew when it is next asked for."""
        self.is_damaged = self.is_damaged or isinstance(error, DAMAGED)
        return failures.explain(error, f"{self.docs.name} (index {self.path.name})")

    def _store_reductions(self) -> None:
        """Fill in the tree. Failing functions are left to the queries that need them."""
        for place, reducers in enumerate(self._reducers):
            if not partials.needs_storing(reducers):
                continue
            try:
                with self._writer:
                    for _ in partials.store_missing(self._writer, place, reducers):
                        if self._closed:
                            return
            except StoreError as exc:
                _log.warning("reducing a view of %s in %s: %s", self.design_id, self.docs.name, exc)

    def _prepare(self, change: Change) -> Source | None:
        if change.deleted or (change.id.startswith("_design/") and not self.group.include_design):
            return None
        body = change.body
        if self.group.local_seq:
            body = body[:-1] + b',"_local_seq":%d}' % change.seq
        return Source(change.id, body)

    def _read_state(self) -> None:
        meta = tables.read_meta(self._writer)
        self.seq, self.purge_seq = int(meta["seq"]), int(meta["purge_seq"])

    def _open(self) -> apsw.Connection:
        self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        try:
            connection = tables.connect(self.path, write=True)
            if tables.is_current(connection, self.docs.uuid, self.docs.update_seq()):
                return connection
            connection.close()
        except DAMAGED as exc:
            _log.warning("index %s is damaged (%s) and is made anew", self.path, exc)
        remove(self.path)
        connection = tables.connect(self.path, write=True)
        stores = [partials.needs_storing(reducers) for reducers in self._reducers]
        tables.create(connection, self.docs.uuid, stores, self.docs.purge_seq())
        return connection

    def _lend(self) -> apsw.Connection:
        self.check_open()
        try:
            return self._readers.pop()
        except IndexError:
            return tables.connect(self.path, write=False)

    def _take_back(self, connection: apsw.Connection) -> None:
        if self._closed:
            connection.close()
        else:
            self._readers.append(connection)


def remove(path: Path) -> None:
    """Delete an index file with what SQLite keeps beside it."""
    for end in ("", "-wal", "-shm"):
        Path(f"{path}{end}").unlink(missing_ok=True)
