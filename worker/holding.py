"""Keeping what we hold, and taking back what others hold no more."""

import logging
import random

from crashfarm import conflicts
from crashfarm.queue.sweeping import Sweeper, Swept
from worker.parts import Parts

log = logging.getLogger("crashfarm.worker")


def renew(parts: Parts) -> float:
    """Begin the leases of all held jobs anew; in how many seconds to do that again."""
    settled = parts.queue.renew(parts.slots.held())
    parts.slots.renewed(settled.done)
    parts.slots.forget(settled.lost)
    for job in settled.lost:
        log.warning("%s is not ours any more: it is stopped", job.id)
    return parts.config.lease / 3


def check(parts: Parts) -> float:
    """Stop what was cancelled or taken over; in how many seconds to look again: a heartbeat."""
    lost = parts.queue.lost(parts.slots.held())
    parts.slots.forget(lost)
    for job in lost:
        log.warning("%s was cancelled or taken over: it is stopped", job.id)
    return parts.config.heartbeat


def sweep(parts: Parts, sweeper: Sweeper, rng: random.Random, now: float) -> float:
    """Do the janitor's work where no janitor does it; in how many seconds to look again."""
    pace = parts.config.lease / 4
    if not parts.turn.is_mine():
        return pace * rng.uniform(2.0, 4.0)
    _tell(sweeper.sweep(now))
    if settled := sum(conflicts.settle_open(database) for database in parts.databases):
        log.warning("settled %d conflicts of replicas that were apart", settled)
    return pace * rng.uniform(0.8, 1.0)


def _tell(swept: Swept) -> None:
    for job in swept.recovered:
        log.warning("%s was held by a silent worker: it is %s now", job.id, job.state)
    for job in swept.given_up:
        log.warning("%s was aborted: %s", job.id, job.reason)
