"""Hearing at once that there is work, by the database's feed of changes; whoever hears nothing still asks."""

import logging
import random
import threading
import time
from collections.abc import Callable

from crashfarm.errors import DatabaseError
from crashfarm.queue import JobQueue
from worker.backoff import Backoff

log = logging.getLogger("crashfarm.worker")

FIRST_DELAY = 1.0
LONGEST_DELAY = 60.0

QUICK = 0.03
"""Seconds within which a worker that got work the last time goes for what it hears of."""

SLOW = 5.0
"""Seconds within which one goes that came too late time and again."""

NOW = "now"


class Listener:
    """Listens while it is armed, in one thread however many slots there are, and rings when a job may have come.

    It rings once, and is armed anew. Of a thousand workers that hear of one job, those that come too late wait twice
    as long the next time, at random, and those that get it are quick: soon only a few go for it in the same moment.
    """

    def __init__(
        self,
        queue: JobQueue,
        ring: Callable[[], None],
        rng: random.Random,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._queue = queue
        self._ring = ring
        self._rng = rng
        self._sleep = sleep
        self._backoff = Backoff(FIRST_DELAY, LONGEST_DELAY, rng)
        self._armed = threading.Event()
        self._thread: threading.Thread | None = None
        self._since = NOW
        self._heard = False
        self.patience = QUICK

    def arm(self) -> None:
        """Nothing is to be had: listen from now on, if not already."""
        if self._heard:
            self._heard, self.patience = False, min(SLOW, 2.0 * self.patience)
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="listener", daemon=True)
            self._thread.start()
        self._armed.set()

    def disarm(self) -> None:
        """There is work: what is heard from now on is of no interest."""
        self._armed.clear()
        self._heard, self._since, self.patience = False, NOW, QUICK

    def _run(self) -> None:
        while self._armed.wait():
            self._sleep(self.listen())

    def listen(self) -> float:
        """Listen once, for as long as the database keeps silent; the seconds to wait before the next time."""
        try:
            since, is_news = self._queue.listen(self._since)
        except DatabaseError as exc:
            self._since = NOW
            log.info("cannot hear of new jobs, and ask for them instead: %s", exc)
            return self._backoff.failed()
        self._backoff.succeeded()
        self._since = since if self._armed.is_set() else NOW
        if is_news and self._armed.is_set():
            self._sleep(self._rng.uniform(0.0, self.patience))
            self._armed.clear()
            self._heard = True
            self._ring()
        return 0.0
