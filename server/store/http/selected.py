"""Selectors that many feeds share: what one of them has found out about a change, the others need not test again.

A busy database wakes all feeds that wait for news of it, and workers without work all wait for the same.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

from server.store.database import Database, Stored
from server.store.database.feed import Page

#: Selectors that are remembered, and verdicts of each.
SELECTORS = 32
VERDICTS = 1000
_SEEN = "SELECT seq, id, rev FROM doc WHERE seq > ? ORDER BY seq LIMIT ?"


class Selected:
    """A filter that remembers its verdicts. A revision of a document never changes, so they are good for ever."""

    def __init__(self, test: Callable[[list[bytes]], list[bool]]) -> None:
        self._test = test
        self._verdicts: dict[tuple[str, str], bool] = {}
        #: For one feed at a time: those behind it find its verdicts.
        self.turn = asyncio.Lock()

    def __call__(self, docs: list[Stored]) -> list[bool]:
        """Which documents meet the selector."""
        found = self._test([each.json() for each in docs])
        if len(self._verdicts) + len(docs) > VERDICTS:
            self._verdicts = {}
        if len(docs) <= VERDICTS:
            self._verdicts.update(zip([(each.id, each.rev) for each in docs], found, strict=True))
        return found

    def passed_over(self, db: Database, since: int, limit: int) -> Page | None:
        """An empty page, if all changes after a sequence number, up to `limit`, are known not to be wanted."""
        with db.reader() as connection:
            rows: list[Any] = connection.execute(_SEEN, (since, limit)).fetchall()
        known = self._verdicts
        if any(known.get((doc_id, rev), True) for _, doc_id, rev in rows):
            return None
        return Page([], rows[-1][0] if rows else since, len(rows) == limit)


class Shared:
    """The latest selectors of all databases."""

    def __init__(self) -> None:
        self._selected: OrderedDict[tuple[str, bytes], Selected] = OrderedDict()

    def of(self, db: Database, selector: bytes, test: Callable[[list[bytes]], list[bool]]) -> Selected:
        """The filter for a selector, given as text and as what tests documents in JSON."""
        key = db.uuid, selector
        found = self._selected.pop(key, None) or Selected(test)
        self._selected[key] = found
        if len(self._selected) > SELECTORS:
            self._selected.popitem(last=False)
        return found
