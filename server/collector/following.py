"""Following the changes of a database for one duty, from where its cursor stands."""

import logging
from collections.abc import Sequence

from crashfarm.database import Database
from crashfarm.documents.base import Json
from crashfarm.documents.cursor import Cursor, cursor_id
from crashfarm.errors import Conflict, DatabaseError, InvalidDocument
from crashfarm.settings import Farm
from crashfarm.times import Clock, to_text
from server.collector.duty import Changed, Duty

PAGE = 500
"""Changes that are read at once, and documents that a duty is given at most."""

KEEP_EVERY = 1000
"""Changes of no concern after which the cursor is written all the same, to be spared them after a restart."""

log = logging.getLogger("crashfarm.collector")


class Follower:
    """Gives one duty what has changed. Methods raise DatabaseError; what was not done then is given again."""

    def __init__(self, farm: Farm, duty: Duty, clock: Clock) -> None:
        self.duty = duty
        self._status = farm.status
        self._source = farm.history if duty.of_history else farm.status
        self._clock = clock
        self._cursor: Cursor | None = None
        self._passed = 0

    def catch_up(self) -> int:
        """Have the duty done for all that has changed; how many things it did."""
        cursor = self._cursor or self._begin()
        done = 0
        while True:
            answer = self._source.changes(since=cursor.position["seq"], limit=PAGE)
            changed = self._read(answer["results"])
            done += self._do(changed) if changed else 0
            cursor = self._keep(cursor.evolve(position=cursor.position | {"seq": answer["last_seq"]}), answer, changed)
            if len(answer["results"]) < PAGE:
                return done + self._finish()

    def _finish(self) -> int:
        try:
            return self.duty.finish() if self.duty.finish else 0
        except DatabaseError:
            raise
        except Exception:
            log.exception("%s: what is to be done in the end", self.duty.name)
            return 0

    def _begin(self) -> Cursor:
        """The cursor as it is stored, or a new one; one of another database of the same name begins anew."""
        name = cursor_id(f"collector-{self.duty.name}")
        info = self._source.info()
        instance = info.get("instance_start_time", "")
        found = _read_cursor(self._status, name)
        if found.position.get("instance") == instance and "seq" in found.position:
            return found
        start = info["update_seq"] if self.duty.from_now and not found.position else 0
        return found.evolve(position={"seq": start, "instance": instance})

    def _read(self, results: Sequence[Json]) -> list[Changed]:
        """The documents of concern, as they are now."""
        ids = list(dict.fromkeys(row["id"] for row in results if row["id"].startswith(self.duty.prefix)))
        if not ids:
            return []
        rows = self._source.all_docs(keys=ids, include_docs=True).rows
        return [Changed(id, row.doc) for id, row in zip(ids, rows, strict=True)]

    def _do(self, changed: Sequence[Changed]) -> int:
        try:
            return self.duty.do(changed)
        except DatabaseError:
            raise
        except Exception:
            log.exception("%s: a page of %d documents; trying one by one", self.duty.name, len(changed))
            return sum(self._do_one(one) for one in changed)

    def _do_one(self, one: Changed) -> int:
        try:
            return self.duty.do([one])
        except DatabaseError:
            raise
        except Exception:
            log.exception("%s: %s is passed over", self.duty.name, one.id)
            return 0

    def _keep(self, cursor: Cursor, answer: Json, changed: Sequence[Changed]) -> Cursor:
        """Remember where we stand. Written only when something was done: a cursor's own change must not move it."""
        self._passed += len(answer["results"])
        if changed or self._passed >= KEEP_EVERY:
            self._passed = 0
            cursor = self._write(cursor)
        self._cursor = cursor
        return cursor

    def _write(self, cursor: Cursor) -> Cursor:
        """Another collector may be ahead of us or behind us: either of both positions is good."""
        cursor = cursor.evolve(updated_at=to_text(self._clock()))
        try:
            return cursor.evolve(rev=self._status.put(cursor.to_doc()))
        except Conflict:
            return cursor.evolve(rev=_read_cursor(self._status, cursor.id).rev)


def _read_cursor(status: Database, name: str) -> Cursor:
    doc = status.get(name)
    if doc is None:
        return Cursor(id=name)
    try:
        return Cursor.from_doc(doc)
    except InvalidDocument:
        return Cursor(id=name, rev=doc["_rev"])
