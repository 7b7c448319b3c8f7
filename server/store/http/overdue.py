"""Ending requests that take too long.

One look around now and then costs less than a timer for each of thousands of requests a second.
"""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")
_LONGEST_PAUSE = 1.0


class Overdue:
    """The work under way, and its end when it lasts longer than so many seconds."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._begun: dict[asyncio.Task[Any], float] = {}
        self._cancelled: set[asyncio.Task[Any]] = set()
        self._looking: asyncio.TimerHandle | None = None

    async def limit(self, work: Coroutine[Any, Any, T]) -> T:
        """What the work of this task returns. TimeoutError when it takes too long, soon after its time is over."""
        task = asyncio.current_task()
        if task is None:
            return await work
        loop = asyncio.get_running_loop()
        self._begun[task] = loop.time()
        if self._looking is None:
            self._looking = loop.call_later(self._pause(), self._look)
        try:
            return await work
        except asyncio.CancelledError:
            if task not in self._cancelled:
                raise
            task.uncancel()
            raise TimeoutError from None
        finally:
            del self._begun[task]
            self._cancelled.discard(task)

    def _pause(self) -> float:
        return min(_LONGEST_PAUSE, self._seconds / 4)

    def _look(self) -> None:
        loop = asyncio.get_running_loop()
        self._looking = loop.call_later(self._pause(), self._look) if self._begun else None
        latest = loop.time() - self._seconds
        for task, begun in self._begun.items():
            if begun > latest:
                return
            if task not in self._cancelled:
                self._cancelled.add(task)
                task.cancel()
