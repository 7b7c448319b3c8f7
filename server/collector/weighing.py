"""Deciding which bugs explain some tuples, and writing what has changed: each by its revision."""

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from crashfarm.documents.base import Json
from crashfarm.documents.branch import Branch
from crashfarm.documents.history import HISTORY_TYPES, History
from crashfarm.errors import InvalidDocument
from crashfarm.keys import prefix_range
from crashfarm.settings import Farm
from crashfarm.understand.known_bugs import Look, tuples
from server.collector.knowing import KnownIndex, fetch

NEIGHBOURS = 100
"""Tuples of one signature that are looked at together for the nearest one; where there are more, in narrower steps."""

log = logging.getLogger("crashfarm.collector")


@dataclass(frozen=True, slots=True)
class Move:
    """A tuple whose bugs or suppression are not what they were."""

    before: History
    after: History


Write = Callable[[Sequence[Move]], Mapping[str, str | None]]
"""Told what is to be written; returns the new revisions of the tuples that are, by their ids."""


class Weigher:
    """Weighs tuples against the known bugs. Methods touch the network and raise DatabaseError."""

    def __init__(self, farm: Farm, index: KnownIndex, write: Write | None = None) -> None:
        self._farm = farm
        self._index = index
        self._write = write or self.store
        self._versions: dict[tuple[str, str], str] = {}

    def refresh(self) -> None:
        """Read again which version each branch is."""
        self._versions = dict(_versions(self._farm.status.documents("branch:")))

    def weigh(self, docs: Iterable[Json]) -> int:
        """Give tuples the bugs that explain them, and what the nearest one knows; how many have changed.

        A tuple keeps a bug that it names already if one of the bug's matchers fits what happened, wherever it was,
        or if the bug has no matchers: then somebody has named it there by hand.
        """
        read = list(read_tuples(docs))
        found = {one.id: self._matched(one) for one in read}
        known = fetch(self._farm.status, _ids(read, found))
        moves = [Move(one, tuples.judge(one, self._explaining(one, found[one.id], known), known)) for one in read]
        done = self._write([move for move in moves if move.after != move.before])
        # Only now: of two tuples that are new, the one may inherit from the other.
        bare = [_written(move, done) for move in moves if _may_inherit(move.after)]
        return len(done) + self._inherit([one for one in bare if one])

    def restate(self, docs: Iterable[Json]) -> int:
        """Sort the bugs that tuples name by what has become of these; how many tuples have changed."""
        read = list(read_tuples(docs))
        known = fetch(self._farm.status, _ids(read, {}))
        moves = [Move(one, tuples.judge(one, tuples.named(one), known)) for one in read]
        return len(self._write([move for move in moves if move.after != move.before]))

    def store(self, moves: Sequence[Move]) -> dict[str, str | None]:
        """Write tuples. One that has changed meanwhile comes up again by that very change, and is left to that."""
        outcomes = self._farm.history.bulk([move.after.to_doc() for move in moves])
        for refused in (one for one in outcomes if one.error not in (None, "conflict")):
            log.error("%s was refused: %s", refused.id, refused.reason or refused.error)
        return {one.id: one.rev for one in outcomes if one.ok}

    def _matched(self, one: History) -> Look:
        version = self._versions.get((one.product, one.branch), "")
        place = {"product": one.product, "branch": one.branch, "version": version}
        return self._index.look(tuples.finding_of(one), place)

    def _explaining(self, one: History, found: Look, known: tuples.Known) -> frozenset[str]:
        """The bugs that match, and of those that are named already the ones that may stay."""
        anywhere = {tuples.settled(id, known) for id in found.anywhere}
        before = {tuples.settled(id, known) for id in tuples.named(one)} - {None}
        by_hand = {id for id in before if (bug := known.get(id or "")) is None or not bug.matchers}
        return found.here.union(filter(None, before & (anywhere | by_hand)))

    def _inherit(self, bare: Sequence[History]) -> int:
        """Give tuples that no bug explains, or that nobody has judged, what the nearest tuple of the signature has."""
        givers = self._nearest("bugs", [one for one in bare if not tuples.named(one)])
        quiet = self._nearest("suppressed", [one for one in bare if not (one.suppressed or one.suppressed_at)])
        found = {giver.id: self._matched(giver) for giver in givers.values()}
        known = fetch(self._farm.status, _ids(givers.values(), found))
        moves = []
        for one in bare:
            heir = one
            if giver := givers.get(one.id):
                named = self._explaining(giver, Look(anywhere=found[giver.id].anywhere), known)
                heir = tuples.judge(heir, named, known)
            if giver := quiet.get(one.id):
                heir = heir.evolve(suppressed=True, suppressed_at=giver.suppressed_at)
            moves.append(Move(one, heir))
        return len(self._write([move for move in moves if move.after != move.before]))

    def _nearest(self, what: str, heirs: Sequence[History]) -> dict[str, History]:
        """The nearest other tuple of the same signature that has some, for those tuples for which there is one."""
        prefixes = [[what, *one.tuple_key[: tuples.SIGNATURE_PARTS]] for one in heirs]
        found = {}
        for one, docs in zip(heirs, self._explained(prefixes, NEIGHBOURS), strict=True):
            near = _nearest_of(one, docs) if len(docs) < NEIGHBOURS else self._widen(what, one)
            if near:
                found[one.id] = near
        return found

    def _widen(self, what: str, one: History) -> History | None:
        """The same where there are too many neighbours to read them all: one part less at a time."""
        for prefix in tuples.widened(one.tuple_key):
            (docs,) = self._explained([[what, *prefix]], 2)
            if near := _nearest_of(one, docs):
                return near
        return None

    def _explained(self, prefixes: Sequence[Sequence[str]], limit: int) -> list[list[Json]]:
        """Tuples below each prefix that name a bug, or are suppressed: one request for all."""
        if not prefixes:
            return []
        ranges = [prefix_range(prefix) for prefix in prefixes]
        queries = [{"startkey": start, "endkey": end, "limit": limit, "include_docs": True} for start, end in ranges]
        path = ("_design", "tuples", "_view", "explained", "queries")
        answer = self._farm.history.post_json(*path, body={"queries": queries})
        return [[row["doc"] for row in one["rows"] if row.get("doc")] for one in answer["results"]]


