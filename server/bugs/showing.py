"""What known bugs explain: counted for a list, told in full for one."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

import msgspec

from crashfarm.database import Database
from crashfarm.documents.bug import Bug, BugState, bug_id
from crashfarm.documents.history import History
from crashfarm.errors import InputError, NotFound
from crashfarm.settings import Farm
from server.bugs.signing import Signature, signature_of
from server.collector.knowing import read_all
from server.collector.weighing import read_tuples
from server.queries import paging

PAGE = 500


@dataclass(frozen=True, kw_only=True)
class Question:
    """Which bugs are listed; what is not given does not matter. `matched` is whether they explain anything."""

    state: BugState | None = None
    tracker: str | None = None
    matched: bool | None = None
    regressed: bool = False
    text: str | None = None


@dataclass(frozen=True)
class Listed:
    """A bug, with the number of tuples that it explains, and of those on which it is back though fixed."""

    bug: Bug
    tuples: int
    regressed: int


class Explained(msgspec.Struct, kw_only=True):
    """What a bug explains of one signature: where and when it was seen, and the branches where it is back."""

    signature: str
    kind: str
    detail: str
    message: str
    tuples: int = 0
    branches: set[str] = msgspec.field(default_factory=set)
    machines: set[str] = msgspec.field(default_factory=set)
    first_seen: str = "~"
    last_seen: str = ""
    regressed_on: set[str] = msgspec.field(default_factory=set)
    suppressed: bool = False


def find(status: Database, name: str) -> Bug:
    """The bug of that name, `bug:tracker:number` or without the first part. Raises NotFound, which tells what to do."""
    doc = status.get(full_id(name))
    if doc is None:
        raise NotFound(f"there is no {full_id(name)}: 'crashfarm bug list' lists the known ones")
    return Bug.from_doc(doc)


def full_id(name: str) -> str:
    """The id of a bug, given with or without its first part. Raises InputError for what is no bug's name."""
    tracker, colon, number = name.removeprefix("bug:").partition(":")
    if not colon or not tracker or not number:
        raise InputError(f"{name!r} is no bug's name, which looks like tracker:number")
    return bug_id(tracker, number)


def list_bugs(farm: Farm, question: Question) -> list[Listed]:
    """The bugs that are asked for, in the order of their ids."""
    counts = _count(farm.history)
    found = (Listed(bug, *counts.get(bug.id, (0, 0))) for bug in read_all(farm.status))
    return [one for one in found if _fits(one, question)]


def explained(history: Database, bug: str) -> list[Explained]:
    """What a bug explains, by signature, the one seen last first."""
    found: dict[Signature, Explained] = {}
    for name in ("open", "closed"):
        for row in paging.rows(history, "tuples", "by_bug", [bug, name], page=PAGE, include_docs=True):
            for one in read_tuples([row.doc] if row.doc else []):
                _add(found, one, bug)
    return sorted(found.values(), key=lambda one: (one.last_seen, one.signature), reverse=True)


def _add(found: dict[Signature, Explained], one: History, bug: str) -> None:
    name = signature_of(one)
    known = found.setdefault(
        name, Explained(signature=name.id, kind=name.kind, detail=name.detail, message=one.message)
    )
    known.tuples += 1
    known.branches.add(f"{one.product} {one.branch}")
    known.machines.add(f"{one.os_name} {one.os_version} {one.cpu_name}")
    known.first_seen, known.last_seen = min(known.first_seen, one.first_seen), max(known.last_seen, one.last_seen)
    known.suppressed = known.suppressed or one.suppressed
    if bug in one.regressed:
        known.regressed_on.add(f"{one.product} {one.branch}")


def _count(history: Database) -> Mapping[str, tuple[int, int]]:
    """Of every bug that explains anything, how many tuples, and on how many of them it is back."""
    lists: dict[str, dict[str, int]] = defaultdict(dict)
    for (bug, name), count in paging.groups(history, "tuples", "by_bug", 2):
        lists[bug][name] = count
    return {bug: (n.get("open", 0) + n.get("closed", 0), n.get("regressed", 0)) for bug, n in lists.items()}


def _fits(one: Listed, question: Question) -> bool:
    bug = one.bug
    return (
        question.state in (None, bug.state)
        and question.tracker in (None, bug.tracker)
        and (question.matched is None or question.matched == bool(one.tuples))
        and (not question.regressed or one.regressed > 0)
        and (question.text is None or question.text.casefold() in f"{bug.title}\n{bug.number}".casefold())
    )
