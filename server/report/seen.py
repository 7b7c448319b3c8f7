"""Rows of the crash view, one for each finding of a result, folded into what each tuple was seen."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
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
    """Fold rows in the order of their keys, of each tuple the oldest first; what comes is in that order, too."""
    key: list[Any] | None = None
    days: dict[str, int] = {}
    first = when = newest = ""
    # Plainly, for there are very many.
    for row in rows:
        if row.key[:WHEN] != key:
            if key is not None:
                yield Seen(tuple(key), days, first, when, newest)
            key, days = row.key[:WHEN], {}
            first = row.key[WHEN] or ""
        when, newest = row.key[WHEN] or "", row.id or ""
        day = when[:10]
        days[day] = days.get(day, 0) + 1
    if key is not None:
        yield Seen(tuple(key), days, first, when, newest)


def of_tuple(key: Sequence[Any], rows: Iterable[Row]) -> Seen:
    """What one tuple was seen, out of rows that may be of others, too: a database may take two texts for one."""
    its = by_tuple(row for row in rows if row.key[:WHEN] == [*key])
    return next(its, Seen(tuple(key), {}, "", "", ""))
