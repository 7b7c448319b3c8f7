"""The changes since the last report, brought into the tables that it left: reads what they touch, and no more.

A result is written once, so that new ones are all that a farm in good order shows; an attachment that comes later
changes nothing that counts. Where a result was rewritten or deleted, nobody knows any more what it held: then the
tables count more than there is, and are made anew.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from crashfarm.answers import Row
from crashfarm.database import Database
from crashfarm.documents.base import Json
from crashfarm.documents.history import HISTORY_TYPES, History
from crashfarm.documents.result import Result
from crashfarm.errors import InvalidDocument
from crashfarm.settings import Farm
from server.queries import paging
from server.queries.signatures import kind_of
from server.report import notes, seen, tables
from server.report.scratch import Scratch

PAGE = 1000
"""Changes that one request brings."""

MAX_CHANGES = 50_000
"""Above this, reading everything is faster than asking for each change."""

READ = ("result:", "history_", notes.PREFIX)
"""How the ids begin of the documents that a report shows."""


@dataclass
class _Touched:
    """What changes touch and what is to be counted again: tuples by their nine parts, each with the first day, and
    inputs by product and name. `rewritten` tells whether a result was there before.
    """

    tuples: dict[tuple[str, ...], str] = field(default_factory=dict)
    inputs: set[tuple[str, str]] = field(default_factory=set)
    rewritten: bool = False

    @property
    def number(self) -> int:
        """How many things there are to do."""
        return len(self.tuples) + len(self.inputs)


def bring_up(farm: Farm, scratch: Scratch, info: Json, progress: Callable[[int, int, str], None]) -> bool:
    """Bring the tables up to date; False if they must be made anew."""
    since = scratch.get("seq")
    if not since or scratch.get("instance") != instance(farm, info) or _number(info["update_seq"]) < _number(since):
        return False
    scratch.index_documents()
    touched = _read(farm.history, scratch, since)
    if touched is None:
        return False
    for done, what in enumerate(_apply(farm, scratch, touched), 1):
        progress(done, max(done, touched.number), f"reading {what}")
    return not touched.rewritten or _adds_up(farm, scratch)


def instance(farm: Farm, info: Json) -> str:
    """Tells a farm's database from others, and from a later one of the same name."""
    return f"{farm.history.name} {info.get('instance_start_time', '')}"


def _number(seq: Any) -> int:
    return int(str(seq).partition("-")[0] or 0)


def _read(history: Database, scratch: Scratch, since: str) -> _Touched | None:
    """Read all changes, and note what documents say that need not be counted; None if the rest cannot be known."""
    touched = _Touched()
    read = 0
    while True:
        answer = history.changes(since=since, limit=PAGE, include_docs=True)
        if not all(_add(scratch, touched, change) for change in answer["results"]):
            return None
        read += len(answer["results"])
        since = str(answer["last_seq"])
        if len(answer["results"]) < PAGE:
            return touched
        if read > MAX_CHANGES:
            return None


def _add(scratch: Scratch, touched: _Touched, change: Json) -> bool:
    """Note what a change touches; False if that cannot be known."""
    document_id, doc = change["id"], change.get("doc")
    if not document_id.startswith(READ):
        return True
    if document_id.startswith(notes.PREFIX):
        notes.put(scratch, document_id, None if change.get("deleted") else doc)
        return True
    if change.get("deleted") or not doc:
        return False
    try:
        if doc.get("type") in HISTORY_TYPES:
            _add_history(scratch, touched, document_id, HISTORY_TYPES[doc["type"]].from_doc(doc))
        else:
            _add_result(touched, Result.from_doc(doc))
    except InvalidDocument:
        return False
    return True


def _add_history(scratch: Scratch, touched: _Touched, document_id: str, history: History) -> None:
    tables.forget_history(scratch, document_id)
    scratch.insert("dirty", [(tables.add_history(scratch, document_id, history),)])
    touched.inputs |= {(history.product, place) for place in _new_places(scratch, document_id)}


def _add_result(touched: _Touched, result: Result) -> None:
    if result.probe:
        # An experiment of the farm's own, which no view counts.
        return
    touched.rewritten |= not (result.rev or "").startswith("1-")
    where = result.environment.parts()
    day = result.completed_at[:10]
    for found in result.findings:
        key = (f"result_{found.kind}", found.message, found.detail, *where)
        touched.tuples[key] = min(day, touched.tuples.get(key, day))
    touched.inputs.add((result.product, result.input_name))


def _apply(farm: Farm, scratch: Scratch, touched: _Touched) -> Iterator[str]:
    """Do what is to be done, and say after each step what it was."""
    for key, rows in zip(touched.tuples, _sightings(farm, touched.tuples), strict=True):
        tables.set_seen(scratch, seen.of_tuple(key, rows), touched.tuples[key])
        scratch.insert("dirty", [(tables.name_of(list(key)),)])
        yield "results"
    inputs = sorted(touched.inputs)
    for where, runs in zip(inputs, _runs(farm, inputs), strict=True):
        _run_again(scratch, where, runs)
        yield "runs"


def _new_places(scratch: Scratch, document_id: str) -> list[str]:
    """Inputs of a tuple whose runs nobody has counted yet."""
    query = "SELECT place FROM places WHERE document = ? AND (product, place) NOT IN (SELECT product, place FROM ran)"
    return [place for (place,) in scratch.rows(query, document_id)]


def _sightings(farm: Farm, tuples: Mapping[tuple[str, ...], str]) -> Iterator[Iterator[Row]]:
    """For each tuple, the rows of its results from its day on."""
    asked = ({"startkey": [*key, day], "endkey": [*key, {}], "reduce": False} for key, day in tuples.items())
    for rows in paging.answers(farm.history, "crash_type", "results", asked):
        yield (Row(key=row["key"], id=row["id"]) for row in rows)


def _runs(farm: Farm, inputs: Iterable[tuple[str, str]]) -> Iterator[list[Json]]:
    """For each input, its runs by build, machine and outcome."""
    asked = ({"startkey": [*where], "endkey": [*where, {}], "group_level": 8} for where in inputs)
    return paging.answers(farm.history, "results", "by_input", asked)


def _run_again(scratch: Scratch, where: tuple[str, str], rows: list[Json]) -> None:
    """Count the runs of an input, if anything was ever seen on it; all that it shows may differ now."""
    scratch.change("DELETE FROM ran WHERE product = ? AND place = ?", *where)
    found = list(scratch.rows("SELECT DISTINCT signature FROM places WHERE product = ? AND place = ?", *where))
    if found:
        tables.add_runs(scratch, [(row["key"], row["value"]) for row in rows])
    scratch.insert("dirty", found)


def _adds_up(farm: Farm, scratch: Scratch) -> bool:
    """Whether the tables count just what there is, of each kind."""
    found = paging.groups(farm.history, "crash_type", "results", 1)
    there = {kind_of(key[0]): n for key, n in found if key[0].startswith("result_")}
    counted = scratch.rows("SELECT kind, sum(count) FROM tuples GROUP BY kind HAVING sum(count) > 0")
    return dict(counted) == there
