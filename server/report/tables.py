"""Rows of views and documents, as rows of the scratch tables."""

from collections import Counter
from collections.abc import Iterable
from typing import Any

import msgspec

from crashfarm.documents.base import Json
from crashfarm.documents.history import HISTORY_TYPES
from crashfarm.documents.job import JobResult
from crashfarm.errors import InvalidDocument
from server.queries.signatures import kind_of, short_name, signature
from server.report.scratch import Scratch
from server.report.seen import Days, Seen

_TUPLE = (
    "kind = ? AND message = ? AND detail = ? AND product = ? AND branch = ? AND buildtype = ? AND os_name = ?"
    " AND os_version = ? AND cpu_name = ?"
)

_SAY = """
INSERT INTO tuples VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0, '{}', '') ON CONFLICT DO UPDATE SET
first_seen = excluded.first_seen, last_seen = excluded.last_seen, title = excluded.title,
severity = excluded.severity, suppressed = excluded.suppressed
"""


def add_history(scratch: Scratch, document_id: str, doc: Json) -> str | None:
    """Note what a history document says; returns the name of its signature, or None if it cannot be read.

    How often its tuple was seen is not in it, and stays as it is.
    """
    try:
        one = HISTORY_TYPES[doc["type"]].from_doc(doc)
    except InvalidDocument:
        scratch.insert("unreadable", [(document_id,)])
        return None
    name = name_of(list(one.tuple_key))
    key = (kind_of(one.TYPE), *one.tuple_key[1:])
    scratch.change(_SAY, name, *key, one.first_seen, one.last_seen, one.title, one.severity, one.suppressed)
    scratch.insert("places", [(name, one.product, place, document_id) for place in one.places])
    scratch.insert("bugs", [(name, bug, True, document_id) for bug in one.bugs.open])
    scratch.insert("bugs", [(name, bug, False, document_id) for bug in one.bugs.closed])
    scratch.insert("again", [(name, bug, one.last_seen, document_id) for bug in one.regressed])
    return name


def forget_history(scratch: Scratch, document_id: str) -> None:
    """Forget what a history document said, before what it says now is noted."""
    for table in ("places", "bugs", "again", "unreadable"):
        scratch.change(f"DELETE FROM {table} WHERE document = ?", document_id)  # noqa: S608 names are ours


def add_seen(scratch: Scratch, seen: Seen) -> None:
    """Add to what a tuple was seen. Where it has no history document yet, the times of its results tell the rest."""
    if not _note(scratch, seen, seen.days, " AND count = 0"):
        before = days_of(scratch, seen.key)
        if not _note(scratch, seen, Counter(before) + Counter(seen.days)):
            parts = texts(seen.key)
            where = (kind_of(parts[0]), *parts[1:])
            about = (seen.first, seen.last, "", "", False, seen.count, _json(seen.days), seen.newest)
            scratch.insert("tuples", [(name_of(parts), *where, *about)])


def set_seen(scratch: Scratch, seen: Seen, since: str) -> None:
    """Put what a tuple was seen on that day and later in the place of what is noted for these days."""
    before = {day: n for day, n in days_of(scratch, seen.key).items() if day < since}
    if not _note(scratch, seen, {**before, **seen.days}):
        add_seen(scratch, seen)


def days_of(scratch: Scratch, key: Iterable[Any]) -> Days:
    """How often a tuple was seen on which days, as far as it is noted."""
    parts = texts(key)
    found = next(scratch.rows(f"SELECT days FROM tuples WHERE {_TUPLE}", kind_of(parts[0]), *parts[1:]), ("{}",))  # noqa: S608
    return msgspec.json.decode(found[0], type=dict[str, int])


def _note(scratch: Scratch, seen: Seen, days: Days, condition: str = "") -> bool:
    parts = texts(seen.key)
    statement = f"UPDATE tuples SET count = ?, days = ?, newest = ? WHERE {_TUPLE}{condition}"  # noqa: S608
    about = (sum(days.values()), _json(days), seen.newest)
    return bool(scratch.change(statement, *about, kind_of(parts[0]), *parts[1:]))


def _json(days: Days) -> str:
    return msgspec.json.encode(days).decode()


def add_run(scratch: Scratch, key: list[Any], count: int) -> None:
    """Count runs; `key` is one of the view by input. A run that could not begin does not count."""
    *where, outcome = key
    if outcome == JobResult.ERROR:
        return
    scratch.change(
        "INSERT INTO ran VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET runs = runs + excluded.runs",
        *texts(where),
        count,
    )


def name_of(key: list[Any]) -> str:
    """The short name of a tuple's signature."""
    return short_name(signature(kind_of(key[0]), key[1], key[2]))


def texts(parts: Iterable[Any]) -> list[str]:
    """Parts of a key as texts: a part that somebody's document lacks is null in the view."""
    return [part or "" for part in parts]
