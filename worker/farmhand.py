"""The worker itself: holds the farm's document of it, claims jobs, runs them, and brings home what they showed."""

import logging
import math
import random
import threading
import time
from collections.abc import Callable

from crashfarm.documents.worker import Wish, Worker, WorkerState
from crashfarm.errors import ConfigError, CrashfarmError, DatabaseError, DatabaseUnavailable, Refused
from worker import claiming, holding
from worker.bell import Bell
from worker.claiming import LONGEST_WAIT, Claimer
from worker.duties import Duty, turn
from worker.ending import FAREWELL, Ending
from worker.journal import BATCH
from worker.parts import Parts, Until
from worker.registration import Status
from worker.reporting import Reporter
from worker.updating import Updates

log = logging.getLogger("crashfarm.worker")

SOON = 1.0
"""Seconds that a change of state may wait to be told, so that many changes are told at once."""

HEARTBEATS = 3
"""So many heartbeats long another machine that bears our name is watched before it counts as gone."""

SLOW = 5.0
"""Seconds after which a request that fails says that the database hangs, and that the next one will, too."""

SLOWEST = 600.0
"""Seconds between two heartbeats of another machine that are waited for at most."""

PATIENCE = 12.0
"""Seconds for which stopped runs are waited for: longer than it takes to end a program and all that it has begun."""

NEWS = 2.0
"""Seconds between two tellings of messages."""


