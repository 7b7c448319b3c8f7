"""Rows of views and documents, as rows of the scratch tables."""

import functools
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from crashfarm.documents.history import HISTORY_TYPES, History
from crashfarm.documents.job import JobResult
from crashfarm.keys import PARTS
from server.queries.signatures import kind_of, short_name, signature
from server.report.scratch import Scratch
from server.report.seen import Days, Seen

_KINDS = {name: kind_of(name) for name in HISTORY_TYPES}

MANY_DAYS = 20_000
"""Days of branches that are counted in memory."""

PRODUCT, BRANCH = PARTS.index("product"), PARTS.index("branch")

_TUPLE = (
    "signature = ? AND message = ? AND product = ? AND branch = ? AND buildtype = ? AND os_name = ?"
    " AND os_version = ? AND cpu_name = ?"
)

_SAY = """ON CONFLICT DO UPDATE SET
first_seen = excluded.first_seen, last_seen = excluded.last_seen, title = excluded.title,
severity = excluded.severity, suppressed = excluded.suppressed
"""

_SEE = """ON CONFLICT DO UPDATE SET
count = count + excluded.count, newest = excluded.newest,
days = iif(count, add_days(days, excluded.days), excluded.days)
"""

_COUNT = "ON CONFLICT DO UPDATE SET count = count + excluded.count"

_ADD_RUNS = "ON CONFLICT DO UPDATE SET runs = runs + excluded.runs"

_RUN = f"""
INSERT INTO ran
SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8 WHERE EXISTS (SELECT 1 FROM places WHERE product = ?1 AND place = ?2) {_ADD_RUNS}
"""  # noqa: S608 the statement is ours
_TAKE_RUNS = f"""
INSERT INTO main.ran
SELECT * FROM other.ran AS its
WHERE EXISTS (SELECT 1 FROM places WHERE places.product = its.product AND places.place = its.place) {_ADD_RUNS}
"""  # noqa: S608 the statement is ours


def add_history(scratch: Scratch, document_id: str, history: History) -> str:
    """Note what a history document says; returns the name of its signature.

    How often its tuple was seen is not in it, and stays as it is.
    """
    name = _signature(history)
    add_histories(scratch, [(document_id, history)])
    return name


def add_histories(scratch: Scratch, found: Iterable[tuple[str, History | None]]) -> None:
    """The same of many documents, each with its id; None is one that cannot be read."""
    known = list(found)
    readable = [(_signature(one), id, one) for id, one in known if one]
    scratch.insert("tuples", [_said(name, one) for name, _, one in readable], _SAY)
    scratch.insert("unreadable", [(id,) for id, one in known if not one])
    scratch.insert("places", [(name, one.product, place, id) for name, id, one in readable for place in one.places])
    scratch.insert("bugs", [(name, bug, True, id) for name, id, one in readable for bug in one.bugs.open])
    scratch.insert("bugs", [(name, bug, False, id) for name, id, one in readable for bug in one.bugs.closed])
    scratch.insert("again", [(name, bug, one.last_seen, id) for name, id, one in readable for bug in one.regressed])


def _signature(history: History) -> str:
    return _name(_KINDS[history.TYPE], history.message, history.detail)


def _said(name: str, one: History) -> tuple[Any, ...]:
    """What a history document says of its tuple, as a row of the table."""
    # Spelled out, for there are very many.
    return (
        name,
        _KINDS[one.TYPE],
        one.message,
        one.detail,
        one.product,
        one.branch,
        one.buildtype,
        one.os_name,
        one.os_version,
        one.cpu_name,
        one.first_seen,
        one.last_seen,
        one.title,
        one.severity,
        one.suppressed,
        0,
        "{}",
        "",
    )


def forget_history(scratch: Scratch, document_id: str) -> None:
    """Forget what a history document said, before what it says now is noted."""
    for table in ("places", "bugs", "again", "unreadable"):
        scratch.change(f"DELETE FROM {table} WHERE document = ?", document_id)  # noqa: S608 names are ours


