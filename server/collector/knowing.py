"""The farm's known bugs as the collector keeps them in mind: an index of all matchers, kept up to date."""

from collections.abc import Iterable, Sequence

from crashfarm.database import Database
from crashfarm.documents.bug import Bug, Matcher
from crashfarm.documents.finding import Finding
from crashfarm.errors import InvalidDocument
from crashfarm.understand.known_bugs import KnownBugs, Look, Refused
from crashfarm.understand.known_bugs.tuples import MAX_MOVES

PAGE = 2000
"""Bugs that are read at once."""
REBUILD = 2000
"""Changed bugs that an index of their own may hold before all are put into one."""

Place = dict[str, str]


class KnownIndex:
    """Which bugs explain a finding. Bugs that change stand in a small second index, for the large one takes seconds."""

    def __init__(self) -> None:
        self._all: dict[str, tuple[Matcher, ...]] = {}
        self._large = KnownBugs(())
        self._small = KnownBugs(())
        self._changed: set[str] = set()

    def __len__(self) -> int:
        return len(self._all)

    @property
    def refused(self) -> list[Refused]:
        """Matchers that cannot be used, and why."""
        return [*(one for one in self._large.refused if one.bug not in self._changed), *self._small.refused]

    def put(self, bugs: Iterable[Bug], gone: Iterable[str] = ()) -> None:
        """Take note of bugs that are new or changed, and of those that are gone."""
        changed = {bug.id: bug.matchers for bug in bugs if self._all.get(bug.id) != bug.matchers}
        lost = {id for id in gone if id in self._all}
        if not changed and not lost:
            return
        self._all |= changed
        for id in lost:
            del self._all[id]
        self._changed |= changed.keys() | lost
        self._build()

    def look(self, finding: Finding, place: Place) -> Look:
        """The bugs that explain a finding there, or would elsewhere; `place` may give product, branch and version."""
        old, new = self._large.look(finding, **place), self._small.look(finding, **place)
        return Look(old.here - self._changed | new.here, old.anywhere - self._changed | new.anywhere)

    def _build(self) -> None:
        if len(self._changed) > REBUILD:
            self._large, self._small, self._changed = KnownBugs(self._all.items()), KnownBugs(()), set()
            return
        self._small = KnownBugs((id, self._all[id]) for id in sorted(self._changed) if id in self._all)


def read_all(status: Database) -> Iterable[Bug]:
    """All bugs of a farm; those that somebody has broken are passed over."""
    for doc in status.documents("bug:", PAGE):
        try:
            yield Bug.from_doc(doc)
        except InvalidDocument:
            continue


def fetch(status: Database, ids: Iterable[str]) -> dict[str, Bug | None]:
    """Bugs as they are now, with those that they have moved to. Deleted ones are None, unknown ones are not there."""
    known: dict[str, Bug | None] = {}
    wanted = set(ids)
    for _ in range(MAX_MOVES):
        found = _fetch_these(status, sorted(wanted))
        known |= found
        wanted = {bug.moved_to for bug in found.values() if bug and bug.moved_to} - known.keys()
        if not wanted:
            break
    return known


def _fetch_these(status: Database, ids: Sequence[str]) -> dict[str, Bug | None]:
    if not ids:
        return {}
    found: dict[str, Bug | None] = {}
    for id, row in zip(ids, status.all_docs(keys=list(ids), include_docs=True).rows, strict=True):
        if row.doc:
            try:
                found[id] = Bug.from_doc(row.doc)
            except InvalidDocument:
                continue  # somebody is in the middle of editing it
        elif isinstance(row.value, dict) and row.value.get("deleted"):
            found[id] = None
    return found
