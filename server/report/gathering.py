"""What the scratch tables know of signatures, many with one question."""

import itertools
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from crashfarm.documents.signature import SignatureNote
from server.report import bugs, notes
from server.report.lists import branch_href
from server.report.model import BugLink, Line, TupleRow, Variant
from server.report.scratch import Tables

MAX_ROWS = 200
"""Tuples and places that one page lists."""

_ASKED = "signature IN (SELECT value FROM json_each(?))"

_TUPLES = f"""
SELECT signature, message, product, branch, buildtype, os_name, os_version, cpu_name, first_seen, last_seen, count, days
FROM tuples WHERE {_ASKED}
ORDER BY signature, count DESC, branch, buildtype, message, product, os_name, os_version, cpu_name
"""  # noqa: S608 the statement is ours
_RAN = f"""
SELECT signature, product, branch, buildtype, os_name, os_version, cpu_name, sum(runs)
FROM (SELECT DISTINCT signature, product, place FROM places WHERE {_ASKED}) JOIN ran USING (product, place)
GROUP BY 1, 2, 3, 4, 5, 6, 7
"""  # noqa: S608 the statement is ours
_PLACES = f"SELECT DISTINCT signature, place FROM places WHERE {_ASKED} ORDER BY signature"  # noqa: S608

Build = tuple[str, str, str]
Machine = tuple[str, str, str]
Counts = dict[Build, dict[Machine, int]]

_DAYS = msgspec.json.Decoder(dict[str, int])


@dataclass
class Tuples:
    """The tuples of one signature: the first ones as rows, and what all of them say together."""

    rows: list[TupleRow] = field(default_factory=list)
    seen: Counts = field(default_factory=dict)
    days: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Known:
    """What is known of one signature before its documents are read; `places` are those to list, and how many more."""

    line: Line
    tuples: Tuples
    ran: Counts
    places: tuple[tuple[str, ...], int]
    bugs: tuple[BugLink, ...]
    note: SignatureNote | None
    variants: tuple[Variant, ...]


def gather(tables: Tables, lines: Sequence[Line]) -> list[Known]:
    """What is known of these signatures, in their order."""
    names = msgspec.json.encode([line.name for line in lines]).decode()
    found = {name: _fold(rows) for name, rows in _by_signature(tables.rows(_TUPLES, names))}
    ran = _runs(tables.rows(_RAN, names))
    places = {
        name: (tuple(place for _, place in itertools.islice(rows, MAX_ROWS)), sum(1 for _ in rows))
        for name, rows in _by_signature(tables.rows(_PLACES, names))
    }
    noted = notes.of_signatures(tables, names)
    return [
        Known(
            line=line,
            tuples=found.get(line.name) or Tuples(),
            ran=ran.get(line.name, {}),
            places=places.get(line.name, ((), 0)),
            bugs=bugs.of_signature(tables, line.name) if line.open_bugs or line.closed_bugs else (),
            note=noted.get(line.name),
            variants=notes.variants(tables, line.name) if line.name in noted else (),
        )
        for line in lines
    ]


def _by_signature(rows: Iterable[tuple[Any, ...]]) -> Iterator[tuple[str, Iterator[tuple[Any, ...]]]]:
    return itertools.groupby(rows, key=lambda row: row[0])


def _fold(rows: Iterable[tuple[Any, ...]]) -> Tuples:
    """The tuples of one signature, the commonest first; only the rows that a page lists are kept."""
    found = Tuples()
    seen, days = found.seen, found.days
    # Plainly, for there are very many.
    for _, message, product, branch, buildtype, os_name, os_version, cpu_name, first, last, count, counted in rows:
        build, machine = (product, branch, buildtype), (os_name, os_version, cpu_name)
        if len(found.rows) < MAX_ROWS:
            href = branch_href(product, branch)
            found.rows.append(TupleRow(href, message, *build, " ".join(machine), first, last, count))
        here = seen.get(build)
        if here is None:
            here = seen[build] = {}
        here[machine] = here.get(machine, 0) + count
        for day, number in _DAYS.decode(counted).items():
            days[day] = days.get(day, 0) + number
    return found


def _runs(rows: Iterable[tuple[Any, ...]]) -> Mapping[str, Counts]:
    found: dict[str, Counts] = defaultdict(dict)
    for name, product, branch, buildtype, os_name, os_version, cpu_name, runs in rows:
        found[name].setdefault((product, branch, buildtype), {})[os_name, os_version, cpu_name] = runs
    return found
