"""The worker itself: holds the farm's document of it, claims jobs, runs them, and brings home what they showed."""

import logging
import math
import random
import threading
import time
from collections.abc import Callable
from enum import Enum
from itertools import groupby

import msgspec

from crashfarm.documents.job import JobState
from crashfarm.documents.worker import Wish, WorkerState
from crashfarm.errors import DatabaseError
from crashfarm.queue import JobQueue
from crashfarm.queue.abilities import Abilities
from crashfarm.queue.leases import LeaseWatch
from crashfarm.queue.transitions import Holder
from worker.bell import Bell
from worker.builds import Builds
from worker.config import Config
from worker.delivery import Delivery
from worker.duties import Duty, turn
from worker.ending import Ending
from worker.registration import Registration, Status, check_free
from worker.slots import Slots

log = logging.getLogger("crashfarm.worker")

FIRST_IDLE = 0.05
"""Seconds until the second question for work; it grows to the configured `idle` while there is none."""

LONGEST_WAIT = 1.0
"""Seconds after which everything is looked at again, even if nothing rang."""

SOON = 1.0
"""Seconds that a change of state may wait to be told, so that many changes are told at once."""


class Until(Enum):
    """When a worker ends by itself."""

    #: When it is told to.
    TOLD = "told"
    #: When nothing that it could run is pending, and nothing runs anywhere.
    EMPTY = "empty"
    #: When it has run what it could claim at once.
    ONCE = "once"


class Parts(msgspec.Struct, frozen=True):
    """What a worker is made of."""

    config: Config
    queue: JobQueue
    registration: Registration
    builds: Builds
    slots: Slots
    delivery: Delivery
    bell: Bell


