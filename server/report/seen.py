"""Rows of the crash view, one for each finding of a result, folded into what each tuple was seen."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from crashfarm.answers import RawRow, Row
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


def by_tuple(rows: Iterable[RawRow]) -> Iterator[Seen]:
    """Fold rows in the order of their keys, of each tuple the oldest first; what comes is in that order, too."""
    key: list[Any] = []
    days: dict[str, int] = {}
    same, first, when, newest = b"", "", "", ""
    # Plainly, for there are very many: keys are only read where the bytes of the one before are not in them.
    for row in rows:
        raw = bytes(row.key)
        begin = raw.rfind(b',"')
        time = raw[begin + 2 : -2]
        if raw[:begin] != same or b'"' in time or b"\\" in time:
            *parts, read = msgspec.json.decode(raw, type=list[Any])
            if parts != key:
                if key:
                    yield Seen(tuple(key), days, first, when, newest)
                key, days, first = parts, {}, read or ""
            same, when = raw[:begin], read or ""
        else:
            when = time.decode()
        newest = row.id or ""
        day = when[:10]
        days[day] = days.get(day, 0) + 1
    if key:
        yield Seen(tuple(key), days, first, when, newest)


def of_tuple(key: Sequence[Any], rows: Iterable[Row]) -> Seen:
    """What one tuple was seen, out of rows that may be of others, too: a database may take two texts for one."""
    its = [(row.key[WHEN] or "", row.id or "") for row in rows if row.key[:WHEN] == [*key]]
    if not its:
        return Seen(tuple(key), {}, "", "", "")
    days = Counter(when[:10] for when, _ in its)
    return Seen(tuple(key), dict(days), its[0][0], *its[-1])
