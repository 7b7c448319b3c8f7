"""Rows of the crash view, one for each finding of a result, folded into what each tuple was seen."""

import itertools
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from crashfarm.database import Row
from crashfarm.keys import PARTS

WHEN = PARTS.index("when")

Days = Mapping[str, int]
"""How often something was seen on each day, such as 2026-11-22. What nobody can date stands under the empty text."""


@dataclass(frozen=True)
class Seen:
    """How often a tuple was seen on which days, from when until when, and the id of the newest result.

    `key` is the nine parts as the view has them.
    """

    key: tuple[Any, ...]
    days: Days
    first: str
    last: str
    newest: str

    @property
    def count(self) -> int:
        """How often it was seen."""
        return sum(self.days.values())


def by_tuple(rows: Iterable[Row]) -> Iterator[Seen]:
    """Fold rows in the order of their keys; what comes is in that order, too."""
    for key, same in itertools.groupby(rows, key=lambda row: row.key[:WHEN]):
        yield fold(key, same)


def fold(key: Iterable[Any], rows: Iterable[Row]) -> Seen:
    """Fold the rows of one tuple, the oldest first."""
    days: dict[str, int] = {}
    first: str | None = None
    when, newest = "", ""
    # Plainly, for there are very many.
    for row in rows:
        when, newest = row.key[WHEN] or "", row.id or ""
        first = when if first is None else first
        day = when[:10]
        days[day] = days.get(day, 0) + 1
    return Seen(tuple(key), days, first or "", when, newest)
