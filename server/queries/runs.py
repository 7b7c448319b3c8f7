"""Runs as rows of named columns: by what they were, or by what they showed."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from crashfarm.answers import Row as ViewRow
from crashfarm.documents.result import Result
from crashfarm.errors import InvalidDocument
from crashfarm.keys import PARTS
from server.queries import paging, regressions
from server.queries.signatures import kind_of
from server.queries.tuples import WHEN, Question, asked_types, late, types

T = TypeVar("T")

Row = Mapping[str, str]
"""The value of each column; empty where a document lacks it."""

Counts = Counter[tuple[str, ...]]
"""How many runs there are with each combination of values."""

COLUMNS = (*PARTS[3:WHEN], "worker", "day", "outcome")
"""What is known of a run."""

_BY_DAY = ("product", "branch", "buildtype", "day", "outcome")
_BY_MACHINE = ("os_name", "os_version", "cpu_name", "worker", *_BY_DAY)

BATCH = 500
"""Documents that one request brings."""


def counted(history: paging.Viewed, columns: Iterable[str], machine: Sequence[str] = ()) -> Iterator[tuple[Row, int]]:
    """Rows with these columns and perhaps others, and how many runs each stands for, from the smallest view that has
    them. `machine` is a kind of machine, in the order of the key tuple, that is asked for."""
    small = set(columns) <= {*_BY_DAY} and not machine
    view, names = ("by_branch_day", _BY_DAY) if small else ("by_machine", _BY_MACHINE)
    for key, number in paging.groups(history, "results", view, len(names), machine):
        yield dict(zip(names, (part or "" for part in key), strict=True)), number


@dataclass(frozen=True, kw_only=True)
class Shown:
    """What runs must have shown: parts of the key tuple; `new` keeps to tuples that were first seen since, and
    `regressed` to those that are back. False if nothing was asked for."""

    parts: Mapping[str, str]
    since: str | None = None
    new: bool = False
    regressed: bool = False

    def __bool__(self) -> bool:
        return bool(self.parts) or self.new or self.regressed


def showing(history: paging.Viewed, shown: Shown, where: Mapping[str, str]) -> Iterator[Row]:
    """Each run once that was of these builds and machines and showed that. Memory grows with their number."""
    question = Question(parts={**shown.parts, **where}, since=shown.since)
    told: set[str] = set()
    batch: list[str] = []
    for result_id in _ids(history, question, _only(history, shown)):
        if result_id not in told:
            told.add(result_id)
            batch.append(result_id)
        if len(batch) == BATCH:
            yield from _read(history, batch)
            batch = []
    yield from _read(history, batch)


def group(rows: Iterable[tuple[Row, int]], columns: Sequence[str], parts: Row, since: str = "") -> Counts:
    """How many runs there are with each combination of these columns, of those with these parts, from that day on."""
    found: Counts = Counter()
    for row, number in rows:
        if row["day"] >= since[:10] and all(row[name] == value for name, value in parts.items()):
            found[tuple(row[name] for name in columns)] += number
    return found


def once(rows: Iterable[T]) -> Iterator[tuple[T, int]]:
    """Rows that stand for one thing each."""
    return ((row, 1) for row in rows)


def _only(history: paging.Viewed, shown: Shown) -> set[tuple[str, ...]] | None:
    """The tuples, less their type's record, that may count; None for all."""
    since = shown.since or ""
    if shown.regressed:
        back = regressions.tuples_back(history)
        return {_plain(one.tuple_key) for one in back if not shown.new or one.first_seen >= since}
    if not shown.new:
        return None
    rows = (row for name in types(history, "history") for row in paging.rows(history, "crash_type", "results", [name]))
    return {_plain(row.key) for row in rows if (row.key[WHEN] or "") >= since}


def _plain(key: Sequence[str]) -> tuple[str, ...]:
    return (kind_of(key[0]), *key[1:WHEN])


def _ids(history: paging.Viewed, question: Question, only: set[tuple[str, ...]] | None) -> Iterator[str]:
    for row in _rows(history, question):
        if question.fits(row.key) and (only is None or _plain(row.key) in only):
            yield row.id or ""


def _rows(history: paging.Viewed, question: Question) -> Iterator[ViewRow]:
    few = late(history, question)
    if few is not None:
        return few
    prefixes = (question.prefix(name) for name in asked_types(history, question))
    return (row for prefix in prefixes for row in paging.rows(history, "crash_type", "results", prefix))


def _read(history: paging.Viewed, ids: list[str]) -> Iterator[Row]:
    for row in history.all_docs(keys=ids, include_docs=True).rows if ids else ():
        try:
            one = Result.from_doc(row.doc or {})
        except InvalidDocument:
            # Gone since, or somebody is in the middle of editing it.
            continue
        named = {name: str(getattr(one, name)) for name in COLUMNS if name != "day"}
        yield {**named, "day": one.completed_at[:10], "job": one.job}
