"""All indexes of the store: found by what design documents ask for, built on demand, dropped when unwanted."""

import contextlib
import functools
import os
import shutil
import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, Protocol

import apsw
import msgspec

from server.store.collation import encoder
from server.store.database import failures
from server.store.errors import JavaScriptError, NotFound, StoreError
from server.store.javascript.pool import JavaScript
from server.store.views import answer, design
from server.store.views.build import Documents
from server.store.views.design import Group, Place
from server.store.views.index import Index, remove
from server.store.views.mapping import Mapper, javascript_mapper
from server.store.views.options import Options
from server.store.views.reduces import JavaScriptReduce, Reducer, reducer
from server.store.views.selected import IndexMapper

#: Builds that run at the same time; each has a thread, and JavaScript ones a child process from a pool of their own.
BUILDERS = 8

#: Groups, or rows with their documents, that are quickly read.
FEW = 20

_parse = functools.lru_cache(maxsize=256)(design.parse)


class Database(Documents, Protocol):
    """What views need of a database beyond its documents."""

    def design_docs(self) -> list[bytes]: ...
    def winner(self, doc_id: str, /) -> object | None: ...


class Catalog(Protocol):
    """Where the indexes of a database are kept."""

    def views_folder(self, uuid: str, /) -> Path: ...


class Query(msgspec.Struct, frozen=True):
    """A view to be read: its index, the place of its rows there, and the checked options."""

    index: Index
    place: Place
    options: Options
    reducing: bool

    @property
    def is_quick(self) -> bool:
        """True when the first piece of the answer takes well under a millisecond, so that no thread is needed."""
        options = self.options
        if options.keys is not None or options.skip:
            return False
        few = options.limit is not None and options.limit <= FEW
        if self.reducing:
            return (few or not options.group_level) and not self.is_scripted
        return few or not options.include_docs

    @property
    def is_scripted(self) -> bool:
        """True when reading calls a function of a design document."""
        return self.reducing and isinstance(self._reducer(), JavaScriptReduce)

    def _reducer(self) -> Reducer:
        return self.index.reducer(self.place.map, self.place.reduce or 0)

    def pieces(self, fetch: answer.FetchDocs) -> Iterator[bytes]:
        """The answer as pieces of JSON text; holds one state of the index until it is read to its end or closed."""
        encode = encoder(self.index.group.maps[self.place.map].collation)
        with self.index.reading() as connection:
            reader = self.index.reader(connection, self.place.map)
            seq = self.index.seq_text() if self.options.update_seq else None
            if self.reducing:
                at = self.place.reduce or 0
                yield from answer.reduced_answer(reader, self._reducer(), at, self.options, encode, seq)
            else:
                yield from answer.rows_answer(reader, self.options, encode, seq, fetch)