class Farmhand:
    """One worker. `work` returns when it has ended in good order. `end` and `changed` may be called from anywhere."""

    def __init__(
        self, parts: Parts, until: Until, rng: random.Random, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._parts = parts
        self._config = parts.config
        self._until = until
        self._rng = rng
        self._monotonic = monotonic
        self._watch = LeaseWatch()
        self._idle = FIRST_IDLE
        self._ending = Ending(parts.config.drain, monotonic)
        self._told: Status | None = None
        self._courier_bell = Bell()
        self._report = Duty("telling how we do", self._do_report, rng)
        self._claim = Duty("claiming", self._do_claim, rng)
        self._give_back = Duty("giving back", self._do_give_back, rng)
        renew = Duty("renewing", self._do_renew, rng)
        recover = Duty("looking for lost jobs", self._do_recover, rng)
        parts.slots.changed = self.changed
        self._duties = (self._report, self._give_back, renew, recover, self._claim)

    def end(self) -> None:
        """Ask for the end: what runs may finish. Asked twice, what runs is given back. Safe in a signal handler."""
        self._ending.ask()
        self._parts.bell.ring()

    def changed(self) -> None:
        """A slot has something to tell."""
        self._courier_bell.ring()
        self._parts.bell.ring()

    def work(self) -> None:
        """Work until told to end. Raises NameTaken when another process works under our name."""
        parts = self._parts
        if not self._start():
            return
        ended = threading.Event()
        courier = threading.Thread(target=self._run_courier, args=(ended,), name="courier", daemon=True)
        courier.start()
        try:
            while not self._is_over():
                self._turn()
        finally:
            parts.slots.stop()
            ended.set()
            self._courier_bell.ring()
            courier.join()
        self._farewell()

    def _start(self) -> bool:
        """Register, deliver what a former start left, and take back what it held; False if told to end before."""
        starting = Duty("starting", self._do_start, self._rng)
        while not self._ending.wished:
            wait = turn([starting], self._monotonic())
            if wait == math.inf:
                return True
            self._parts.bell.wait(wait)
        return False

    def _do_start(self) -> float:
        parts = self._parts
        if not self._told:
            former = parts.registration.former()
            check_free(former)
            parts.registration.enter(former)
            self._told = Status(state=WorkerState.STARTING)
        while parts.delivery.deliver():
            pass
        back = parts.queue.take_back(self._holder)
        if back.done:
            log.warning("took back %d jobs that a former start of this worker held", len(back.done))
        return math.inf

    def _turn(self) -> None:
        if self._ending.stop_now:
            self._parts.slots.stop()
        if self._status() != self._told:
            self._report.due = min(self._report.due, self._monotonic() + SOON)
        if self._parts.bell.wait(min(LONGEST_WAIT, turn(self._duties, self._monotonic()))):
            self._claim.hurry()
            self._give_back.hurry()

    def _run_courier(self, ended: threading.Event) -> None:
        """Deliver in a thread of its own: a slow upload must not cost a lease."""
        deliver = Duty("delivering", self._do_deliver, self._rng)
        while not ended.is_set():
            if self._courier_bell.wait(turn([deliver], self._monotonic())):
                deliver.hurry()

    def _do_deliver(self) -> float:
        if not self._parts.delivery.deliver():
            return LONGEST_WAIT
        self._parts.bell.ring()
        return 0.0

    def _do_report(self) -> float:
        """Tell how we do, and hear what the admin wishes."""
        status = self._status()
        worker = self._parts.registration.save(status)
        self._told = status
        if worker.control.desired == Wish.STOP and not self._ending.stop_now:
            log.warning("the farm wishes this worker stopped: %s", worker.control.reason or "no reason given")
            self._ending.ask(at_once=True)
        return self._config.heartbeat * self._rng.uniform(0.8, 1.0)

    def _do_renew(self) -> float:
        slots = self._parts.slots
        settled = self._parts.queue.renew(slots.held())
        slots.renewed(settled.done)
        slots.forget(settled.lost)
        for job in settled.lost:
            log.warning("%s is not ours any more: it is stopped", job.id)
        return self._config.lease / 3

    def _do_recover(self) -> float:
        back = self._parts.queue.recover(self._watch, self._monotonic())
        for job in back.done:
            log.warning("%s was held by a silent worker: it is %s now", job.id, job.state)
        return self._config.lease / 4 * self._rng.uniform(0.8, 1.2)

    def _do_give_back(self) -> float:
        """Return to the queue what came back from the slots without a result."""
        slots = self._parts.slots
        returned = sorted(slots.take_returned(), key=lambda back: (back.end, back.reason))
        try:
            for (end, reason), group in groupby(returned, key=lambda back: (back.end, back.reason)):
                self._parts.queue.give_back([back.job for back in group], end, reason)
        except DatabaseError:
            slots.put_back(returned)
            raise
        slots.forget(back.job for back in returned)
        return LONGEST_WAIT

    def _do_claim(self) -> float:
        parts, free = self._parts, self._parts.slots.free
        if not free or self._resting():
            return LONGEST_WAIT
        parts.builds.refresh()
        jobs = parts.queue.claim(self._holder, self._abilities(), free, self._config.lease)
        for job in jobs:
            parts.slots.start(job, parts.builds.get(job.product, job.branch, job.buildtype))
        if not jobs or self._until == Until.ONCE:
            self._look_for_the_end()
        self._idle = FIRST_IDLE if jobs else min(self._config.idle, self._idle * 1.5)
        return self._idle * self._rng.uniform(0.7, 1.0)

    def _look_for_the_end(self) -> None:
        """End, where we are to end by ourselves and there is nothing more to do."""
        if self._until == Until.ONCE or (self._until == Until.EMPTY and self._is_all_done()):
            self._ending.ask()

    def _is_all_done(self) -> bool:
        """Whether nothing of this farm can come to us any more: nothing runs, here or elsewhere, that may come back."""
        queue = self._parts.queue
        if self._parts.slots.held() or queue.count_for(self._abilities()):
            return False
        return not queue.counts().get(JobState.RUNNING, 0)

    def _resting(self) -> bool:
        return bool(self._ending.wished or self._wish() != Wish.RUN or self._parts.slots.trouble)

    def _wish(self) -> Wish:
        return self._parts.registration.worker.control.desired

    @property
    def _holder(self) -> Holder:
        worker = self._parts.registration.worker
        return Holder(self._config.name, worker.incarnation)

    def _abilities(self) -> Abilities:
        return Abilities.of(self._parts.registration.worker.metadata, self._parts.builds.can_run)

    def _status(self) -> Status:
        parts = self._parts
        running, control = parts.slots.running(), parts.registration.worker.control
        reason = parts.slots.trouble
        if self._ending.wished or control.desired == Wish.DRAIN:
            state = WorkerState.DRAINING
        elif control.desired == Wish.PAUSE:
            state, reason = WorkerState.PAUSED, control.reason
        elif running:
            state = WorkerState.EXECUTING
        else:
            state = WorkerState.RECORDING if parts.slots.held() else WorkerState.WAITING
        return Status(state=state, running=running, reason=reason)

    def _is_over(self) -> bool:
        return self._ending.is_over(bool(self._parts.slots.held()) or bool(self._parts.delivery.waiting()))

    def _farewell(self) -> None:
        try:
            self._parts.registration.save(Status(state=WorkerState.STOPPED))
        except DatabaseError as exc:
            log.warning("could not tell the farm that we end: %s", exc)
