"""A bell that wakes a thread; it may be rung by other threads and by signal handlers."""

import contextlib
import os
import select


class Bell:
    """Rings are not counted: a wait ends at once if the bell was rung since the last one."""

    def __init__(self) -> None:
        self._listen, self._strike = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)

    def ring(self) -> None:
        """Wake the waiter. A full pipe is as good as a ring."""
        with contextlib.suppress(BlockingIOError):
            os.write(self._strike, b"!")

    def wait(self, seconds: float | None) -> bool:
        """Return when the bell is rung, which is True, or when the time is over; None is for ever."""
        rung = bool(select.select([self._listen], [], [], seconds)[0])
        if rung:
            os.read(self._listen, 1 << 16)
        return rung
