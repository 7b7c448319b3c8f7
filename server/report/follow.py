"""The changes since the last report, brought into the tables that it left: reads what they touch, and no more.

A result is written once, so that new ones are all that a farm in good order shows. Where one was changed or deleted,
nobody knows any more what it held, and the tables are made anew.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from crashfarm.database import Database
from crashfarm.documents.base import Json
from crashfarm.documents.history import HISTORY_TYPES
from crashfarm.documents.result import Result
from crashfarm.errors import InvalidDocument
from crashfarm.settings import Farm
from server.queries import paging
from server.report import tables
from server.report.scratch import Scratch

PAGE = 1000
"""Changes that one request brings."""

MAX_CHANGES = 50_000
"""Above this, reading everything is faster than asking for each change."""


@dataclass
class _Touched:
    """What changes touch: history documents by id, tuples by their nine parts, inputs by product and name."""

    histories: dict[str, Json] = field(default_factory=dict)
    tuples: set[tuple[str, ...]] = field(default_factory=set)
    inputs: set[tuple[str, str]] = field(default_factory=set)


def bring_up(farm: Farm, scratch: Scratch, info: Json, progress: Callable[[int], None]) -> int | None:
    """Bring the tables up to date; returns how many things changed, or None if they must be made anew."""
    since = scratch.get("seq")
    if not since or scratch.get("instance") != instance(farm, info) or _number(info["update_seq"]) < _number(since):
        return None
    touched = _read(farm.history, since)
    if touched is None:
        return None
    return _apply(farm, scratch, touched, progress)


def instance(farm: Farm, info: Json) -> str:
    """Tells a farm's database from others, and from a later one of the same name."""
    return f"{farm.history.name} {info.get('instance_start_time', '')}"


def _number(seq: Any) -> int:
    return int(str(seq).partition("-")[0] or 0)


def _read(history: Database, since: str) -> _Touched | None:
    touched = _Touched()
    read = 0
    while True:
        answer = history.changes(since=since, limit=PAGE, include_docs=True)
        if not all(_add(touched, change) for change in answer["results"]):
            return None
        read += len(answer["results"])
        since = str(answer["last_seq"])
        if len(answer["results"]) < PAGE:
            return touched
        if read > MAX_CHANGES:
            return None


def _add(touched: _Touched, change: Json) -> bool:
    """Note what a change touches; False if that cannot be known."""
    document_id, doc = change["id"], change.get("doc")
    if not document_id.startswith(("result:", "history_")):
        return True
    if change.get("deleted") or not doc:
        return False
    if doc.get("type") in HISTORY_TYPES:
        touched.histories[document_id] = doc
        return True
    return doc.get("type") == Result.TYPE and doc["_rev"].startswith("1-") and _add_result(touched, doc)


def _add_result(touched: _Touched, doc: Json) -> bool:
    try:
        result = Result.from_doc(doc)
    except InvalidDocument:
        return False
    where = result.environment.parts()
    touched.tuples |= {(f"result_{found.kind}", found.message, found.detail, *where) for found in result.findings}
    touched.inputs.add((result.product, result.input_name))
    return True


def _apply(farm: Farm, scratch: Scratch, touched: _Touched, progress: Callable[[int], None]) -> int:
    done = 0
    for document_id, doc in touched.histories.items():
        tables.add_history(scratch, document_id, doc)
        touched.inputs |= {(str(doc.get("product")), place) for place in _new_places(scratch, document_id)}
        done += 1
        progress(done)
    for key in touched.tuples:
        _count_again(farm, scratch, list(key))
        done += 1
        progress(done)
    for product, place in touched.inputs:
        _run_again(farm, scratch, product, place)
        done += 1
        progress(done)
    return done


def _new_places(scratch: Scratch, document_id: str) -> list[str]:
    """Inputs of a tuple whose runs nobody has counted yet."""
    query = "SELECT place FROM places WHERE document = ? AND (product, place) NOT IN (SELECT product, place FROM ran)"
    return [place for (place,) in scratch.rows(query, document_id)]


def _count_again(farm: Farm, scratch: Scratch, key: list[Any]) -> None:
    tables.forget_count(scratch, key)
    tables.add_count(farm, scratch, key, paging.total(farm.history, "crash_type", "results", key))
    scratch.insert("dirty", [(tables.name_of(key),)])


def _run_again(farm: Farm, scratch: Scratch, product: str, place: str) -> None:
    """Count the runs of an input, if anything was ever seen on it; all that it shows may differ now."""
    scratch.change("DELETE FROM ran WHERE product = ? AND place = ?", product, place)
    found = list(scratch.rows("SELECT DISTINCT signature FROM places WHERE product = ? AND place = ?", product, place))
    if found:
        for key, count in paging.groups(farm.history, "results", "by_input", 8, [product, place]):
            tables.add_run(scratch, key, count)
    scratch.insert("dirty", found)
