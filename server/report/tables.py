"""Rows of views and documents, as rows of the scratch tables."""

from typing import Any

from crashfarm.documents.base import Json
from crashfarm.documents.history import HISTORY_TYPES
from crashfarm.documents.job import JobResult
from crashfarm.errors import InvalidDocument
from crashfarm.settings import Farm
from server.queries import paging
from server.queries.signatures import kind_of, short_name, signature
from server.report.scratch import Scratch

_TUPLE = (
    "kind = ? AND message = ? AND detail = ? AND product = ? AND branch = ? AND buildtype = ? AND os_name = ?"
    " AND os_version = ? AND cpu_name = ?"
)


def add_history(scratch: Scratch, document_id: str, doc: Json) -> None:
    """Put what a history document says in the place of what it said before. How often it was seen is not in it."""
    for table in ("places", "bugs", "unreadable"):
        scratch.change(f"DELETE FROM {table} WHERE document = ?", document_id)  # noqa: S608 names are ours
    try:
        one = HISTORY_TYPES[doc["type"]].from_doc(doc)
    except InvalidDocument:
        scratch.insert("unreadable", [(document_id,)])
        return
    key = (kind_of(one.TYPE), *one.tuple_key[1:])
    name = name_of(list(one.tuple_key))
    seen = scratch.number(f"SELECT sum(count) FROM tuples WHERE {_TUPLE}", *key)  # noqa: S608
    about = (one.first_seen, one.last_seen, one.title, one.severity, one.suppressed, seen)
    scratch.change(f"DELETE FROM tuples WHERE {_TUPLE}", *key)  # noqa: S608
    scratch.insert("tuples", [(name, *key, *about)])
    scratch.insert("places", [(name, one.product, place, document_id) for place in one.places])
    scratch.insert("bugs", [(name, bug, True, document_id) for bug in one.bugs.open])
    scratch.insert("bugs", [(name, bug, False, document_id) for bug in one.bugs.closed])
    scratch.insert("dirty", [(name,)])


def add_count(farm: Farm, scratch: Scratch, key: list[Any], count: int) -> None:
    """Count findings of a tuple; `key` is the nine parts as the view has them."""
    parts = texts(key)
    where = (kind_of(parts[0]), *parts[1:])
    if scratch.change(f"UPDATE tuples SET count = count + ? WHERE {_TUPLE}", count, *where):  # noqa: S608
        return
    # Its results are there before its history document is: their times tell when it was seen.
    first, last = _edge(farm, key, descending=False), _edge(farm, key, descending=True)
    scratch.insert("tuples", [(name_of(parts), *where, first, last, "", "", False, count)])


def forget_count(scratch: Scratch, key: list[Any]) -> None:
    """Set the count of a tuple to nothing, before it is counted again."""
    parts = texts(key)
    scratch.change(f"UPDATE tuples SET count = 0 WHERE {_TUPLE}", kind_of(parts[0]), *parts[1:])  # noqa: S608


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


def texts(parts: list[Any]) -> list[str]:
    """Parts of a key as texts: a part that somebody's document lacks is null in the view."""
    return [part or "" for part in parts]


def _edge(farm: Farm, key: list[Any], *, descending: bool) -> str:
    ends: list[Any] = [key, [*key, {}]]
    start, end = reversed(ends) if descending else ends
    query = {"reduce": False, "limit": 1, "descending": descending, "startkey": start, "endkey": end}
    return paging.ask(farm.history, "crash_type", "results", **query).rows[0].key[9] or ""
