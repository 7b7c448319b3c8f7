"""Getting work: claiming jobs as others end, starting them, and noticing when there is nothing more to do."""

import logging
import random
from collections.abc import Sequence

from crashfarm.documents.job import Job, JobState
from crashfarm.errors import DatabaseError
from crashfarm.queue.ends import End
from crashfarm.queue.sweeping import Sweeper
from worker.delivery import Ready
from worker.ending import Ending
from worker.listening import Listener
from worker.parts import Parts, Until
from worker.reporting import Reporter

log = logging.getLogger("crashfarm.worker")

FIRST_IDLE = 0.05
"""Seconds until the second question for work; it grows to the configured `idle` while there is none."""

LONGEST_WAIT = 1.0
"""Seconds after which everything is looked at again, even if nothing rang."""


TOGETHER = 0.2
"""Seconds that a free slot waits for the result of a job that has run, so that its end and the next claim go together.

A slow upload does not keep slots empty for longer.
"""


class Claimer:
    """Fills the free slots, and writes the ends of jobs along with the claims."""

    def __init__(
        self, parts: Parts, reporter: Reporter, ending: Ending, until: Until, sweeper: Sweeper, rng: random.Random
    ) -> None:
        self._parts = parts
        self._reporter = reporter
        self._ending = ending
        self._until = until
        self._sweeper = sweeper
        self._rng = rng
        self._idle = FIRST_IDLE
        self._unsure = False
        self._apart = False
        self._free_since: float | None = None
        self._listener = Listener(parts.queue, parts.bell.ring, rng)

    def claim(self, now: float) -> float:
        """Claim as many jobs as there are free slots; in how many seconds to ask again.

        The ends of jobs whose results are recorded go in the same write.
        """
        free = self._parts.slots.free
        if not free or not self._reporter.may_claim:
            self._free_since = None
            self._listener.disarm()
            return LONGEST_WAIT
        ready = [] if self._apart else self._parts.delivery.ready()
        if not ready and (wait := self._wait_for_a_result(now)):
            return wait
        self._parts.builds.refresh()
        jobs = self._ask(free, ready)
        self._free_since = None
        for job in jobs:
            self._parts.slots.start(job, self._parts.builds.of(job))
        if jobs:
            self._listener.disarm()
        else:
            self._listener.arm()
        if not jobs or self._until == Until.ONCE:
            self._look_for_the_end(now)
        self._idle = FIRST_IDLE if jobs else min(self._parts.config.idle, self._idle * 1.5)
        return self._idle * self._rng.uniform(0.7, 1.0)

    def finish(self) -> float:
        """Write the ends of jobs that no claim has taken along; in how many seconds to do that again."""
        self._parts.delivery.finish()
        self._apart = False
        return LONGEST_WAIT

    def _wait_for_a_result(self, now: float) -> float:
        """For how many seconds to wait for the results of jobs that have run."""
        if self._apart or not self._parts.slots.unsettled:
            return 0.0
        self._free_since = now if self._free_since is None else self._free_since
        return max(0.0, self._free_since + TOGETHER - now)

    def _ask(self, free: int, ready: Sequence[Ready]) -> list[Job]:
        """Claim; after a claim whose answer was lost, first look what we got by it.

        What has failed is tried apart: neither ends nor claims are to suffer from what is wrong with the others.
        """
        parts = self._parts
        if self._unsure:
            self._give_back_what_we_did_not_hear_of()
        self._unsure, self._reporter.claiming = True, True
        self._apart = self._apart or bool(ready)
        ends, abilities = parts.delivery.ends(ready), parts.abilities()
        try:
            settled, jobs = parts.queue.exchange(ends, parts.holder, abilities, free, parts.config.lease)
        finally:
            self._reporter.claiming = False
        self._unsure, self._apart = False, self._apart and not ready
        parts.delivery.settled(ready, settled)
        self._tell_refusals()
        return jobs

    def _tell_refusals(self) -> None:
        """Say which jobs the database does not let us claim, in one line for all of one claim."""
        if refusals := self._parts.queue.take_refusals():
            log.warning(
                "%d jobs cannot be claimed and are left alone, %s for %.0f s: %s",
                len(refusals),
                refusals[0].job,
                refusals[0].pause,
                refusals[0].reason,
            )

    def _give_back_what_we_did_not_hear_of(self) -> None:
        parts = self._parts
        known = {job.id for job in parts.slots.held()}
        ours = [job for job in parts.queue.held_by(parts.config.name) if job.id not in known]
        mine = [job for job in ours if job.claim and job.claim.incarnation == parts.holder.incarnation]
        back = parts.queue.give_back(mine, End.RELEASED, "the answer to the claim was lost")
        if back.done:
            log.warning("gave back %d jobs that were claimed without our hearing of it", len(back.done))

    def _look_for_the_end(self, now: float) -> None:
        """End, where we are to end by ourselves and there is nothing more to do."""
        if self._until == Until.ONCE or (self._until == Until.EMPTY and self._is_all_done(now)):
            self._ending.ask()

    def _is_all_done(self, now: float) -> bool:
        """Whether nothing of this farm can come to us any more: nothing runs, here or elsewhere, that may come back."""
        queue = self._parts.queue
        if self._parts.slots.held() or queue.count_for(self._parts.abilities()):
            return False
        if queue.counts().get(JobState.RUNNING, 0):
            return False
        return not self._sweeper.sweep(now).freed


def give_back(parts: Parts) -> float:
    """Return to the queue what came back from the slots without a result; in how many seconds to do that again."""
    returned = parts.slots.take_returned()
    try:
        for end, reason in sorted({(back.end, back.reason) for back in returned}):
            jobs = [back.job for back in returned if (back.end, back.reason) == (end, reason)]
            parts.queue.give_back(jobs, end, reason)
    except DatabaseError:
        parts.slots.put_back(returned)
        raise
    parts.slots.forget(back.job for back in returned)
    return LONGEST_WAIT
