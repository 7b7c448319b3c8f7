"""What a worker is made of."""

from enum import Enum

import msgspec

from crashfarm.database import Database
from crashfarm.queue import JobQueue
from crashfarm.queue.abilities import Abilities
from crashfarm.queue.transitions import Holder
from crashfarm.queue.turns import Turn
from worker.bell import Bell
from worker.builds import Builds
from worker.config import Config
from worker.delivery import Delivery
from worker.health import Health
from worker.journal import Journal
from worker.registration import Registration
from worker.slots import Slots


class Until(Enum):
    """When a worker ends by itself."""

    #: When it is told to.
    TOLD = "told"
    #: When nothing that it could run is pending, and nothing runs anywhere.
    EMPTY = "empty"
    #: When it has run what it could claim at once.
    ONCE = "once"


class Parts(msgspec.Struct, frozen=True, kw_only=True):
    """What a worker is made of."""

    config: Config
    queue: JobQueue
    registration: Registration
    builds: Builds
    slots: Slots
    delivery: Delivery
    health: Health
    journal: Journal
    turn: Turn
    bell: Bell
    databases: tuple[Database, ...] = ()

    @property
    def holder(self) -> Holder:
        """As whom this worker claims."""
        return Holder(self.config.name, self.registration.worker.incarnation)

    def abilities(self) -> Abilities:
        """What this worker is, and what it can run."""
        return Abilities.of(self.registration.worker.metadata, self.builds.can_run)
