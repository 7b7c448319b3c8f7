"""Views in, scratch tables out: everything a report knows passes here, a page at a time."""

import contextlib
import functools
import gc
import itertools
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar

from crashfarm.database import Row
from crashfarm.documents.history import HISTORY_TYPES
from crashfarm.settings import Farm
from server.queries import paging
from server.report import bugs, follow, notes, seen, tables
from server.report.scratch import Scratch

T = TypeVar("T")

Progress = Callable[[int, int, str], None]
"""Is told how many things of how many are done so far, and what is being done."""

READ = (("crash_type", "results"), ("results", "by_input"), ("signatures", "by_count"))
"""One view of each design document that is read."""

DOCUMENT_PAGE = 500
"""Documents that one request brings, and rows that are noted at once."""

DEEP = 8
"""Pages that are read ahead of what is noted."""

TELL = 500
"""Things between two words about the progress."""


def collect(farm: Farm, scratch: Scratch, progress: Progress) -> None:
    """Bring the tables to what the farm's views say now.

    Tables that hold an earlier state of the same farm are brought up by what has changed since; others are made anew.
    """
    for design, view in READ:
        tell = functools.partial(_building, progress, design)
        paging.build(farm.history, design, view, tell, time.sleep)
    info = farm.history.info()
    if not follow.bring_up(farm, scratch, info, progress):
        scratch.clear()
        _read_all(farm, scratch, progress)
    scratch.set("instance", follow.instance(farm, info))
    scratch.set("seq", str(info["update_seq"]))
    bugs.collect(farm, scratch)
    scratch.derive()


def _building(progress: Progress, design: str, done: int, total: int) -> None:
    progress(done, total, f"building the index of {design}")


@contextlib.contextmanager
def _few_circles() -> Iterator[None]:
    """Rows hold no circles: to look for some each few hundred objects takes a tenth of the time of reading them."""
    before = gc.get_threshold()
    gc.set_threshold(100_000, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)


@_few_circles()
def _read_all(farm: Farm, scratch: Scratch, progress: Progress) -> None:
    numbers = {key[0]: number for key, number in paging.groups(farm.history, "crash_type", "results", 1)}
    tell = _Told(progress, sum(numbers.values()) + paging.total(farm.history, "results", "by_input"))
    # In which order they are noted makes no difference; the database finds some while others are noted.
    for note in paging.in_turn(_notes(farm, scratch, tell, type_name) for type_name in numbers):
        note()
    scratch.index()
    _add_runs(scratch, tell.of("runs", paging.ahead(paging.groups(farm.history, "results", "by_input", 8))))
    notes.collect(farm, scratch)
    scratch.change("INSERT OR IGNORE INTO dirty SELECT DISTINCT signature FROM tuples")


def _notes(farm: Farm, scratch: Scratch, tell: "_Told", type_name: str) -> Iterator[Callable[[], object]]:
    """What is to be done to note all of one type, some of them at a time."""
    if type_name in HISTORY_TYPES:
        for rows in _batches(tell.of("tuples", _histories(farm, type_name))):
            yield functools.partial(tables.add_histories, scratch, [(row.id or "", row.doc or {}) for row in rows])
    elif type_name.startswith("result_"):
        for some in _batches(seen.by_tuple(tell.of("results", _sightings(farm, type_name)))):
            yield functools.partial(tables.add_seen, scratch, some)


class _Told:
    """Counts what passes and tells of it now and then."""

    def __init__(self, progress: Progress, total: int) -> None:
        self._progress = progress
        self._total = total
        self._done = 0

    def of(self, what: str, things: Iterable[T]) -> Iterator[T]:
        """The same things."""
        for thing in things:
            self._done += 1
            if self._done % TELL == 0:
                self._progress(self._done, self._total, f"reading {what}")
            yield thing


def _histories(farm: Farm, type_name: str) -> Iterator[Row]:
    """The rows of one type of history documents, in the order of their tuples, less those whose document is gone."""
    query = {"include_docs": True, "page": DOCUMENT_PAGE}
    found = paging.ahead(paging.rows(farm.history, "crash_type", "results", [type_name], **query), DOCUMENT_PAGE, DEEP)
    return (row for row in found if row.doc)


def _sightings(farm: Farm, type_name: str) -> Iterator[tuple[list[Any], str]]:
    """The rows of one type of results, in the order of their tuples and times: the key, and the result's id."""
    found = paging.ahead(paging.rows(farm.history, "crash_type", "results", [type_name]), deep=DEEP)
    return ((row.key, row.id or "") for row in found)


def _add_runs(scratch: Scratch, found: Iterator[tuple[list[Any], int]]) -> None:
    """Count runs of each input on which anything was ever seen."""
    for runs in _batches(found):
        inputs = {place: _shows(scratch, place) for place in {tuple(key[:2]) for key, _ in runs}}
        tables.add_runs(scratch, [(key, count) for key, count in runs if inputs[tuple(key[:2])]])


def _shows(scratch: Scratch, place: tuple[Any, ...]) -> bool:
    query = "SELECT EXISTS (SELECT 1 FROM places WHERE product = ? AND place = ?)"
    return bool(scratch.number(query, *tables.texts(place)))


def _batches(things: Iterable[T]) -> Iterator[list[T]]:
    waiting = iter(things)
    return iter(lambda: list(itertools.islice(waiting, DOCUMENT_PAGE)), [])
