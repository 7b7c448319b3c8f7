"""Lists of known bugs as JSON Lines or CSV: one matcher a row, and the bug that it belongs to.

Columns, or members: `number`, and optionally `tracker`, `title`, `state` (open or closed), `url`, and the parts of a
matcher: `kind`, `text`, `how`, `file`, `signature`, `product`, `branch`, `version`. Rows of one number are one bug.
"""

import csv
import io
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from crashfarm.documents.bug import Bug, BugState, Matcher
from crashfarm.understand.known_bugs.importing import InvalidList, bug, check_size

_MATCHER = ("kind", "text", "how", "file", "signature", "product", "branch", "version")
_BUG = ("number", "tracker", "title", "state", "url")


def read_json_lines(text: str, *, tracker: str) -> tuple[Bug, ...]:
    """The bugs of a list of JSON objects, one a line. Raises InvalidList, naming the line."""
    check_size(text)
    return _bugs(_objects(text), tracker)


def read_csv(text: str, *, tracker: str) -> tuple[Bug, ...]:
    """The bugs of a table whose first row names the columns. Raises InvalidList, naming the line."""
    check_size(text)
    try:
        rows = list(csv.DictReader(io.StringIO(text), strict=True))
    except csv.Error as fault:
        raise InvalidList(f"not CSV: {fault}") from fault
    return _bugs(enumerate(rows, start=2), tracker)


def _objects(text: str) -> Iterable[tuple[int, Mapping[str, Any]]]:
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        try:
            row = msgspec.json.decode(line)
        except msgspec.DecodeError as fault:
            raise InvalidList(f"line {number} is not JSON: {fault}") from fault
        if not isinstance(row, dict):
            raise InvalidList(f"line {number} is no JSON object")
        yield number, row


def _bugs(rows: Iterable[tuple[int, Mapping[str, Any]]], tracker: str) -> tuple[Bug, ...]:
    told: dict[tuple[str, str], tuple[dict[str, str], list[Matcher]]] = {}
    for line, row in rows:
        about = _texts(row, _BUG, line)
        if not about.get("number"):
            raise InvalidList(f"line {line} has no number")
        if about.get("state", "open") not in tuple(BugState):
            raise InvalidList(f"line {line}: state is {about['state']!r}, neither open nor closed")
        key = (about.get("tracker") or tracker, about["number"])
        known = told.setdefault(key, (about, []))
        parts = _texts(row, _MATCHER, line)
        if parts:
            known[1].append(Matcher(**parts))
    return tuple(
        bug(*key, matchers, **{name: about[name] for name in ("title", "state", "url") if about.get(name)})
        for key, (about, matchers) in told.items()
    )


def _texts(row: Mapping[str, Any], names: tuple[str, ...], line: int) -> dict[str, str]:
    """The members that are given; a number counts as its digits."""
    found = {}
    for name in names:
        value = row.get(name)
        if isinstance(value, int) and not isinstance(value, bool):
            value = str(value)
        if value is not None and not isinstance(value, str):
            raise InvalidList(f"line {line}: {name} is neither text nor number")
        if value:
            found[name] = value
    return found
