"""Tuples and bugs for the collector, and what it has made of them."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from crashfarm.documents.bug import Bug, Matcher
from crashfarm.documents.environment import Environment
from crashfarm.documents.finding import Finding, Kind
from crashfarm.documents.history import History, Sighting, history_of
from crashfarm.settings import Farm

HERE = Environment(product="p", branch="1", buildtype="opt", os_name="Linux", os_version="12", cpu_name="x86_64")
SEEN = "2026-11-20T00:00:00.000Z"
LATER = "2026-11-21T00:00:00.000Z"
NOW = datetime(2026, 11, 22, tzinfo=UTC)

Collect = Callable[[], int]


def clock() -> datetime:
    return NOW


def tuple_of(detail: str = "f | g", where: Environment = HERE, seen: str = SEEN, **parts: Any) -> History:
    """The tuple that one sighting makes."""
    told: dict[str, Any] = {"kind": Kind.CRASH, "title": "SIGSEGV", "message": "Segmentation fault"}
    finding = Finding(**told | parts, detail=detail, signature=detail)
    return history_of(Sighting(finding=finding, environment=where, seen_at=seen, place="a.py"))


def on(**parts: str) -> Environment:
    """A place that differs in some parts."""
    return Environment(**{name: getattr(HERE, name) for name in HERE.__struct_fields__} | parts)


def bug(number: str = "1", *matchers: Matcher, **parts: Any) -> Bug:
    """A bug; without matchers, one for the signature of `tuple_of`."""
    return Bug(
        id=f"bug:t:{number}", tracker="t", number=number, matchers=matchers or (Matcher(signature="f | g"),), **parts
    )


def save(farm: Farm, *docs: Bug | History) -> None:
    """Write documents, as they are to be now."""
    for one in docs:
        database = farm.history if isinstance(one, History) else farm.status
        present = database.get(one.id) or {}
        database.put(one.evolve(rev=present.get("_rev")).to_doc())


def look(farm: Farm, one: History) -> History:
    """A tuple as it is stored."""
    return type(one).from_doc(farm.history.get(one.id) or {})


def bugs_of(farm: Farm, one: History) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The short names of the bugs that a tuple names: open ones, closed ones."""
    lists = look(farm, one).bugs
    return tuple(id[6:] for id in lists.open), tuple(id[6:] for id in lists.closed)
