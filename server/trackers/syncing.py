"""Following a tracker: what has changed since the last time, a page at a time, each stored before the cursor moves."""

from collections.abc import Callable
from dataclasses import dataclass, field

import msgspec

from crashfarm.database import Database
from crashfarm.documents.bug import Bug
from crashfarm.documents.cursor import Cursor, cursor_id
from crashfarm.errors import Conflict, InvalidDocument
from crashfarm.times import Clock, to_text
from server.bugs import storing
from server.trackers.errors import TrackerError
from server.trackers.source import Position, Source, tell

TRIES = 5


@dataclass
class Synced:
    """What a sync did, and what of the tracker's answers could not be read."""

    stored: storing.Stored = field(default_factory=storing.Stored)
    bad: list[str] = field(default_factory=list)


def sync(
    status: Database, source: Source, clock: Clock, advance: Callable[[int], None], *, anew: bool = False
) -> Synced:
    """Bring in what has changed at a tracker. Raises TrackerError; what was stored before counts all the same."""
    done = Synced()
    position = Position(query=source.query) if anew else read_position(status, source)
    read = 0
    while True:
        now = to_text(clock())
        page = source.read(position, now)
        done.stored += storing.store(status, page.bugs, from_tracker)
        done.bad += page.bad
        read += len(page.bugs)
        advance(read)
        if page.more and page.next == position:
            raise TrackerError(source.tracker, position.since or "the first page", "the same page comes again")
        position = page.next
        _write(status, source, position, now)
        if not page.more:
            return done


def from_tracker(present: Bug | None, told: Bug) -> Bug:
    """How a tracker's bug is merged: the tracker knows best, but for what people have added here.

    Matchers are added up. Branches on which it is fixed count as told, unless nothing is told. An answer that is
    older than what is stored changes nothing.
    """
    if present is None:
        return told
    if told.updated_at < present.updated_at:
        return present
    return present.evolve(
        title=told.title,
        state=told.state,
        resolution=told.resolution,
        url=told.url or present.url,
        matchers=tuple(dict.fromkeys((*present.matchers, *told.matchers))),
        fixed_on=told.fixed_on or present.fixed_on,
        updated_at=told.updated_at,
        closed_at=told.closed_at,
        moved_to=told.moved_to,
    )


def read_position(status: Database, source: Source) -> Position:
    """Where the reading of this source stands; at the beginning for one that was never asked for these bugs."""
    try:
        found = msgspec.convert(_read(status, source.tracker).position, Position)
    except msgspec.ValidationError:
        found = Position()
    return found if found.query == source.query else Position(query=source.query)


def _write(status: Database, source: Source, position: Position, now: str) -> None:
    """Move the cursor. Two that sync at once both stored what they read: the last one's position is good."""
    for _ in range(TRIES):
        cursor = _read(status, source.tracker)
        if cursor.position == tell(position):
            return
        try:
            status.put(cursor.evolve(position=tell(position), updated_at=now).to_doc())
        except Conflict:
            continue
        return


def _read(status: Database, tracker: str) -> Cursor:
    name = cursor_id(f"tracker-{tracker}")
    doc = status.get(name)
    try:
        return Cursor.from_doc(doc) if doc else Cursor(id=name)
    except InvalidDocument:
        return Cursor(id=name, rev=(doc or {}).get("_rev"))
