"""Bringing databases and design documents to what this version of the program needs.

Views are built under a staged name and swapped in when they are ready: readers never wait for an index. CouchDB keeps
indexes by what the views say, so the built index is the live one's from the moment of the swap. Every step may be
repeated, done by two at once, or be the last before the power fails.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence

import msgspec

from crashfarm.database import Database
from crashfarm.errors import ConfigError, Conflict, DatabaseUnavailable, NotFound, UnexpectedAnswer
from crashfarm.settings import Farm
from server.deploy import charts, security
from server.deploy.sources import DOOR, HISTORY, MARK, STATUS, Design, Json, load

TRIES = 10
"""How often a design document is pushed again when somebody else pushes it, too."""

_ENDS = ("-history", "-door")
"""What the names of a farm's other databases end in."""

Advance = Callable[[int], None]
"""Called with how many views are ready so far."""


class Pushed(msgspec.Struct, frozen=True):
    """What a push did. Design documents are named `<database>/<design>`."""

    created: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    unchanged: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    troubles: tuple[str, ...] = ()

    def __str__(self) -> str:
        parts = [f"{word} {', '.join(names)}" for word, names in self._news() if names]
        if self.unchanged:
            parts.append(f"{len(self.unchanged)} design documents were up to date")
        return "; ".join((*parts, *self.troubles))

    def joined(self, other: "Pushed") -> "Pushed":
        """What both pushes did."""
        return Pushed(*(getattr(self, name) + getattr(other, name) for name in self.__struct_fields__))

    def _news(self) -> Iterator[tuple[str, tuple[str, ...]]]:
        yield "created the databases", self.created
        yield "pushed", self.changed
        yield "removed", self.removed


def push(
    farm: Farm, advance: Advance, designs: Sequence[Design] | None = None, fetch: charts.Fetch | None = None
) -> Pushed:
    """Create what is missing, let the farm's people in, push what changed, remove what is no more.

    `fetch` gets what the dashboard draws its charts with, where the farm does not have it.

    Raises ConfigError for a farm's name that hides which database is which, and DatabaseError.
    """
    if taken := [end for end in _ENDS if farm.status.name.endswith(end)]:
        raise ConfigError(
            f"the farm's name {farm.status.name!r} must not end in '{taken[0]}': another of its databases' does"
        )
    wanted, troubles = _with_charts(farm, load() if designs is None else designs, fetch)
    ready = _Counter(advance)
    pushed = Pushed(troubles=troubles)
    for place, db, secure in (
        (STATUS, farm.status, security.secure),
        (HISTORY, farm.history, security.secure),
        (DOOR, door(farm), security.open_to_all),
    ):
        created = farm.connection.create(db.name)
        secure(db)
        news = _push_one(db, [design for design in wanted if place in design.places], ready)
        pushed = pushed.joined(msgspec.structs.replace(news, created=(db.name,) if created else ()))
    return pushed


def door(farm: Farm) -> Database:
    """The farm's database that is open to strangers."""
    return farm.connection.database(f"{farm.status.name}-door")


def _with_charts(
    farm: Farm, designs: Sequence[Design], fetch: charts.Fetch | None
) -> tuple[list[Design], tuple[str, ...]]:
    completed = {one.name: charts.complete(farm.status, one, fetch) for one in designs if one.name == charts.DESIGN}
    wanted = [completed[one.name][0] if one.name in completed else one for one in designs]
    return wanted, tuple(trouble for _, trouble in completed.values() if trouble)


class _Counter:
    """Counts views that are ready, over all design documents."""

    def __init__(self, advance: Advance) -> None:
        self._advance = advance
        self._done = 0

    def __call__(self) -> None:
        self._done += 1
        self._advance(self._done)


def _push_one(db: Database, designs: Sequence[Design], ready: Callable[[], None]) -> Pushed:
    news = {design.name: _push_design(db, design, ready) for design in designs}
    removed = _remove_others(db, {design.id for design in designs})
    if any(news.values()) or removed:
        db.post_json("_view_cleanup", body={})
    return Pushed(
        changed=_named(db, (name for name, new in news.items() if new)),
        unchanged=_named(db, (name for name, new in news.items() if not new)),
        removed=_named(db, removed),
    )


def _named(db: Database, names: Iterable[str]) -> tuple[str, ...]:
    return tuple(f"{db.name}/{name}" for name in names)


def _push_design(db: Database, design: Design, ready: Callable[[], None]) -> bool:
    """Bring one design document up to date; False if it was."""
    changed = False
    for _ in range(TRIES):
        live = db.get(design.id)
        if live is not None and _same(live, design):
            return changed
        try:
            _build(db, design, ready)
            revision = {"_rev": live["_rev"]} if live else {}
            db.put(design.full() | revision)
            changed = True
        except (Conflict, NotFound):
            # Another push has swapped, or has tidied up the staged document under us: look again.
            continue
    raise Conflict(f"{db.name}/{design.id} keeps changing: somebody else pushes, too")


def _build(db: Database, design: Design, ready: Callable[[], None]) -> None:
    """Build the views under the staged name. What a push that was killed has left there is taken over."""
    if not design.views:
        return
    staged = design.staged()
    left = db.get(staged.id)
    if left is None or not _same(left, staged):
        db.put(staged.doc() | ({"_rev": left["_rev"]} if left else {}))
    for view in design.views:
        _warm(db, staged.name, view)
        ready()


def _warm(db: Database, name: str, view: str) -> None:
    """Ask a view, which builds it; a build that outlasts the request is asked for again."""
    while True:
        try:
            db.view(name, view, limit=1, reduce=False)
            return
        except (DatabaseUnavailable, UnexpectedAnswer):
            index = db.get_json("_design", name, "_info")["view_index"]
            if not index.get("updater_running"):
                raise


def _remove_others(db: Database, kept: set[str]) -> list[str]:
    """Remove what earlier pushes have left: staged documents, and those that this version does not have."""
    rows = db.all_docs(startkey="_design/", endkey="_design0", include_docs=True).rows
    old = [row.doc for row in rows if row.doc and MARK in row.doc and row.doc["_id"] not in kept]
    gone = [doc["_id"].removeprefix("_design/") for doc in old if _remove(db, doc)]
    return [name for name in gone if not name.endswith("-staged")]


def _remove(db: Database, doc: Json) -> bool:
    try:
        db.delete(doc["_id"], doc["_rev"])
    except (Conflict, NotFound):
        return False  # somebody else's push works on it, and tidies up itself
    return True


def _same(live: Json, design: Design) -> bool:
    own = {name: value for name, value in live.items() if name not in ("_rev", "_attachments")}
    return own == design.doc() and _same_files(live.get("_attachments", {}), design)


def _same_files(stubs: Json, design: Design) -> bool:
    """Whether nobody has touched an attachment since all were pushed together; the digest tells which they were."""
    found = {name: (stub["content_type"], stub["length"]) for name, stub in stubs.items()}
    wanted = {name: (file.content_type, len(file.content)) for name, file in design.attachments.items()}
    return found == wanted and len({stub["revpos"] for stub in stubs.values()}) <= 1
