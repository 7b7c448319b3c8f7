"""Views in, scratch tables out: everything a report knows passes here, a page at a time."""

import contextlib
import functools
import gc
import itertools
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeVar

import msgspec

from crashfarm.answers import NOTHING
from crashfarm.documents.history import HISTORY_TYPES, History
from crashfarm.errors import InvalidDocument
from crashfarm.settings import Farm
from server.queries import paging
from server.queries.signatures import kind_of
from server.report import bugs, counting, follow, notes, seen, tables
from server.report.hands import Hands
from server.report.scratch import Scratch

T = TypeVar("T")

Progress = Callable[[int, int, str], None]
"""Is told how many things of how many are done so far, and what is being done."""

Note = Callable[[], object]
"""What is to be done to note some of what was read."""

TUPLES = ("crash_type", "results")

READ = (TUPLES, ("results", "by_input"), ("signatures", "by_count"))
"""One view of each design document that is read."""

DOCUMENT_PAGE = 500
"""Documents that one request brings."""

AT_ONCE = 300
"""Tuples whose sightings are noted at once: of so few that the database has not long to wait for the next question."""


def collect(farm: Farm, scratch: Scratch, progress: Progress, hands: Hands) -> None:
    """Bring the tables to what the farm's views say now.

    Tables that hold an earlier state of the same farm are brought up by what has changed since; others are made anew.
    """
    for design, view in READ:
        tell = functools.partial(_building, progress, design)
        paging.build(farm.history, design, view, tell, time.sleep)
    info = farm.history.info()
    if not follow.bring_up(farm, scratch, info, progress):
        scratch.clear()
        _read_all(farm, scratch, progress, hands)
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
def _read_all(farm: Farm, scratch: Scratch, progress: Progress, hands: Hands) -> None:
    numbers = {key[0]: number for key, number in paging.groups(farm.history, "crash_type", "results", 1)}
    runs = paging.total(farm.history, "results", "by_input")
    tell = _Told(progress, sum(numbers.values()) + runs)
    days = tables.OnDays(scratch)
    with counting.beside(farm, scratch, runs, hands) as hand:
        # Of each kind what is known of the tuples and what was seen of them, side by side: the one is more work for the
        # database, the other for this process. In which order they are noted makes no difference.
        names = [name for name in sorted(numbers, key=kind_of) if name in HISTORY_TYPES or name.startswith("result_")]
        _do_all(_of_type(farm, scratch, tell, days, name) for name in names)
        days.note()
        scratch.index()
        # Only now is it known which inputs show anything.
        if hand:
            for more in hand.finish():
                tell.more("runs", more)
        else:
            _do_all([_runs(farm, scratch, tell)])
    notes.collect(farm, scratch)
    scratch.change("INSERT OR IGNORE INTO dirty SELECT DISTINCT signature FROM tuples")


def _do_all(sources: Iterable[Iterator[Note]]) -> None:
    for note in paging.in_turn(sources):
        note()


class _Told:
    """Counts what passes and tells of it."""

    def __init__(self, progress: Progress, total: int) -> None:
        self._progress = progress
        self._total = total
        self._done = 0

    def of(self, what: str, batches: Iterable[Sequence[T]]) -> Iterator[Sequence[T]]:
        """The same things."""
        for batch in batches:
            self.more(what, len(batch))
            yield batch

    def more(self, what: str, number: int) -> None:
        """So many more of them."""
        self._done += number
        self._progress(self._done, self._total, f"reading {what}")


def _of_type(farm: Farm, scratch: Scratch, tell: _Told, days: tables.OnDays, type_name: str) -> Iterator[Note]:
    """What there is to note of one type of the crash view's rows."""
    if type_name in HISTORY_TYPES:
        return _histories(farm, scratch, tell, type_name)
    return _sightings(farm, scratch, tell, days, type_name)


def _histories(farm: Farm, scratch: Scratch, tell: _Told, type_name: str) -> Iterator[Note]:
    """The history documents of one type, in the order of their tuples, less those that are gone."""
    pages = paging.raw_pages(farm.history, *TUPLES, [type_name], page=DOCUMENT_PAGE, include_docs=True)
    for rows in tell.of("tuples", paging.ahead(pages, many=1, deep=paging.DEEP)):
        known = [(row.id or "", _history(type_name, row.doc)) for row in rows if row.doc != NOTHING]
        yield functools.partial(tables.add_histories, scratch, known)


def _history(type_name: str, doc: msgspec.Raw) -> History | None:
    try:
        return HISTORY_TYPES[type_name].read(doc)
    except InvalidDocument:
        return None


def _sightings(farm: Farm, scratch: Scratch, tell: _Told, days: tables.OnDays, type_name: str) -> Iterator[Note]:
    """What the results of one type show, tuple by tuple."""
    pages = paging.ahead(paging.raw_pages(farm.history, *TUPLES, [type_name]), many=1, deep=paging.DEEP)
    rows = itertools.chain.from_iterable(tell.of("results", pages))
    for some in paging.batches(seen.by_tuple(rows), AT_ONCE):
        days.add(some)
        yield functools.partial(tables.add_seen, scratch, some)


def _runs(farm: Farm, scratch: Scratch, tell: _Told) -> Iterator[Note]:
    """Runs of each input on which anything was ever seen."""
    for runs in tell.of("runs", counting.runs(farm.history)):
        yield functools.partial(tables.add_runs, scratch, runs)
