"""Reading files of bugs, and adding what a person says of one."""

from enum import StrEnum
from pathlib import Path
from typing import Any

from crashfarm.database import Database
from crashfarm.documents.bug import Bug, Matcher
from crashfarm.errors import InputError
from crashfarm.understand.known_bugs import (
    BugList,
    InvalidList,
    check_name,
    parse_csv,
    parse_json_lines,
    parse_list,
)
from server.bugs import storing

NONE_NAMED = "?"


class Form(StrEnum):
    """What a file of bugs may hold."""

    JSON_LINES = "jsonl"
    CSV = "csv"
    LIST = "list"


_PARSERS = {Form.JSON_LINES: parse_json_lines, Form.CSV: parse_csv, Form.LIST: parse_list}
_FORMS = {".jsonl": Form.JSON_LINES, ".json": Form.JSON_LINES, ".ndjson": Form.JSON_LINES, ".csv": Form.CSV}


def read(path: Path, form: Form | None, tracker: str | None) -> BugList:
    """The bugs of a file, and its bad lines. Raises InputError for a file that cannot be read at all."""
    if tracker is not None:
        check_name("tracker", tracker)
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as fault:
        raise InputError(f"cannot read {path}: {fault.strerror}") from fault
    except UnicodeDecodeError as fault:
        raise InvalidList(f"{path} is not UTF-8: byte {fault.start} is {fault.object[fault.start]:#x}") from fault
    found = _PARSERS[form or _FORMS.get(path.suffix.lower(), Form.LIST)](text, tracker=tracker or NONE_NAMED)
    if any(bug.tracker == NONE_NAMED for bug in found.bugs):
        raise InputError(f"{path} does not name the tracker of its bugs: name it with --tracker")
    return found


def add(
    status: Database, bug: Bug, changes: dict[str, Any], matchers: tuple[Matcher, ...], now: str
) -> tuple[Bug, storing.Stored]:
    """Add a bug or change one, and add matchers to it: the bug as it is now, and whether it was new or changed."""
    after = bug

    def merge(present: Bug | None, told: Bug) -> Bug:
        nonlocal after
        base = present or told
        state = changes.get("state", base.state)
        plain = {name: value for name, value in changes.items() if name != "state"}
        merged = base.evolve(**plain, matchers=tuple(dict.fromkeys((*base.matchers, *matchers))))
        after = storing.in_state(merged, state, now)
        return after

    stored = storing.store(status, [bug], merge)
    return after, stored


def take_away(status: Database, bug: Bug, matcher: Matcher) -> Bug:
    """Take a matcher from a bug. Raises InputError if it does not have it."""
    if matcher not in bug.matchers:
        raise InputError(f"{bug.id} is not attached to that signature; another matcher of it may explain it")

    def merge(present: Bug | None, told: Bug) -> Bug:
        base = present or told
        return base.evolve(matchers=tuple(one for one in base.matchers if one != matcher))

    storing.store(status, [bug], merge)
    return bug
