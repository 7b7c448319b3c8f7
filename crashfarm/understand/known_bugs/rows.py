"""Lists of known bugs as JSON Lines or CSV: one matcher a row, and the bug that it belongs to.

Columns, or members: `number`, and optionally `tracker`, `title`, `state` (open or closed), `url`, and the parts of a
matcher: `kind`, `text`, `how`, `file`, `signature`, `product`, `branch`, `version`. Rows of one number are one bug.
"""

import csv
import io
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import msgspec

from crashfarm.documents.bug import Bug, BugState, Matcher
from crashfarm.understand.known_bugs.importing import BadLine, BugList, InvalidList, bug, check_name, check_size
from crashfarm.understand.known_bugs.index import refusal

_MATCHER = ("kind", "text", "how", "file", "signature", "product", "branch", "version")
_BUG = ("number", "tracker", "title", "state", "url")

Row = tuple[int, Mapping[str, Any] | str]
"""The number of a line, and what is in it, or why that cannot be read."""


def read_json_lines(text: str, *, tracker: str) -> tuple[Bug, ...]:
    """The bugs of a list of JSON objects, one a line. Raises InvalidList, naming the first line that is bad."""
    return parse_json_lines(text, tracker=tracker).must_be_good()


def read_csv(text: str, *, tracker: str) -> tuple[Bug, ...]:
    """The bugs of a table whose first row names the columns. Raises InvalidList, naming the first line that is bad."""
    return parse_csv(text, tracker=tracker).must_be_good()


def parse_json_lines(text: str, *, tracker: str) -> BugList:
    """The same, with the bad lines beside the good ones."""
    check_size(text)
    return _gather(_objects(text), tracker)


def parse_csv(text: str, *, tracker: str) -> BugList:
    """The same, with the bad lines beside the good ones. Raises InvalidList for what is no table at all."""
    check_size(text)
    reader = csv.DictReader(io.StringIO(text), strict=True)
    try:
        rows: list[Row] = [(reader.line_num, row) for row in reader]
    except csv.Error as fault:
        raise InvalidList(f"line {reader.line_num}: not CSV: {fault}") from fault
    if reader.fieldnames is not None and "number" not in reader.fieldnames:
        raise InvalidList("line 1: not the names of the columns: none of them is number")
    return _gather(rows, tracker)


def _objects(text: str) -> Iterator[Row]:
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        try:
            row = msgspec.json.decode(line)
        except (msgspec.DecodeError, RecursionError) as fault:
            yield number, f"not JSON: {fault}"
            continue
        yield number, row if isinstance(row, dict) else "no JSON object"


def _gather(rows: Iterable[Row], tracker: str) -> BugList:
    told: dict[tuple[str, str], dict[str, str]] = {}
    matchers: dict[tuple[str, str], list[Matcher]] = {}
    bad = []
    for line, row in rows:
        try:
            about, parts = _read(row, tracker)
        except InvalidList as fault:
            bad.append(BadLine(line, str(fault)))
            continue
        key = (about["tracker"], about["number"])
        told.setdefault(key, {}).update(about)
        matchers.setdefault(key, []).extend([Matcher(**parts)] if parts else [])
    bugs = [bug(*key, matchers[key], **_about(told[key])) for key in told]
    stated = frozenset(one.id for one in bugs if "state" in told[one.tracker, one.number])
    return BugList(tuple(bugs), tuple(bad), stated)


def _read(row: Mapping[str, Any] | str, tracker: str) -> tuple[dict[str, str], dict[str, str]]:
    """What a row tells of a bug, and the parts of its matcher. Raises InvalidList with the reason."""
    if isinstance(row, str):
        raise InvalidList(row)
    about = {"tracker": tracker} | _texts(row, _BUG)
    if not about.get("number"):
        raise InvalidList("no number")
    if about.get("state", "open") not in tuple(BugState):
        raise InvalidList(f"state is {about['state']!r}, neither open nor closed")
    check_name("tracker", about["tracker"])
    check_name("number", about["number"])
    parts = _texts(row, _MATCHER)
    if parts and (reason := refusal(Matcher(**parts))):
        raise InvalidList(reason)
    return about, parts


def _about(told: Mapping[str, str]) -> dict[str, str]:
    return {name: told[name] for name in ("title", "state", "url") if name in told}


def _texts(row: Mapping[str, Any], names: tuple[str, ...]) -> dict[str, str]:
    """The members that are given; a number counts as its digits."""
    found = {}
    for name in names:
        value = row.get(name)
        if isinstance(value, int) and not isinstance(value, bool):
            value = str(value)
        if value is not None and not isinstance(value, str):
            raise InvalidList(f"{name} is neither text nor number")
        if value:
            found[name] = value
    return found
