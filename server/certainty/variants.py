"""Variants: signatures that may be one bug are suggested; a person says whether they are. Nothing is merged unasked.

A group has a leader, whose id its other members name in `variant_of`.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import combinations

import msgspec

from crashfarm import times
from crashfarm.database import Database
from crashfarm.documents.finding import Finding, Frame, Kind
from crashfarm.documents.result import Result
from crashfarm.documents.signature import SignatureNote, signature_id
from crashfarm.errors import InputError, NotFound
from crashfarm.times import Clock
from crashfarm.understand import similarity
from server.certainty import notes
from server.queries import paging

Key = tuple[str, str, str]
"""Kind, detail and message of a signature, the message empty but for assertions."""

Told = Callable[[int], None]


class Known(msgspec.Struct, frozen=True):
    """A signature that results show: how many findings have it, and what is known of it besides."""

    key: Key
    findings: int
    note: SignatureNote

    @property
    def leader(self) -> str:
        """The id of the group's leader, which may be the signature itself."""
        return self.note.variant_of or self.note.id


class Suggestion(msgspec.Struct, frozen=True):
    """Signatures that may be one bug, the most frequent first, and how alike the least alike of them are (0 to 1)."""

    score: float
    members: tuple[Known, ...]


def known(history: Database) -> list[Known]:
    """Every signature that results show."""
    kept = {doc["_id"]: SignatureNote.from_doc(doc) for doc in history.documents("signature:")}
    counts: dict[Key, int] = {}
    for (kind, detail, message), count in paging.groups(history, "signatures", "by_count", 3):
        key = (kind, detail, message if kind == Kind.ASSERTION else "")
        counts[key] = counts.get(key, 0) + count
    return [Known(key, count, _note(key, kept)) for key, count in counts.items() if all(key[:2])]


def suggest(
    history: Database, found: Sequence[Known], told: Told, threshold: float = similarity.THRESHOLD
) -> list[Suggestion]:
    """Groups of signatures that may be one bug and of which nobody has said so, or the contrary."""
    by_key = {one.key: one for one in found}
    stacks = {one.key: frames for one in _counted(found, told) if (frames := _frames(history, one.key))}
    grouped = similarity.groups(stacks, apart=_apart(found), threshold=threshold)
    made = [Suggestion(score, _ordered(by_key[key] for key in keys)) for keys, score in grouped]
    return [one for one in made if len({member.leader for member in one.members}) > 1]


def confirm(history: Database, found: Sequence[Known], names: Sequence[str], by: str, clock: Clock) -> list[Known]:
    """Say that these signatures are one bug; the first one leads, or who leads that already.

    Those whom the others lead follow too. Returns all whose document was changed. Raises InputError or NotFound.
    """
    first, *others = _chosen(found, names)
    leader = first.leader if first.leader in {one.note.id for one in found} else first.note.id
    followers = [one for one in found if one.leader in {other.leader for other in others} and one.note.id != leader]
    now = times.to_text(clock())

    def move(note: SignatureNote) -> SignatureNote:
        apart = tuple(other for other in note.not_variant_of if other != leader)
        return note.evolve(variant_of=leader, not_variant_of=apart, confirmed_by=by, confirmed_at=now)

    for one in followers:
        notes.change(history, one.note, move)
    _reconcile(history, next(one.note for one in found if one.note.id == leader), followers)
    return followers


def _reconcile(history: Database, leader: SignatureNote, followers: Sequence[Known]) -> None:
    """What the leader said of its followers before does not hold any more."""
    gone = {one.note.id for one in followers}
    if gone & {*leader.not_variant_of}:
        notes.change(
            history,
            leader,
            lambda note: note.evolve(not_variant_of=tuple(one for one in note.not_variant_of if one not in gone)),
        )


def reject(history: Database, found: Sequence[Known], names: Sequence[str], by: str, clock: Clock) -> list[Known]:
    """Say that of these signatures no two are one bug; what was confirmed otherwise is undone."""
    chosen = _chosen(found, names)
    now = times.to_text(clock())
    for one, other in combinations(chosen, 2):
        for mine, theirs in ((one, other), (other, one)):
            notes.change(history, mine.note, _parting(theirs, by, now))
    return chosen


def _parting(other: Known, by: str, now: str) -> Callable[[SignatureNote], SignatureNote]:
    def move(note: SignatureNote) -> SignatureNote:
        apart = tuple(sorted({*note.not_variant_of, other.note.id}))
        together = note.variant_of and note.variant_of in (other.note.id, other.leader)
        leader = "" if together else note.variant_of
        return note.evolve(not_variant_of=apart, variant_of=leader, confirmed_by=by, confirmed_at=now)

    return move


def _chosen(found: Iterable[Known], names: Sequence[str]) -> list[Known]:
    if len(set(names)) < 2:
        raise InputError("name two signatures or more: see 'crashfarm variants list'")
    by_id = {one.note.id: one for one in found}
    return [_named(by_id, name) for name in names]


def _named(by_id: dict[str, Known], name: str) -> Known:
    start = f"signature:{name.removeprefix('signature:').lower()}"
    fitting = [id for id in by_id if id.startswith(start)] if len(name) >= notes.LEAST_DIGITS else []
    if len(fitting) != 1:
        words = "several signatures begin" if fitting else "no result shows a signature that begins"
        raise NotFound(f"{words} with {name!r}: see 'crashfarm variants list'")
    return by_id[fitting[0]]


def _apart(found: Iterable[Known]) -> set[frozenset[Key]]:
    """The pairs of which a person said that they are not one bug."""
    keys = {one.note.id: one.key for one in found}
    pairs = ((one.key, keys.get(other)) for one in found for other in one.note.not_variant_of)
    return {frozenset((mine, theirs)) for mine, theirs in pairs if theirs}


def _frames(history: Database, key: Key) -> Sequence[Frame]:
    """The stack of one finding of that signature."""
    prefix = [part for part in key if part]
    query = {"startkey": prefix, "endkey": [*prefix, {}], "reduce": False, "include_docs": True, "limit": 1}
    rows = paging.ask(history, "signatures", "by_count", **query).rows
    findings = Result.from_doc(rows[0].doc).findings if rows and rows[0].doc else ()
    return next((one.frames for one in findings if _key(one) == key), ())


def _counted(found: Iterable[Known], told: Told) -> Iterator[Known]:
    for number, one in enumerate(found, 1):
        yield one
        told(number)


def _ordered(members: Iterable[Known]) -> tuple[Known, ...]:
    return tuple(sorted(members, key=lambda one: (-one.findings, one.key)))


def _key(finding: Finding) -> Key:
    return str(finding.kind), finding.detail, finding.message if finding.kind is Kind.ASSERTION else ""


def _note(key: Key, kept: dict[str, SignatureNote]) -> SignatureNote:
    kind, detail, message = key
    return kept.get(signature_id(kind, message, detail)) or SignatureNote.new(Kind(kind), message, detail)
