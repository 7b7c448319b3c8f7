"""The record of what a worker did: every change of its state, with its time, gathered into few messages."""

import threading
from collections.abc import Callable

from crashfarm.documents.base import Json
from crashfarm.documents.worker import WorkerState
from crashfarm.times import Clock, to_text

MOST = 200
"""Changes that one message holds; what is beyond is counted."""


_BROUGHT = (WorkerState.INSTALLING, WorkerState.EXECUTING)
"""The states that follow a claim which brought something."""


class StateLog:
    """Sees states, from any thread, and keeps the changes until they are told.

    A claim that brings nothing is no change: an idle worker would do nothing but tell of that.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._last: WorkerState | None = None
        self._claim: Json | None = None
        self._changes: list[Json] = []
        self._left_out = 0

    def saw(self, state: WorkerState, reason: str = "") -> None:
        """Note the state, if it is another than before."""
        with self._lock:
            if state == WorkerState.CLAIMING:
                self._claim = self._claim or self._change(state, reason)
            elif state != self._last:
                if self._claim and state in _BROUGHT:
                    self._add(self._claim)
                self._claim, self._last = None, state
                self._add(self._change(state, reason))
            else:
                self._claim = None

    def tell(self, note: Callable[..., None]) -> None:
        """Put what was seen into one message, by a journal's `note`."""
        with self._lock:
            changes, self._changes = self._changes, []
            left_out, self._left_out = self._left_out, 0
        if not changes:
            return
        words = " > ".join(change["state"] for change in changes[-10:])
        reason = changes[-1].get("reason", "")
        more = {"left_out": left_out} if left_out else {}
        note(f"{words} {reason}".strip(), event="state", changes=changes, **more)

    def _change(self, state: WorkerState, reason: str) -> Json:
        change: Json = {"state": str(state), "at": to_text(self._clock())}
        return change | ({"reason": reason} if reason else {})

    def _add(self, change: Json) -> None:
        """Keep a change. The newest tell most: of too many the oldest go."""
        self._changes.append(change)
        if len(self._changes) > MOST:
            del self._changes[0]
            self._left_out += 1
