"""The worker's own document: saved by its revision only, so that whoever changes it is heard."""

import contextlib
import logging
from collections.abc import Collection

import msgspec

import crashfarm
from crashfarm.database import Database
from crashfarm.documents.base import Json
from crashfarm.documents.worker import Control, Quarantine, Wish, Worker, WorkerState, worker_id
from crashfarm.errors import ConfigError, Conflict, InvalidDocument, LostClaim
from crashfarm.times import Clock, to_text
from worker.machine import Machine, is_over

log = logging.getLogger("crashfarm.worker")

ROUNDS = 10
"""So often a save is tried against others who change the document at the same time."""


class Status(msgspec.Struct, frozen=True, kw_only=True):
    """What a worker says of itself."""

    state: WorkerState
    running: tuple[str, ...] = ()
    reason: str = ""


class NameTaken(LostClaim):
    """Another live process uses this worker's name."""


class Registration:
    """Keeps the document `worker:<name>` true. For one thread. Methods raise DatabaseError when the network fails.

    `starts` are the incarnations of this worker's former starts, as far as they are known.
    """

    def __init__(self, status: Database, worker: Worker, clock: Clock, starts: Collection[str] = ()) -> None:
        self._status = status
        self._starts = starts
        self._clock = clock
        self._settled = (worker.state, worker.state_since)
        self.worker = worker

    def former(self) -> Worker | None:
        """The document as a former start of this worker, or another of its name, left it."""
        doc = self._status.get(self.worker.id)
        return _read(doc, self.worker) if doc else None

    def is_free(self, former: Worker) -> bool:
        """Whether our name is surely free; False means that only watching the document can tell.

        Raises ConfigError when a process of this machine works under it.
        """
        over = former.state == WorkerState.STOPPED or self._is_over(former.incarnation)
        if over is False:
            raise ConfigError(
                f"the name is taken: {former.id} is a process that runs on this machine ({former.incarnation})"
            )
        return bool(over)

    def enter(self, former: Worker | None) -> None:
        """Register, in the place of the former start if there was one."""
        if former:
            self.worker = _take_over(self.worker, former)
        self.save(Status(state=WorkerState.STARTING))

    def save(self, status: Status) -> Worker:
        """Write how we do. What others wrote in between is kept and obeyed; a document that is gone is made anew.

        Raises NameTaken when another process has the name now.
        """
        for _ in range(ROUNDS):
            mine = self._with(status)
            try:
                self.worker = mine.evolve(rev=self._status.put(mine.to_doc()))
            except Conflict:
                self._reread()
            else:
                return self.worker
        raise Conflict(f"{self.worker.id} keeps changing")

    def quarantine(self, reason: str) -> None:
        """Take ourselves out, from the next save on, until an admin lifts it or `lift` does."""
        now = to_text(self._clock())
        self.worker = self.worker.evolve(quarantine=Quarantine(reason=reason, by=self.worker.id, since=now))

    def lift(self) -> None:
        """End a quarantine of our own making; an admin's stays."""
        if self.worker.quarantine and self.worker.quarantine.by == self.worker.id:
            self.worker = self.worker.evolve(quarantine=None)

    def learn(self, facts: Json) -> None:
        """What the worker measured meanwhile is told from the next save on."""
        known = self.worker.dynamic_metadata
        if known | facts != known:
            now = to_text(self._clock())
            self.worker = self.worker.evolve(dynamic_metadata=known | facts, dynamic_metadata_updated_at=now)

    def fulfil(self, reason: str) -> None:
        """Put the admin's wish back to running, from the next save on: it has been fulfilled."""
        self.worker = self.worker.evolve(control=Control(desired=Wish.RUN, reason=reason, by=self.worker.id))

    def _with(self, status: Status) -> Worker:
        now = to_text(self._clock())
        stopped = status.state == WorkerState.STOPPED
        return self.worker.evolve(
            state=status.state,
            state_since=self._since(status.state, now),
            state_reason=status.reason,
            running=status.running,
            heartbeat_at=now,
            disconnected_at=now if stopped else None,
        )

    def _since(self, state: WorkerState, now: str) -> str:
        """When the state was entered. A claim after which all is as before is no change."""
        if state == WorkerState.CLAIMING:
            return self.worker.state_since if self.worker.state == state else now
        if state != self._settled[0]:
            self._settled = (state, now)
        return self._settled[1]

    def _reread(self) -> None:
        """Learn what others made of our document: their wishes and members are kept, our own facts are ours.

        A write of a former start of ours may arrive late: what was sent when it was killed is still on its way.
        """
        doc = self._status.get(self.worker.id)
        if doc is None:
            log.warning("%s is gone: making it anew", self.worker.id)
            self.worker = self.worker.evolve(rev=None, origin={})
            return
        theirs = _read(doc, self.worker)
        if theirs.incarnation != self.worker.incarnation and not self._is_over(theirs.incarnation):
            raise NameTaken(f"another process works under the name {theirs.id} now: {theirs.incarnation}")
        self.worker = self.worker.evolve(
            rev=theirs.rev,
            origin=theirs.origin,
            control=theirs.control,
            static_metadata=theirs.static_metadata,
            quarantine=theirs.quarantine,
        )

    def _is_over(self, incarnation: str) -> bool | None:
        return incarnation in self._starts or is_over(incarnation)


def _read(doc: Json, ours: Worker) -> Worker:
    """The document; where somebody has broken it, all of it that can be read, and ours for the rest."""
    try:
        return Worker.from_doc(doc)
    except InvalidDocument as exc:
        log.warning("%s: this is mended", exc)
    sound = ours.to_doc()
    for name, value in doc.items():
        with contextlib.suppress(InvalidDocument):
            sound = Worker.from_doc(sound | {name: value}).to_doc()
    return Worker.from_doc(sound)


def new_worker(name: str, machine: Machine, incarnation: str, slots: int, own: Json, now: str) -> Worker:
    """The document of a worker that has never been here; `own` is what its owner adds to the machine's metadata."""
    return Worker(
        id=worker_id(name),
        **msgspec.structs.asdict(machine),
        state=WorkerState.STARTING,
        incarnation=incarnation,
        version=crashfarm.__version__,
        heartbeat_at=now,
        registered_at=now,
        connected_at=now,
        state_since=now,
        slots=slots,
        dynamic_metadata=machine.metadata() | own,
        dynamic_metadata_updated_at=now,
    )


def _take_over(worker: Worker, former: Worker) -> Worker:
    return worker.evolve(
        rev=former.rev,
        origin=former.origin,
        registered_at=former.registered_at,
        control=former.control,
        static_metadata=former.static_metadata,
        quarantine=former.quarantine,
    )
