"""The collector: has all duties done, over and over, and survives whatever they meet."""

import logging
from collections.abc import Callable, Sequence

from crashfarm.errors import DatabaseError
from crashfarm.settings import Farm
from crashfarm.times import Clock
from server.collector.duty import Duty
from server.collector.following import Follower

log = logging.getLogger("crashfarm.collector")


class Collector:
    """Follows the farm for a list of duties. Several collectors do no harm: duties may be done twice."""

    def __init__(self, farm: Farm, duties: Sequence[Duty], clock: Clock) -> None:
        self._followers = [Follower(farm, duty, clock) for duty in duties]

    def round(self, failed: Callable[[str, Exception], None] | None = None) -> dict[str, int]:
        """Have every duty done for what has changed: how many things each did, by its name.

        One that fails, as a rule because of the database, tries again in the next round; `failed` is told its name
        and why.
        """
        done = {}
        for follower in self._followers:
            try:
                done[follower.duty.name] = follower.catch_up()
            except Exception as exc:
                if not isinstance(exc, DatabaseError):
                    log.debug("%s", follower.duty.name, exc_info=exc)
                (failed or _log)(follower.duty.name, exc)
        return done


def _log(name: str, fault: Exception) -> None:
    log.warning("%s: %s; trying again", name, fault)
