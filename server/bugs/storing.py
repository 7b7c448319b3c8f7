"""Bringing bugs into the farm, from a list or a tracker, so that doing it twice changes nothing."""

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from crashfarm.database import Database
from crashfarm.documents.bug import Bug, BugState
from crashfarm.errors import Conflict, InvalidDocument, Refused
from crashfarm.understand.known_bugs import BugList

PAGE = 500
ROUNDS = 10
"""How often a bug is merged anew that somebody else changes at the same time."""

log = logging.getLogger("crashfarm.bugs")

Merge = Callable[[Bug | None, Bug], Bug]
"""Gives the bug as it is to be, of the one that is stored, if there is one, and what was told of it."""


@dataclass(frozen=True, slots=True)
class Stored:
    """How many bugs were new, changed, and already as they were told."""

    new: int = 0
    changed: int = 0
    unchanged: int = 0

    def __add__(self, other: "Stored") -> "Stored":
        return Stored(self.new + other.new, self.changed + other.changed, self.unchanged + other.unchanged)

    def __str__(self) -> str:
        return f"{self.new} new, {self.changed} changed, {self.unchanged} unchanged"


def store(status: Database, told: Sequence[Bug], merge: Merge, *, dry: bool = False) -> Stored:
    """Bring in some bugs by their revisions. Raises Refused, with CouchDB's reason, and Conflict when it does not end.

    Of two of the same id the later one counts. With `dry` nothing is written.
    """
    counted = Stored()
    left = {bug.id: bug for bug in told}
    for _ in range(ROUNDS):
        present = _read(status, list(left))
        merged = {id: merge(present.get(id), bug) for id, bug in left.items()}
        changed = [bug for id, bug in merged.items() if bug != present.get(id)]
        again = set() if dry else _write(status, changed)
        done = [bug for bug in changed if bug.id not in again]
        new = sum(bug.id not in present for bug in done)
        counted += Stored(new, len(done) - new, len(merged) - len(changed))
        left = {id: bug for id, bug in left.items() if id in again}
        if not left:
            return counted
    raise Conflict(f"{next(iter(left))} keeps changing")


def store_all(
    status: Database, told: Iterable[Bug], merge: Merge, advance: Callable[[int], None], *, dry: bool = False
) -> Stored:
    """Bring in any number of bugs, a page at a time, telling how many are done."""
    counted, done = Stored(), 0
    for page in _pages(told):
        counted += store(status, page, merge, dry=dry)
        done += len(page)
        advance(done)
    return counted


def from_list(told_by: BugList, now: str) -> Merge:
    """How a list's bugs are merged: what it tells counts, and what it does not tell stays. Matchers are added up."""

    def merge(present: Bug | None, told: Bug) -> Bug:
        if present is None:
            return in_state(told, told.state, now)
        merged = present.evolve(
            title=(told_by.titled and told.title) or present.title or told.title,
            url=told.url or present.url,
            matchers=tuple(dict.fromkeys((*present.matchers, *told.matchers))),
        )
        return in_state(merged, told.state if told.id in told_by.stated else present.state, now)

    return merge


def in_state(bug: Bug, state: BugState, now: str) -> Bug:
    """The bug in that state. When it was closed is noted with the change, and forgotten when it opens again."""
    if state is bug.state and bool(bug.closed_at) == (state is BugState.CLOSED):
        return bug
    return bug.evolve(state=state, closed_at=now if state is BugState.CLOSED else "")


def _read(status: Database, ids: list[str]) -> dict[str, Bug]:
    """The bugs that are stored; one that somebody has broken is written over, its revision kept."""
    rows = status.all_docs(keys=ids, include_docs=True).rows if ids else ()
    found = {}
    for row in rows:
        if row.doc:
            try:
                found[row.doc["_id"]] = Bug.from_doc(row.doc)
            except InvalidDocument as fault:
                raise InvalidDocument(f"{fault}: correct or delete it first") from fault
    return found


def _write(status: Database, bugs: Sequence[Bug]) -> set[str]:
    """Write bugs; the ids of those that somebody else has changed meanwhile."""
    outcomes = status.bulk([bug.to_doc() for bug in bugs])
    for one in outcomes:
        if one.error not in (None, "conflict"):
            raise Refused(f"{one.id}: {one.reason or one.error}")
    return {one.id for one in outcomes if one.error}


def _pages(told: Iterable[Bug]) -> Iterator[list[Bug]]:
    page: list[Bug] = []
    for bug in told:
        page.append(bug)
        if len(page) == PAGE:
            yield page
            page = []
    if page:
        yield page
