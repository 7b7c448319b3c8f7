"""Reading all stored logs again after the rules have changed: what would move, and then moving it.

It goes through the results in the order of their ids, a page at a time, and keeps in a cursor where it stands, so that
it goes on after an interruption. Before it writes a page it notes in the cursor which tuples that may leave without a
result: however it is interrupted, they are looked at.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence

import msgspec

from crashfarm import times
from crashfarm.answers import Outcome
from crashfarm.documents.base import Json
from crashfarm.documents.cursor import Cursor, cursor_id
from crashfarm.documents.history import Sighting
from crashfarm.documents.result import Result
from crashfarm.errors import Conflict, InvalidDocument, Refused
from crashfarm.settings import Farm
from crashfarm.times import Clock
from crashfarm.understand import RULES_VERSION
from server.certainty import refiling, rereading
from server.certainty.rereading import Bucket, Move
from server.queries import paging

CURSOR = cursor_id("reprocess")
PAGE = 25
"""Results that are read, and written, at once; their logs are read one by one."""

PREFIX = "result:"


class Tally(msgspec.Struct):
    """What was met on the way: results by what became of them, and moves with an example of each."""

    read: int = 0
    current: int = 0
    without_log: int = 0
    changed: int = 0
    same: int = 0
    skipped: int = 0
    removed: int = 0
    moves: Counter[tuple[Bucket, Bucket]] = msgspec.field(default_factory=Counter)
    examples: dict[tuple[Bucket, Bucket], str] = msgspec.field(default_factory=dict)

    @property
    def seen(self) -> int:
        """All results that were looked at."""
        return self.read + self.current + self.without_log + self.skipped

    def note(self, result: Result, moved: Iterable[Move]) -> None:
        """Count what moves of a result."""
        for move in moved:
            self.moves[move.buckets] += 1
            self.examples.setdefault(move.buckets, result.id)


class Reread(msgspec.Struct, frozen=True):
    """A result before and after, and what of it is filed elsewhere."""

    before: Result
    after: Result
    moves: tuple[Move, ...]


Told = Callable[[int], None]
"""Is told how many results were looked at so far."""


class Reprocessor:
    """Reads stored logs again. Methods raise DatabaseError; what was not done then is done when asked again."""

    def __init__(self, farm: Farm, clock: Clock, *, all_of_them: bool = False) -> None:
        self._farm = farm
        self._clock = clock
        self._all = all_of_them
        self.tally = Tally()

    def total(self) -> int:
        """How many results there are."""
        return paging.total(self._farm.history, "results", "by_source")

    def preview(self, told: Told) -> Tally:
        """What would move; nothing is written."""
        for page in self._pages(PREFIX):
            list(self._reread(page))
            told(self.tally.seen)
        return self.tally

    def run(self, told: Told) -> Tally:
        """Read again what older rules have read, and file it anew; goes on where an interrupted run stood."""
        cursor = self._begin()
        self._correct(cursor.position["tuples"])
        for page in self._pages(cursor.position["after"]):
            found = list(self._reread(page))
            cursor = self._keep(cursor, cursor.position["after"], self._left_by(found))
            self._write(found)
            self._correct(cursor.position["tuples"])
            cursor = self._keep(cursor, page[-1]["_id"], [])
            told(self.tally.seen)
        self._keep(cursor, PREFIX, [])
        return self.tally

    def _pages(self, after: str) -> Iterator[Sequence[Json]]:
        """Results behind an id, in the order of their ids."""
        while True:
            end = PREFIX + "\ufff0"
            rows = self._farm.history.all_docs(startkey=after, endkey=end, include_docs=True, limit=PAGE + 1).rows
            page = [row.doc for row in rows if row.doc and row.doc["_id"] != after][:PAGE]
            if not page:
                return
            yield page
            after = page[-1]["_id"]

    def _reread(self, page: Iterable[Json]) -> Iterator[Reread]:
        for doc in page:
            if (result := self._due(doc)) and (found := self._read_one(result)):
                yield found

    def _due(self, doc: Json) -> Result | None:
        try:
            result = Result.from_doc(doc)
        except InvalidDocument:
            self.tally.skipped += 1
            return None
        if result.parser_version == RULES_VERSION and not self._all:
            self.tally.current += 1
            return None
        return result

    def _read_one(self, result: Result) -> Reread | None:
        after = rereading.read_again(self._farm.history, result)
        if after is None:
            self.tally.without_log += 1
            return None
        self.tally.read += 1
        moved = _moves(result, after)
        self.tally.note(result, moved)
        if moved:
            self.tally.changed += 1
        else:
            self.tally.same += 1
        return Reread(result, after, moved)

    def _write(self, found: Sequence[Reread]) -> None:
        """Enter the new tuples, then write the results by their revisions; one that has changed is read anew."""
        for _ in range(refiling.TRIES):
            self._enter(found)
            written = [one for one in found if one.after.to_doc() != one.before.to_doc()]
            met = _conflicts(self._farm.history.bulk([one.after.to_doc() for one in written]))
            refiling.carry_notes(self._farm.history, (move for one in written for move in one.moves))
            if not met:
                return
            rows = self._farm.history.all_docs(keys=sorted(met), include_docs=True).rows
            found = [again for row in rows if row.doc and (again := self._read_quietly(row.doc))]
        raise Conflict(f"{found[0].before.id} keeps changing")

    def _read_quietly(self, doc: Json) -> Reread | None:
        """Read a result again that has changed meanwhile; it is counted already."""
        before = Result.from_doc(doc)
        after = rereading.read_again(self._farm.history, before)
        return Reread(before, after, _moves(before, after)) if after else None

    def _enter(self, found: Iterable[Reread]) -> None:
        for one in found:
            moved = [_sightings(one, move) for move in one.moves if move.before and move.after]
            come = [rereading.sighting(one.after, move.after) for move in one.moves if move.after]
            refiling.enter(self._farm.history, come, moved)

    def _left_by(self, found: Iterable[Reread]) -> list[refiling.TupleKey]:
        """The tuples of which something changes without a new sighting: those that are left, and those retitled."""
        touched = {key for one in found for key in _touched(one)}
        return sorted(touched)

    def _correct(self, keys: Iterable[Sequence[str]]) -> None:
        self.tally.removed += refiling.correct(self._farm.history, [tuple(key) for key in keys])

    def _begin(self) -> Cursor:
        """The cursor; one of other rules begins anew."""
        doc = self._farm.status.get(CURSOR)
        found = Cursor.from_doc(doc) if doc else Cursor(id=CURSOR)
        if found.position.get("rules") == RULES_VERSION and "after" in found.position:
            return found
        left = found.position.get("tuples", [])
        return found.evolve(position={"rules": RULES_VERSION, "after": PREFIX, "tuples": left})

    def _keep(self, cursor: Cursor, after: str, keys: Sequence[refiling.TupleKey]) -> Cursor:
        """Remember where we stand. Raises Conflict if somebody else reprocesses the same farm."""
        position = {"rules": RULES_VERSION, "after": after, "tuples": [list(key) for key in keys]}
        moved = cursor.evolve(position=position, updated_at=times.to_text(self._clock()))
        try:
            return moved.evolve(rev=self._farm.status.put(moved.to_doc()))
        except Conflict as exc:
            raise Conflict("somebody else reprocesses this farm at the same time") from exc


def _moves(before: Result, after: Result) -> tuple[Move, ...]:
    """What is filed elsewhere. Of an experiment nothing is filed, but who asks it again reads what it says now."""
    return () if before.probe else tuple(rereading.moves(before, after))


def _touched(one: Reread) -> Iterator[refiling.TupleKey]:
    if one.before.probe:
        return
    after = {refiling.key_of(rereading.sighting(one.after, found)): found for found in one.after.findings}
    for found in one.before.findings:
        key = refiling.key_of(rereading.sighting(one.before, found))
        now = after.get(key)
        if now is None or (now.title, now.severity) != (found.title, found.severity):
            yield key


def _sightings(one: Reread, move: Move) -> tuple[Sighting, Sighting]:
    assert move.before is not None and move.after is not None  # noqa: S101
    return rereading.sighting(one.before, move.before), rereading.sighting(one.after, move.after)


def _conflicts(outcomes: Iterable[Outcome]) -> set[str]:
    outcomes = list(outcomes)
    if wrong := [one for one in outcomes if one.error not in (None, "conflict")]:
        raise Refused(f"{wrong[0].id} was refused: {wrong[0].reason or wrong[0].error}")
    return {one.id for one in outcomes if one.error}
