"""Rows of the crash view, one for each finding of a result, folded into what each tuple was seen."""

import itertools
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

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


def by_tuple(rows: Iterable[tuple[list[Any], str]]) -> Iterator[Seen]:
    """Fold rows, each a key and a result's id, in the order of their keys; what comes is in that order, too."""
    for key, same in itertools.groupby(rows, key=lambda row: row[0][:WHEN]):
        yield fold(key, same)


def fold(key: Iterable[Any], rows: Iterable[tuple[list[Any], str]]) -> Seen:
    """Fold the rows of one tuple, the oldest first."""
    times, newest = [], ""
    for parts, newest in rows:  # noqa: B007 the last one counts
        times.append(parts[WHEN] or "")
    days = Counter(when[:10] for when in times)
    return Seen(tuple(key), days, times[0] if times else "", times[-1] if times else "", newest)
