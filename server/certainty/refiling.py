"""History documents after results have moved: new tuples are entered, old ones corrected, or removed when empty."""

from collections.abc import Callable, Iterable, Sequence
from functools import partial

import msgspec

from crashfarm.database import Database
from crashfarm.documents.base import Json
from crashfarm.documents.history import HISTORY_TYPES, History, Sighting, digest, history_of
from crashfarm.documents.result import Result
from crashfarm.documents.signature import SignatureNote
from crashfarm.errors import Conflict
from crashfarm.keys import prefix_range
from server.certainty import notes, rereading
from server.certainty.rereading import Move
from server.queries import paging

TRIES = 10
LOOKED_AT = 50
"""Results of a tuple from which its places, its title and its severity are read anew."""

_SAID = ("rev", "origin", "bugs", "suppressed", "suppressed_at", "regressed")
"""Members of a history document that do not follow from results."""

TupleKey = tuple[str, ...]
"""The nine parts of a history document's key."""


def key_of(sighting: Sighting) -> TupleKey:
    """The key of the tuple that a sighting is of."""
    return history_of(sighting).tuple_key


def enter(history: Database, seen: Iterable[Sighting], moved: Iterable[tuple[Sighting, Sighting]]) -> None:
    """Merge sightings into the history documents; what moved takes along what people said of where it was."""
    for sighting in seen:
        made = history_of(sighting)
        _change(history, made.id, partial(_merged, made))
    for old, new in moved:
        known = _read(history, history_of(old).id)
        if known and (known.suppressed or known.bugs.open or known.bugs.closed):
            _change(history, history_of(new).id, partial(_inherited, known))


def correct(history: Database, keys: Iterable[TupleKey]) -> int:
    """Make the documents of these tuples say what results say, and remove those of which none is left.

    How many were removed.
    """
    return sum(_correct(history, key) for key in keys)


def carry_notes(history: Database, moved: Iterable[Move]) -> None:
    """Give the document about a new signature what is known of an old one of which no result is left."""
    for one in moved:
        if one.before and one.after and not _signature_lives(history, str(one.before.kind), *_told(one)):
            old = notes.read(history, SignatureNote.of(one.before))
            if old.rev:
                notes.change(history, SignatureNote.of(one.after), partial(_filled, old))


def _correct(history: Database, key: TupleKey) -> bool:
    """Correct one tuple's document; whether it was removed."""
    prefix = (key[0].replace("history_", "result_", 1), *key[1:])
    start, end = prefix_range(prefix)
    asked = {"reduce": False, "include_docs": True}
    first = history.view("crash_type", "results", startkey=start, endkey=end, limit=LOOKED_AT, **asked).rows
    document = f"{key[0]}:{digest(key)}"
    if not first:
        return _remove(history, document)
    last = history.view("crash_type", "results", startkey=end, endkey=start, descending=True, limit=1, **asked).rows
    seen = [one for row in (*first, *last) if row.doc for one in _sightings(row.doc, document)]
    _change(history, document, partial(_restated, seen))
    return False


def _sightings(doc: Json, document: str) -> list[Sighting]:
    result = Result.from_doc(doc)
    found = [rereading.sighting(result, finding) for finding in result.findings]
    return [sighting for sighting in found if history_of(sighting).id == document]


def _restated(seen: Sequence[Sighting], before: History | None) -> History | None:
    """What the sightings say, with what people said."""
    made = [history_of(sighting) for sighting in seen]
    if not made:
        return before
    merged = made[0]
    for other in made[1:]:
        merged = merged.merge(other)
    if before is None:
        return merged
    return merged.evolve(**{name: getattr(before, name) for name in _SAID})


def _merged(made: History, before: History | None) -> History:
    return before.merge(made) if before else made


def _inherited(old: History, new: History | None) -> History | None:
    if new is None:
        return None
    said = new.evolve(
        bugs=old.bugs, suppressed=old.suppressed, suppressed_at=old.suppressed_at, regressed=old.regressed
    )
    return new.merge(said)


def _change(history: Database, document: str, move: Callable[[History | None], History | None]) -> None:
    """Change a history document by its revision, whoever else does at the same time."""
    for _ in range(TRIES):
        before = _read(history, document)
        after = move(before)
        if after is None or after == before:
            return
        try:
            history.put(after.to_doc())
        except Conflict:
            continue
        return
    raise Conflict(f"{document} keeps changing")


def _remove(history: Database, document: str) -> bool:
    before = history.get(document)
    if before is None:
        return False
    try:
        history.delete(document, before["_rev"])
    except Conflict:
        return False
    return True


def _read(history: Database, document: str) -> History | None:
    doc = history.get(document)
    return HISTORY_TYPES[doc["type"]].from_doc(doc) if doc else None


def _told(one: Move) -> tuple[str, str]:
    assert one.before is not None  # noqa: S101
    return one.before.detail, one.before.message


def _signature_lives(history: Database, kind: str, detail: str, message: str) -> bool:
    prefix = [kind, detail, message] if kind == "assertion" else [kind, detail]
    return paging.total(history, "signatures", "by_count", prefix) > 0


def _filled(old: SignatureNote, note: SignatureNote) -> SignatureNote | None:
    """The note with what the old one knows and it does not."""
    members = ("variant_of", "not_variant_of", "confirmed_by", "confirmed_at", "minimal", "range", "reproduction")
    missing = {name: getattr(old, name) for name in members if getattr(old, name) and not getattr(note, name)}
    missing = {name: value for name, value in missing.items() if value != note.id}
    return msgspec.structs.replace(note, **missing) if missing else None
