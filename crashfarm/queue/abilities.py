"""What jobs ask of a worker, and what a worker can do."""

from collections.abc import Callable
from typing import Any, Self

import msgspec

from crashfarm.documents.base import Json
from crashfarm.documents.job import Job


class Demand(msgspec.Struct, frozen=True, array_like=True):
    """What a class of jobs asks: the first part of the keys of `queue/pending`. None asks for nothing."""

    os_name: str | None
    os_version: str | None
    cpu_name: str | None
    tags: tuple[str, ...]
    product: str
    branch: str
    buildtype: str

    @classmethod
    def of(cls, job: Job) -> Self:
        """The class that a job is in."""
        asks = job.requires
        tags = tuple(sorted(asks.tags))
        return cls(asks.os_name, asks.os_version, asks.cpu_name, tags, job.product, job.branch, job.buildtype)

    @classmethod
    def from_key(cls, key: Any) -> Self | None:
        """Read it from a view's key; None if somebody queued what nobody can understand."""
        try:
            return msgspec.convert(key, cls)
        except msgspec.ValidationError:
            return None

    def key(self) -> list[Any]:
        """As the view has it."""
        machine = [self.os_name, self.os_version, self.cpu_name, list(self.tags)]
        return [*machine, self.product, self.branch, self.buildtype]


RELAXATIONS = 3
"""How many parts of a machine may be passed over, one after the other: os_version, cpu_name, os_name."""

CanRun = Callable[[str, str, str], bool]
"""Whether a worker can run that product, branch and build type."""


class Abilities(msgspec.Struct, frozen=True):
    """What a worker is, from its merged metadata, and which builds it can run."""

    os_name: str
    os_version: str
    cpu_name: str
    tags: frozenset[str]
    can_run: CanRun

    @classmethod
    def of(cls, metadata: Json, can_run: CanRun) -> Self:
        """Read them from a worker's merged metadata; tags are a list of texts."""
        tags = metadata.get("tags")
        words = frozenset(map(str, tags)) if isinstance(tags, list) else frozenset()
        os_name, os_version, cpu_name = (str(metadata.get(name, "")) for name in ("os_name", "os_version", "cpu_name"))
        return cls(os_name, os_version, cpu_name, words, can_run)

    def meet(self, demand: Demand, relaxed: int = 0) -> bool:
        """Whether jobs of that class can be run here.

        `relaxed` says how much of what is asked of the machine is passed over, from the right: 1 the version of the
        operating system, 2 the processor too, 3 all. Tags and builds are never passed over.
        """
        asked = (demand.os_name, demand.cpu_name, demand.os_version)
        mine = (self.os_name, self.cpu_name, self.os_version)
        pairs = list(zip(asked, mine, strict=True))[: RELAXATIONS - relaxed]
        return (
            all(ask is None or ask == have for ask, have in pairs)
            and self.tags.issuperset(demand.tags)
            and self.can_run(demand.product, demand.branch, demand.buildtype)
        )
