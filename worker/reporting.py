"""Telling the farm how we do, and hearing what its admins wish."""

import logging
import random
from collections.abc import Callable

from crashfarm.documents.worker import Wish, WorkerState
from crashfarm.times import utc_now
from worker.ending import Ending
from worker.parts import Parts
from worker.registration import Status
from worker.states import StateLog
from worker.updating import Updates

log = logging.getLogger("crashfarm.worker")


class Reporter:
    """Keeps the worker's document true, and its own view of the admin's wishes."""

    def __init__(
        self, parts: Parts, ending: Ending, updates: Updates, rng: random.Random, monotonic: Callable[[], float]
    ) -> None:
        self._parts = parts
        self._ending = ending
        self._updates = updates
        self._rng = rng
        self._monotonic = monotonic
        self._told: Status | None = None
        self._lacks_told: tuple[str, ...] = ()
        self._sick = False
        self._claiming = False
        self._states = StateLog(utc_now)

    @property
    def claiming(self) -> bool:
        """Whether the queue is being asked for jobs. Its end is seen when it is known what came of it."""
        return self._claiming

    @claiming.setter
    def claiming(self, begun: bool) -> None:
        self._claiming = begun
        if begun:
            self.look()

    def look(self) -> None:
        """Note the present state, if it is another than before. May be called from any thread."""
        self._states.saw(*self._state())

    def tell_states(self) -> None:
        """Put the changes of state that were seen into the journal."""
        self._states.tell(self._parts.journal.note)

    def see(self, state: WorkerState) -> None:
        """Note a state that the worker itself is in at its beginning and its end."""
        self._states.saw(state)

    @property
    def wish(self) -> Wish:
        """What the admin, or the farm, wishes of us."""
        wish = self._parts.registration.worker.control.desired
        return Wish.UPDATE if wish == Wish.RUN and self._updates.wanted else wish

    @property
    def may_claim(self) -> bool:
        """Whether anything new may be begun."""
        registration, slots = self._parts.registration, self._parts.slots
        fit = registration.worker.quarantine is None and not slots.trouble
        return fit and not self._ending.wished and self.wish == Wish.RUN

    @property
    def has_news(self) -> bool:
        """Whether what the farm was told last is true no more."""
        return self.status() != self._told or self._parts.builds.lacking != self._lacks_told

    def report(self) -> float:
        """Save our document; in how many seconds to do that again."""
        self._look_at_our_health()
        self._lacks_told = self._parts.builds.lacking
        self._parts.registration.learn({"lacks": list(self._lacks_told)})
        status = self.status()
        before = self._parts.registration.worker.control
        worker = self._parts.registration.save(status)
        self._told = status
        if worker.control != before:
            log.warning(
                "the farm's wish is now to %s: %s", worker.control.desired, worker.control.reason or "no reason"
            )
        self._obey()
        return self._parts.config.heartbeat * self._rng.uniform(0.8, 1.0)

    def status(self) -> Status:
        """How we do."""
        state, reason = self._state()
        return Status(state=state, running=self._parts.slots.running(), reason=reason)

    def _state(self) -> tuple[WorkerState, str]:
        worker, slots = self._parts.registration.worker, self._parts.slots
        if self._ending.wished or self.wish not in (Wish.RUN, Wish.PAUSE):
            return WorkerState.DRAINING, worker.control.reason
        if worker.control.desired == Wish.PAUSE:
            return WorkerState.PAUSED, worker.control.reason
        if worker.quarantine:
            return WorkerState.QUARANTINED, worker.quarantine.reason
        return self._activity(), slots.trouble or slots.installing() or self._parts.queue.refused

    def _activity(self) -> WorkerState:
        slots = self._parts.slots
        if self._claiming:
            return WorkerState.CLAIMING
        if slots.installing():
            return WorkerState.INSTALLING
        if slots.running():
            return WorkerState.EXECUTING
        return WorkerState.RECORDING if slots.held() else WorkerState.WAITING

    def _look_at_our_health(self) -> None:
        """Take ourselves out when job after job fails, and come back when the rest is over."""
        now, registration = self._monotonic(), self._parts.registration
        if reason := self._parts.health.is_unfit(now):
            log.error("taking ourselves out for a while: %s", reason)
            registration.quarantine(reason)
            self._sick = True
        elif self._sick and not self._parts.health.rests(now):
            registration.lift()
            self._sick = False

    def _obey(self) -> None:
        if self.wish == Wish.STOP and not self._ending.stop_now:
            self._ending.ask(at_once=True)
        elif self.wish in (Wish.RESTART, Wish.UPDATE) and not self._ending.wished:
            self._ending.ask()
