"""What happens on this worker, told to the farm as messages: in batches, bounded, and never in the way of the work."""

import logging
import secrets
from collections import deque
from typing import Any

from crashfarm.database import Database
from crashfarm.documents.base import Json
from crashfarm.times import Clock, to_text

ROOM = 500
"""Messages that wait to be told; when there are more, the oldest are dropped and counted."""

BATCH = 100
"""Messages that are told at once."""

LONGEST = 2000
"""Characters of one message."""


class Journal(logging.Handler):
    """Keeps messages until they are told. As a handler of the worker's log it keeps warnings and worse."""

    def __init__(self, status: Database, worker: str, incarnation: str, clock: Clock) -> None:
        super().__init__(logging.WARNING)
        self._status = status
        self._members = {"type": "message", "worker": worker, "incarnation": incarnation}
        self._clock = clock
        self._waiting: deque[Json] = deque(maxlen=ROOM)
        self._dropped = 0

    def note(self, text: str, level: str = "info", **members: Any) -> None:
        """Keep a message."""
        self._dropped += len(self._waiting) == ROOM
        now = self._clock()
        stamp = now.strftime("%Y%m%dT%H%M%S%fZ")
        doc = {
            "_id": f"message:{stamp}-{secrets.token_hex(4)}",
            "level": level,
            "text": text[:LONGEST],
            "at": to_text(now),
        }
        self._waiting.append(doc | members | self._members)

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a line of the log."""
        self.note(record.getMessage(), record.levelname.lower())

    def tell(self) -> int:
        """Send some of what waits; how many it was. Raises DatabaseError, and nothing is lost by that."""
        if self._dropped:
            self.note(f"{self._dropped} messages were dropped: there were too many", "warning")
            self._dropped = 0
        batch = list(self._waiting)[:BATCH]
        self._status.bulk(batch)
        for doc in batch:
            if self._waiting and self._waiting[0] is doc:
                self._waiting.popleft()
        return len(batch)
