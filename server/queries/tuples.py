"""Questions to `crash_type/results`: counts by any parts of the key tuple, of results or of history documents."""

import itertools
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

from crashfarm.answers import Row
from crashfarm.errors import InputError
from crashfarm.keys import PARTS, prefix_range
from crashfarm.ordering import natural
from server.queries import paging, recent

Record = Literal["result", "history"]

BUILD = PARTS.index("product")
WHEN = PARTS.index("when")


@dataclass(frozen=True, kw_only=True)
class Question:
    """Which rows, and how they are summed.

    `parts` maps names of parts to the value they must have; any may be left out. `record` says whether results are
    counted (each finding of each run) or history documents (each distinct tuple). `since` is a time as documents hold
    it: of a result its end, of a tuple the first time it was seen. `group` is how many leading parts are kept apart.
    """

    parts: Mapping[str, str] = field(default_factory=dict)
    record: Record = "result"
    since: str | None = None
    group: int = 3

    def __post_init__(self) -> None:
        unknown = [name for name in self.parts if name not in PARTS[:WHEN]]
        if unknown:
            raise InputError(f"no part of the key is called {unknown[0]!r}; the parts are {', '.join(PARTS)}")

    def prefix(self, type_name: str) -> list[str]:
        """The longest run of leading parts that are known."""
        values = (type_name, *(self.parts.get(name) for name in PARTS[1:WHEN]))
        return [value for value in itertools.takewhile(lambda value: value is not None, values) if value is not None]

    @property
    def level(self) -> int:
        """How many parts must be read to filter and to sum."""
        filtered = [PARTS.index(name) + 1 for name in self.parts]
        return max(self.group, *filtered, len(PARTS) if self.since else 0, 1)

    def fits(self, key: list[str]) -> bool:
        """Whether a row of `level` parts answers the question."""
        named = all(key[PARTS.index(name)] == value for name, value in self.parts.items())
        return named and (self.since is None or (key[WHEN] or "") >= self.since)


@dataclass(frozen=True)
class Count:
    """How many rows have these leading parts."""

    parts: tuple[str, ...]
    count: int


def counts(history: paging.Viewed, question: Question) -> Iterator[Count]:
    """The answer, in the order of the key, 3.9 before 3.10. Memory grows with the rows of one type, message and detail
    at most."""
    return in_order(_counts(history, question))


def in_order(found: Iterable[Count]) -> Iterator[Count]:
    """Counts, in the order of the key, with those of one type, message and detail in the order that people expect."""
    for _, same in itertools.groupby(found, key=lambda count: count.parts[:BUILD]):
        yield from sorted(same, key=lambda count: [natural(part or "") for part in count.parts[BUILD:]])


def _counts(history: paging.Viewed, question: Question) -> Iterator[Count]:
    if question.record == "result" and (few := late(history, question)) is not None:
        found = Counter(tuple(row.key[: question.group]) for row in few if question.fits(row.key))
        yield from (Count(parts, found[parts]) for parts in sorted(found, key=lambda parts: [*map(str, parts)]))
        return
    for type_name in asked_types(history, question):
        fitting = ((key, n) for key, n in _read(history, question, type_name) if question.fits(key))
        for parts, same in itertools.groupby(fitting, key=lambda row: tuple(row[0][: question.group])):
            yield Count(parts, _sum(same))


def late(history: paging.Viewed, question: Question, end: str = "") -> Iterator[Row] | None:
    """The rows of findings since then, where there are so few that the others had better not be read."""
    if not question.since:
        return None
    prefixes = (question.prefix(name) for name in asked_types(history, question))
    rows = sum(paging.total(history, "crash_type", "results", prefix) for prefix in prefixes)
    return recent.findings(history, question.since, end, rows)


def asked_types(history: paging.Viewed, question: Question) -> list[str]:
    """The types that a question is about."""
    asked = question.parts.get("type")
    return [asked] if asked else types(history, question.record)


def types(history: paging.Viewed, record: Record | None = None) -> list[str]:
    """The types that have rows, of one record or of both."""
    found = (key[0] for key, _ in paging.groups(history, "crash_type", "results", 1))
    return [name for name in found if record is None or name.startswith(f"{record}_")]


def _read(history: paging.Viewed, question: Question, type_name: str) -> Iterator[tuple[list[str], int]]:
    prefix = question.prefix(type_name)
    startkey, endkey = prefix_range(prefix)
    if question.since and len(prefix) == WHEN:
        startkey = [*prefix, question.since]
    return paging.groups(history, "crash_type", "results", question.level, startkey=startkey, endkey=endkey)


def _sum(rows: Iterable[tuple[list[str], int]]) -> int:
    return sum(count for _, count in rows)


def group_level(text: str) -> int:
    """Read what `--group` takes: a number of parts or the name of the last part that is kept apart."""
    if text in PARTS:
        return PARTS.index(text) + 1
    if text.isdecimal() and 1 <= int(text) <= len(PARTS):
        return int(text)
    raise InputError(f"--group takes a number from 1 to {len(PARTS)} or one of: {', '.join(PARTS)}; not {text!r}")
