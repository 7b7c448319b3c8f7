"""Whose turn it is to sweep: one observer is enough, and any may be it."""

from crashfarm.database import Database
from crashfarm.errors import Conflict
from crashfarm.times import Clock, to_text

CURSOR = "cursor:janitor"


class Turn:
    """Takes turns by a document: whoever moves it sweeps; who sees that another has moved it does not.

    One that sweeps looks again soon, the others later: so it goes on until it falls silent, and is followed by
    another without anybody comparing clocks. If two sweep after all, they do no harm.
    """

    def __init__(self, status: Database, name: str, clock: Clock) -> None:
        self._status = status
        self._name = name
        self._clock = clock
        self._seen: str | None = None

    def is_mine(self) -> bool:
        """Whether to sweep now. Touches the network, and raises DatabaseError."""
        doc = self._status.get(CURSOR) or {"_id": CURSOR, "type": "cursor"}
        if doc.get("_rev") != self._seen:
            self._seen = doc.get("_rev")
            return False
        try:
            self._seen = self._status.put(doc | {"by": self._name, "at": to_text(self._clock())})
        except Conflict:
            return False
        return True
