"""Views in, scratch tables out: everything a report knows passes here, a page at a time."""

from collections.abc import Callable, Iterator
from typing import Any

from crashfarm.database import Row
from crashfarm.documents.history import HISTORY_TYPES
from crashfarm.documents.job import JobResult
from crashfarm.errors import InvalidDocument
from crashfarm.settings import Farm
from server.queries import paging, tuples
from server.queries.signatures import kind_of, short_name, signature
from server.report import bugs
from server.report.scratch import Scratch

Progress = Callable[[int], None]
"""Is told how many things have been read and written so far."""

DOCUMENT_PAGE = 500
"""Documents that one request brings."""

_COUNT = (
    "UPDATE tuples SET count = count + ? WHERE kind = ? AND message = ? AND detail = ? AND product = ?"
    " AND branch = ? AND buildtype = ? AND os_name = ? AND os_version = ? AND cpu_name = ?"
)


def collect(farm: Farm, scratch: Scratch, progress: Progress) -> int:
    """Read all that the report tells from the farm's views, and return how many history documents there are."""
    types = tuples.types(farm.history)
    done = 0
    for type_name in types:
        for row in _histories(farm, type_name):
            _add_history(scratch, row)
            done += 1
            progress(done)
    for type_name in types:
        if type_name.startswith("result_"):
            _count_results(farm, scratch, type_name)
    _add_runs(farm, scratch)
    bugs.collect(farm, scratch)
    scratch.derive()
    return done


def _histories(farm: Farm, type_name: str) -> Iterator[Row]:
    """The rows of one type of history documents, in the order of their tuples, less those whose document is gone."""
    if type_name not in HISTORY_TYPES:
        return iter(())
    query = {"include_docs": True, "page": DOCUMENT_PAGE}
    return (row for row in paging.rows(farm.history, "crash_type", "results", [type_name], **query) if row.doc)


def _add_history(scratch: Scratch, row: Row) -> None:
    try:
        one = HISTORY_TYPES[row.key[0]].from_doc(row.doc or {})
    except InvalidDocument:
        scratch.insert("unreadable", [(row.id,)])
        return
    name = _name(one.tuple_key)
    times = (one.first_seen, one.last_seen)
    about = (one.title, one.severity, one.suppressed)
    scratch.insert("tuples", [(name, kind_of(one.TYPE), *one.tuple_key[1:], *times, *about, 0)])
    scratch.insert("places", [(name, one.product, place) for place in one.places])
    scratch.insert("bugs", [(name, bug, True) for bug in one.bugs.open])
    scratch.insert("bugs", [(name, bug, False) for bug in one.bugs.closed])


def _count_results(farm: Farm, scratch: Scratch, type_name: str) -> None:
    for key, count in paging.groups(farm.history, "crash_type", "results", 9, [type_name]):
        if not scratch.change(_COUNT, (count, kind_of(type_name), *_texts(key[1:]))):
            _add_unwritten(farm, scratch, key, count)


def _add_unwritten(farm: Farm, scratch: Scratch, key: list[Any], count: int) -> None:
    """A tuple whose results are there before its history document is: their times tell when it was seen."""
    first, last = _edge(farm, key, descending=False), _edge(farm, key, descending=True)
    parts = _texts(key)
    scratch.insert("tuples", [(_name(parts), kind_of(parts[0]), *parts[1:], first, last, "", "", False, count)])


def _texts(parts: list[Any]) -> list[str]:
    """Parts of a key as texts: a part that somebody's document lacks is null in the view."""
    return [part or "" for part in parts]


def _edge(farm: Farm, key: list[Any], *, descending: bool) -> str:
    ends: list[Any] = [key, [*key, {}]]
    start, end = reversed(ends) if descending else ends
    query = {"reduce": False, "limit": 1, "descending": descending, "startkey": start, "endkey": end}
    return farm.history.view("crash_type", "results", **query).rows[0].key[9] or ""


def _add_runs(farm: Farm, scratch: Scratch) -> None:
    """Count the runs of each input on which something was seen, by build and machine."""
    for (product, place, *where, outcome), count in paging.groups(farm.history, "results", "by_input", 8):
        if outcome != JobResult.ERROR and _seen_at(scratch, product, place):
            row = _texts([product, place, *where])
            scratch.insert("ran", [(*row, 0)])
            scratch.change(
                "UPDATE ran SET runs = runs + ? WHERE product = ? AND place = ? AND branch = ?"
                " AND buildtype = ? AND os_name = ? AND os_version = ? AND cpu_name = ?",
                (count, *row),
            )


def _seen_at(scratch: Scratch, product: str, place: str) -> bool:
    query = "SELECT EXISTS (SELECT 1 FROM places WHERE product = ? AND place = ?)"
    return bool(scratch.number(query, product, place))


def _name(key: Any) -> str:
    return short_name(signature(kind_of(key[0]), key[1], key[2]))