class ViewServer:
    """Every view of every database. Thread-safe."""

    def __init__(self, catalog: Catalog, javascript: JavaScript) -> None:
        self._catalog = catalog
        self._javascript = javascript
        self._lock = threading.Lock()
        self._indexes: dict[tuple[str, str], Index] = {}
        self._executor = ThreadPoolExecutor(BUILDERS, thread_name_prefix="views")

    def check_design(self, ddoc: bytes) -> None:
        """Refuse a design document that is malformed or whose functions do not compile, as CouchDB does on writing."""
        group = design.check(ddoc)
        if group.language != "javascript":
            return
        for name, place in group.places.items():
            one = group.maps[place.map]
            self._compile(one.source, group.lib, f"map function in the '{name}' view")
            if place.reduce is not None and not one.reduces[place.reduce].startswith("_"):
                self._compile(one.reduces[place.reduce], "{}", f"reduce function in the '{name}' view")
            elif place.reduce is not None:
                reducer(one.reduces[place.reduce], self._javascript.reduce)

    def query(self, db: Database, ddoc_id: str, view: str, options: Options) -> Query:
        """A view's query, checked against the design document. Raises what CouchDB answers if it cannot be."""
        index = self.index(db, ddoc_id)
        place = index.group.place(view)
        reducing = options.check(place.reduce is not None, encoder(index.group.maps[place.map].collation))
        return Query(index, place, options, reducing)

    def index(self, db: Database, ddoc_id: str) -> Index:
        """The index of a design document; it may be behind. NotFound when there is no such design document."""
        body = db.get_winner(ddoc_id)
        if body is None:
            raise NotFound("missing" if db.winner(ddoc_id) is None else "deleted")
        index = self.index_of(db, _parse(body))
        index.design_id = ddoc_id
        return index

    def index_of(self, db: Database, group: Group) -> Index:
        """The index of a group of views."""
        key = db.uuid, group.signature
        found = self._indexes.get(key)
        if found is not None and not found.is_damaged:
            return found
        with self._lock:
            found = self._indexes.get(key)
            if found is not None and found.is_damaged:
                self._indexes.pop(key).close()
                remove(found.path)
            if key not in self._indexes:
                self._indexes[key] = self._open(db, group)
            return self._indexes[key]

    def _open(self, db: Database, group: Group) -> Index:
        reducers = [[reducer(each, self._javascript.reduce) for each in one.reduces] for one in group.maps]
        try:
            return Index(self._path(db.uuid, group.signature), db, group, reducers)
        except (apsw.Error, OSError) as exc:
            raise failures.explain(exc, db.name) from exc

    def freshen(self, index: Index) -> "Future[None]":
        """Have an index brought up to the database's present state."""
        return index.freshen(self._executor, self._new_mapper)

    def cleanup(self, db: Database) -> None:
        """Delete the indexes that no design document of a database asks for."""
        wanted = {signature for signature in map(_signature, db.design_docs()) if signature}
        with self._lock:
            for key in [key for key in self._indexes if key[0] == db.uuid and key[1] not in wanted]:
                self._indexes.pop(key).close()
        for path in self._catalog.views_folder(db.uuid).glob("*.sqlite"):
            if path.stem not in wanted:
                remove(path)

    def database_deleted(self, uuid: str) -> None:
        """A database is gone: so are its indexes, whether anybody asked for them since the start or not."""
        with self._lock:
            for key in [key for key in self._indexes if key[0] == uuid]:
                self._indexes.pop(key).close()
        shutil.rmtree(self._catalog.views_folder(uuid), ignore_errors=True)

    def active_tasks(self) -> list[dict[str, Any]]:
        """The builds that run, as `_active_tasks` shows them."""
        with self._lock:
            indexes = list(self._indexes.values())
        return [task for task in map(_task, indexes) if task is not None]

    def close(self) -> None:
        """Let go of all files; builds that run end where they are."""
        with self._lock:
            for index in self._indexes.values():
                index.close()
            self._indexes.clear()
        self._javascript.builders.interrupt()
        self._executor.shutdown(wait=True)

    def _new_mapper(self, group: Group) -> contextlib.AbstractContextManager[Mapper]:
        if group.language == "query":
            return contextlib.nullcontext(IndexMapper(group, self._javascript.select))
        if group.language != "javascript":
            raise StoreError(400, "unknown_query_language", group.language)
        return javascript_mapper(self._javascript, group)

    def _compile(self, source: str, lib: str, what: str) -> None:
        try:
            self._javascript.compile([source], lib)
        except JavaScriptError as exc:
            reason = f"Compilation of the {what} failed: {exc.reason}"
            raise JavaScriptError(reason, "compilation_error", 400) from exc

    def _path(self, uuid: str, signature: str) -> Path:
        return self._catalog.views_folder(uuid) / f"{signature}.sqlite"


def _signature(ddoc: bytes) -> str | None:
    try:
        return _parse(ddoc).signature
    except StoreError:
        return None


def _task(index: Index) -> dict[str, Any] | None:
    progress = index.progress
    if progress is None:
        return None
    total = max(progress.total, progress.done, 1)
    return {
        "type": "indexer",
        "node": "nonode@nohost",
        "pid": f"<0.{os.getpid()}.0>",
        "process_status": "running",
        "database": index.docs.name,
        "design_document": index.design_id,
        "indexer_pid": f"<0.{os.getpid()}.0>",
        "changes_done": progress.done,
        "total_changes": total,
        "progress": progress.done * 100 // total,
        "started_on": progress.started,
        "updated_on": progress.updated,
    }
