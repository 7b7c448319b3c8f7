"""What happened to databases, in order: made, changed, deleted. Each database stands at its latest event.

Kept in memory: a position from an earlier run of the store is answered from the beginning.
"""

import threading
from collections.abc import Callable
from typing import NamedTuple
from uuid import uuid4

from server.store.catalog import Catalog
from server.store.errors import BadRequest


class Event(NamedTuple):
    """The latest that happened to a database."""

    seq: int
    name: str
    type: str


class Events:
    """The latest event of each database. Safe to use from any thread."""

    def __init__(self, catalog: Catalog) -> None:
        self._run = uuid4().hex
        self._lock = threading.Lock()
        self._seq = 0
        self._latest: dict[str, Event] = {}
        self._listeners: list[Callable[[], None]] = []
        for name in catalog.names():
            self._add(name, "updated")
        catalog.listen(self._happened)

    def since(self, seq: int) -> list[Event]:
        """The events after a number, oldest first."""
        with self._lock:
            found = [event for event in self._latest.values() if event.seq > seq]
        return sorted(found)

    def text(self, seq: int) -> str:
        """A number as clients see it."""
        return f"{seq}-{self._run}"

    def parse(self, text: str) -> int:
        """The number of a position; 0 when it is of another run."""
        number, _, run = text.partition("-")
        if text == "now":
            return self._seq
        if not number.isdigit():
            raise BadRequest("Malformed sequence supplied in 'since' parameter.")
        return int(number) if run in ("", self._run) else 0

    def listen(self, listener: Callable[[], None]) -> Callable[[], None]:
        """Call `listener` after each event, from any thread; the returned function ends that."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def _happened(self, name: str, event: str) -> None:
        self._add(name, event)
        for listener in tuple(self._listeners):
            listener()

    def _add(self, name: str, event: str) -> None:
        with self._lock:
            self._seq += 1
            self._latest.pop(name, None)
            self._latest[name] = Event(self._seq, name, event)
