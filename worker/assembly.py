"""Puts a worker together from its parts."""

import logging
import random
from collections.abc import Callable
from pathlib import Path

from crashfarm.documents.base import Json
from crashfarm.documents.branch import Build
from crashfarm.documents.worker import Worker
from crashfarm.queue import JobQueue
from crashfarm.queue.turns import Turn
from crashfarm.settings import Farm
from crashfarm.times import to_text, utc_now
from worker import processes, running, starts
from worker.allowed import Allowed
from worker.bell import Bell
from worker.builds import Builds
from worker.config import Config
from worker.debugging.debugger import of_this_machine
from worker.delivery import Delivery
from worker.executing import Executor, mark_of
from worker.farmhand import Farmhand
from worker.health import Health
from worker.installing import downloading
from worker.installing.installs import Bounds, Installs
from worker.journal import Journal
from worker.machine import Machine, incarnation, this_machine
from worker.outbox import Outbox
from worker.parts import Parts, Until
from worker.preparing import Rules
from worker.recording import Recorder
from worker.registration import Registration, new_worker
from worker.removing import remove
from worker.slots import Slots
from worker.updating import Updates


def assemble(farm: Farm, config: Config, home: Path, until: Until, updates: Updates, rng: random.Random) -> Farmhand:
    """A worker on this machine, with its files in `home`. Does not touch the network."""
    debugger = of_this_machine()
    running.prepare_process(0 if debugger.trouble() else config.limits.core, config.limits.open)
    running.become_subreaper()
    _clear(home / "runs")
    machine, rules = this_machine(), _rules(config)
    outbox, bell, queue = Outbox(home / "outbox"), Bell(), JobQueue(farm.status, rng=rng)
    installs = Installs(home / "builds", _bounds(config), rng)
    executor = Executor(
        machine=machine,
        folder=home / "runs",
        rules=rules,
        limits=config.limits,
        clock=utc_now,
        installs=installs,
        debugger=debugger,
    )
    health = Health(config.quarantine)
    slots = Slots(config.slots, executor, outbox, health, farm.status.attachment)
    installs.on_change = bell.ring
    document = _document(config, machine, debugger.metadata() | {"update": updates.failed()})
    parts = Parts(
        config=config,
        queue=queue,
        registration=Registration(farm.status, document, utc_now, starts.note(home / "starts", document.incarnation)),
        builds=Builds(farm.status, machine.os_name, rules.allowed, _resting(installs)),
        slots=slots,
        delivery=Delivery(outbox, Recorder(farm.history), queue, slots),
        health=health,
        journal=_journal(farm, document),
        turn=Turn(farm.status, document.id, utc_now),
        bell=bell,
        databases=(farm.status, farm.history),
    )
    return Farmhand(parts, updates, until, rng)


def _journal(farm: Farm, document: Worker) -> Journal:
    journal = Journal(farm.status, document.id, document.incarnation, utc_now)
    logging.getLogger("crashfarm.worker").addHandler(journal)
    return journal


def _clear(runs: Path) -> None:
    """End what a former start of this worker, which was killed, left running, and remove its working folders."""
    processes.kill(processes.marked(mark_of(runs), processes.table().values()))
    remove(runs)


def _rules(config: Config) -> Rules:
    return Rules(Allowed(config.allow, config.allow_builds_from), config.schemes, config.deny_environment)


def _bounds(config: Config) -> Bounds:
    builds = config.builds
    download = downloading.Bounds(allow_from=config.allow_builds_from, seconds=builds.seconds, size=builds.download)
    return Bounds(download=download, unpacked=builds.unpacked, members=builds.members, cache=builds.cache)


def _resting(installs: Installs) -> Callable[[Build], object]:
    return lambda build: build.artifact and installs.rests(build.artifact)


def _document(config: Config, machine: Machine, facts: Json) -> Worker:
    own = facts | {
        "tags": list(config.tags),
        "allow": list(config.allow),
        "allow_builds_from": list(config.allow_builds_from),
        "heartbeat": config.heartbeat,
    }
    return new_worker(config.name, machine, incarnation(), config.slots, own, to_text(utc_now()))