class Farmhand:
    """One worker. `work` returns when it has ended in good order. `end` and `changed` may be called from anywhere."""

    def __init__(
        self,
        parts: Parts,
        updates: Updates,
        until: Until,
        rng: random.Random,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._parts = parts
        self._updates = updates
        self._rng = rng
        self._monotonic = monotonic
        self._ending = Ending(parts.config.drain, monotonic)
        self._courier_bell = Bell()
        self._guard_bell = Bell()
        self._is_hanging = False
        self._reporter = Reporter(parts, self._ending, updates, rng, monotonic)
        self._is_registered = False
        self._was_told = False
        self._rival: tuple[str | None, float] | None = None
        sweeper = parts.queue.sweeper()
        claimer = Claimer(parts, self._reporter, self._ending, until, sweeper, rng)
        self._report = Duty("telling how we do", self._reporter.report, rng)
        self._claim = Duty("claiming", lambda: claimer.claim(monotonic()), rng)
        self._finish = Duty("finishing", claimer.finish, rng)
        self._give_back = Duty("giving back", lambda: claiming.give_back(parts), rng)
        self._duties = (
            self._report,
            self._give_back,
            Duty("renewing", lambda: holding.renew(parts), rng),
            Duty("looking for lost claims", lambda: holding.check(parts), rng),
            Duty("sweeping", lambda: holding.sweep(parts, sweeper, rng, monotonic()), rng),
            Duty("looking for updates", updates.look, rng),
            self._claim,
            self._finish,
        )
        parts.slots.changed = self.changed

    def end(self) -> None:
        """Ask for the end: what runs may finish. Asked twice, what runs is given back. Safe in a signal handler."""
        self._was_told = True
        self._ending.ask()
        self._parts.bell.ring()
        self._guard_bell.ring()

    def tell(self, state: WorkerState, reason: str = "") -> None:
        """Put a state on the farm's document, if that can be done. For one thread, when `work` is over."""
        try:
            self._parts.registration.save(Status(state=state, reason=reason))
        except CrashfarmError as exc:
            log.warning("could not tell the farm how we do: %s", exc)

    def changed(self) -> None:
        """A slot has something to tell."""
        self._reporter.look()
        self._courier_bell.ring()
        self._parts.bell.ring()

    def work(self) -> Wish:
        """Work until told to end; what is wished to happen then: stop, restart or update. `end` wishes us to stop.

        Raises NameTaken when another process works under our name.
        """
        if not self._start():
            return Wish.STOP
        ended = threading.Event()
        courier = threading.Thread(target=self._run_courier, args=(ended,), name="courier", daemon=True)
        guard = threading.Thread(target=self._run_guard, args=(ended,), name="guard", daemon=True)
        for thread in (courier, guard):
            thread.start()
        try:
            while not self._is_over():
                self._turn()
        finally:
            self._let_go()
            ended.set()
            self._courier_bell.ring()
            self._guard_bell.ring()
            courier.join(FAREWELL)
        return self._farewell()

    def _start(self) -> bool:
        """Register, deliver what a former start left, and take back what it held; False if told to end before."""
        self._reporter.see(WorkerState.STARTING)
        starting = Duty("starting", self._do_start, self._rng)
        while not self._ending.wished:
            wait = turn([starting], self._monotonic())
            if wait == math.inf:
                return True
            self._parts.bell.wait(wait)
        return False

    def _do_start(self) -> float:
        parts = self._parts
        if not self._is_registered:
            former = parts.registration.former()
            if former and not parts.registration.is_free(former) and (wait := self._watch_rival(former)):
                return wait
            self._enter(former)
            parts.registration.lift()
            self._is_registered = True
            if failed := self._updates.failed():
                log.error("%s", failed)
        while parts.delivery.deliver():
            pass
        back = parts.queue.take_back(parts.holder)
        if back.done:
            log.warning("took back %d jobs that a former start of this worker held", len(back.done))
        return math.inf

    def _enter(self, former: Worker | None) -> None:
        """Register. Raises ConfigError where the farm will not have a worker of that name from our account."""
        try:
            self._parts.registration.enter(former)
        except Refused as exc:
            raise ConfigError(f"the farm refuses this worker: {exc}") from exc

    def _watch_rival(self, rival: Worker) -> float:
        """See whether a worker of our name lives on another machine; in how many seconds to look again, 0 if not.

        Its heart may beat slower than ours. Raises ConfigError if it does: its document moves.
        """
        now, heartbeat = self._monotonic(), max(self._parts.config.heartbeat, _heartbeat_of(rival))
        if self._rival is None:
            self._rival = (rival.rev, now)
            log.warning("%s may live on another machine: watching it for %.0f s", rival.id, HEARTBEATS * heartbeat)
        rev, since = self._rival
        if rival.rev != rev:
            raise ConfigError(f"the name is taken: {rival.id} is alive on {rival.hostname}: choose another --name")
        return 0.0 if now - since > HEARTBEATS * heartbeat else heartbeat

    def _turn(self) -> None:
        """Do what is due, and wait until something is."""
        if self._ending.stop_now:
            self._parts.slots.stop()
        self._reporter.look()
        if self._reporter.has_news:
            self._report.by(self._monotonic() + SOON)
        if self._parts.bell.wait(min(LONGEST_WAIT, turn(self._duties, self._monotonic(), self._is_over))):
            for duty in (self._claim, self._finish, self._give_back):
                duty.hurry()

    def _run_guard(self, ended: threading.Event) -> None:
        """Stop what runs when its time is over, in a thread of its own: the others may wait for a hanging database."""
        while not ended.is_set():
            if self._ending.stop_now:
                self._parts.slots.stop()
            self._guard_bell.wait(LONGEST_WAIT if self._ending.wished else None)

    def _run_courier(self, ended: threading.Event) -> None:
        """Record results in a thread of its own: a slow upload must neither cost a lease nor keep slots empty."""
        record = Duty("recording", self._do_record, self._rng)
        tell = Duty("telling the news", self._tell, self._rng)
        while not ended.is_set():
            if self._courier_bell.wait(turn([record, tell], self._monotonic())):
                record.hurry()

    def _tell(self) -> float:
        """Tell some of the news; in how many seconds to do that again."""
        self._reporter.tell_states()
        return 0.0 if self._parts.journal.tell() == BATCH else NEWS

    def _do_record(self) -> float:
        try:
            return 0.0 if self._parts.delivery.record() else LONGEST_WAIT
        finally:
            if self._parts.delivery.ready():
                self._parts.bell.ring()

    def _is_over(self) -> bool:
        return self._ending.is_over(bool(self._parts.slots.held()) or bool(self._parts.delivery.waiting()))

    def _let_go(self) -> None:
        """Leave nothing running, and nothing claimed that nobody runs: whatever it is that ends us."""
        slots = self._parts.slots
        slots.stop()
        if not slots.wait(PATIENCE):
            log.error("what runs does not end: %s", ", ".join(slots.running()))
            slots.abandon("the worker ended before its run did")
        began = self._monotonic()
        try:
            claiming.give_back(self._parts)
        except CrashfarmError as exc:
            log.warning("could not give back what we held: %s", exc)
            self._is_hanging = self._monotonic() - began > SLOW

    def _farewell(self) -> Wish:
        """Tell the farm that we end, and put the wish that we end for back to running."""
        wish = Wish.STOP if self._was_told else self._reporter.wish
        registration = self._parts.registration
        try:
            if self._is_hanging:
                raise DatabaseUnavailable("it hangs")
            asked = registration.worker.control.desired
            # Who was told to stop before an update has not updated, and is to do so at its next start.
            if asked == Wish.RESTART or asked == wish == Wish.UPDATE:
                registration.fulfil(f"fulfilled: {asked}")
            registration.save(Status(state=WorkerState.STOPPED))
            self._reporter.see(WorkerState.STOPPED)
            while not self._tell():
                pass
        except DatabaseError as exc:
            log.warning("could not tell the farm that we end: %s", exc)
        return wish if wish in (Wish.RESTART, Wish.UPDATE) else Wish.STOP


def _heartbeat_of(rival: Worker) -> float:
    """Seconds between two heartbeats of a worker, as far as it tells."""
    told = rival.dynamic_metadata.get("heartbeat")
    return min(float(told), SLOWEST) if isinstance(told, int | float) else 0.0