def read_tuples(docs: Iterable[Json]) -> Iterator[History]:
    """History documents; those that somebody has broken are passed over."""
    for doc in docs:
        try:
            yield HISTORY_TYPES[doc["type"]].from_doc(doc)
        except (KeyError, InvalidDocument) as fault:
            log.warning("a tuple that nobody can read is passed over: %s", fault)


def _ids(read: Iterable[History], found: Mapping[str, Look]) -> set[str]:
    return {id for one in read for id in tuples.named(one)}.union(*(one.anywhere for one in found.values()))


def _may_inherit(one: History) -> bool:
    return not tuples.named(one) or not (one.suppressed or one.suppressed_at)


def _nearest_of(one: History, docs: Iterable[Json]) -> History | None:
    others = [other for other in read_tuples(docs) if other.id != one.id]
    return max(others, key=lambda other: tuples.nearness(one.tuple_key, other.tuple_key), default=None)


def _versions(docs: Iterable[Json]) -> Iterable[tuple[tuple[str, str], str]]:
    for doc in docs:
        try:
            branch = Branch.from_doc(doc)
        except InvalidDocument:
            continue
        yield (branch.product, branch.branch), branch.major_version


def _written(move: Move, done: Mapping[str, str | None]) -> History | None:
    """The tuple as it is stored now; None if it could not be written."""
    if move.after == move.before:
        return move.after
    return move.after.evolve(rev=done[move.after.id]) if move.after.id in done else None