class OnDays:
    """How often anything was seen on a branch on a day, noted now and then: nearly all tuples share these."""

    def __init__(self, scratch: Scratch) -> None:
        self._scratch = scratch
        self._counts: dict[tuple[str, str, str], int] = {}

    def add(self, seen: Iterable[Seen]) -> None:
        """Count what tuples were seen."""
        counts = self._counts
        for one in seen:
            product, branch = texts(one.key[PRODUCT : BRANCH + 1])
            for day, number in one.days.items():
                where = (product, branch, day)
                counts[where] = counts.get(where, 0) + number
        if len(counts) > MANY_DAYS:
            self.note()

    def note(self) -> None:
        """Note what was counted since this was last done."""
        self._scratch.insert("on_day", ((*where, number) for where, number in self._counts.items()), _COUNT)
        self._counts.clear()


def add_seen(scratch: Scratch, seen: Iterable[Seen]) -> None:
    """Add to what tuples were seen. Where one has no history document yet, the times of its results tell the rest."""
    scratch.insert("tuples", map(_saw, seen), _SEE)


def _saw(seen: Seen) -> tuple[Any, ...]:
    parts = texts(seen.key)
    where = (kind_of(parts[0]), *parts[1:])
    return (name_of(parts), *where, seen.first, seen.last, "", "", False, seen.count, _json(seen.days), seen.newest)


def set_seen(scratch: Scratch, seen: Seen, since: str) -> None:
    """Put what a tuple was seen on that day and later in the place of what is noted for these days."""
    noted = days_of(scratch, seen.key)
    if noted is None:
        add_seen(scratch, [seen])
        _count(scratch, seen.key, seen.days)
        return
    days = {**{day: n for day, n in noted.items() if day < since}, **seen.days}
    _note(scratch, seen, days)
    more = Counter(days)
    more.subtract(noted)
    _count(scratch, seen.key, more)


def _count(scratch: Scratch, key: Sequence[Any], days: Mapping[str, int]) -> None:
    where = texts(key[PRODUCT : BRANCH + 1])
    scratch.insert("on_day", [(*where, day, number) for day, number in days.items() if number], _COUNT)


def days_of(scratch: Scratch, key: Iterable[Any]) -> Days | None:
    """How often a tuple was seen on which days, or None where nobody has heard of it."""
    found = next(scratch.rows(f"SELECT days FROM tuples WHERE {_TUPLE}", *_where(key)), None)  # noqa: S608
    return None if found is None else msgspec.json.decode(found[0], type=dict[str, int])


def _note(scratch: Scratch, seen: Seen, days: Days) -> None:
    statement = f"UPDATE tuples SET count = ?, days = ?, newest = ? WHERE {_TUPLE}"  # noqa: S608
    scratch.change(statement, sum(days.values()), _json(days), seen.newest, *_where(seen.key))


def _where(key: Iterable[Any]) -> tuple[str, ...]:
    """The parts of a tuple's key as the table has them."""
    parts = texts(key)
    return (name_of(parts), parts[1], *parts[PRODUCT:])


def _json(days: Days) -> str:
    return msgspec.json.encode(days).decode()


def add_runs(scratch: Scratch, runs: Iterable[tuple[list[Any], int]]) -> None:
    """Count runs, each a key of the view by input and a number, of those inputs on which anything was ever seen.

    A run that could not begin does not count.
    """
    scratch.change_all(_RUN, _begun(runs))


def add_all_runs(scratch: Scratch, runs: Iterable[tuple[list[Any], int]]) -> None:
    """The same of all inputs, in tables that do not know where anything was seen."""
    scratch.insert("ran", _begun(runs), _ADD_RUNS)


def take_runs(scratch: Scratch, path: Path) -> None:
    """Count the runs that such tables hold, in the file of that path, as `add_runs` would."""
    with scratch.beside(path):
        scratch.change(_TAKE_RUNS)


def _begun(runs: Iterable[tuple[list[Any], int]]) -> list[tuple[Any, ...]]:
    return [(*texts(where), count) for (*where, outcome), count in runs if outcome != JobResult.ERROR]


def name_of(key: list[Any]) -> str:
    """The short name of a tuple's signature."""
    return _name(kind_of(key[0]), key[1], key[2])


@functools.lru_cache(256)
def _name(kind: str, message: str, detail: str) -> str:
    # Views give the tuples of one signature one after the other.
    return short_name(signature(kind, message, detail))


def texts(parts: Iterable[Any]) -> list[str]:
    """Parts of a key as texts: a part that somebody's document lacks is null in the view."""
    return [part or "" for part in parts]
