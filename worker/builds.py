"""Which builds there are for this machine: the farm's branch documents, read again now and then."""

import time
from collections.abc import Callable

from crashfarm.database import Database
from crashfarm.documents.branch import Branch, Build
from crashfarm.documents.job import Job
from crashfarm.errors import InvalidDocument
from worker import buildtypes
from worker.allowed import Allowed

FRESH = 10.0
"""Seconds for which the branches that were read are good."""


MOST_TOLD = 100
"""Programs that a worker's document names as not here."""


class Builds:
    """The builds that may be run here. `refresh` touches the network, nothing else does.

    `lacking` names programs that the farm's builds want, and that might run here if they were here; of very many, some.

    `rests` tells of a build whether it failed lately and is to be left alone for a while.
    """

    def __init__(
        self,
        status: Database,
        os_name: str,
        allowed: Allowed,
        rests: Callable[[Build], object] = lambda build: False,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._status = status
        self._os_name = os_name
        self._allowed = allowed
        self._rests = rests
        self._monotonic = monotonic
        self._read_at = float("-inf")
        self._branches: dict[tuple[str, str], Branch] = {}
        self.lacking: tuple[str, ...] = ()

    def refresh(self) -> None:
        """Read the branches again, unless that was done a moment ago."""
        if self._monotonic() - self._read_at < FRESH:
            return
        found = [branch for doc in self._status.documents("branch:") if (branch := _read(doc))]
        self._branches = {(branch.product, branch.branch): branch for branch in found}
        self._read_at = self._monotonic()
        self.lacking = tuple(sorted(self._absent())[:MOST_TOLD])

    def find(self, product: str, branch: str, buildtype: str) -> Build | None:
        """The build for this machine, whether or not it may be run."""
        found = self._branches.get((product, branch))
        return found.build(buildtype, self._os_name) if found and found.enabled else None

    def of(self, job: Job) -> Build | None:
        """The build that a job names, or its branch's current one; None if there is no such build for this machine."""
        branch = self._branches.get((job.product, job.branch))
        return branch.build(job.buildtype, self._os_name, job.build) if branch else None

    def can_run(self, product: str, branch: str, buildtype: str) -> bool:
        """Whether there is a build for this machine that may be run, whose program is here, not known to be broken."""
        build = self.find(product, branch, buildtype)
        if build is None or buildtypes.missing(buildtype):
            return False
        return self._allowed.permits_build(build) and self._allowed.is_there(build) and not self._rests(build)

    def _absent(self) -> set[str]:
        branches = (branch for branch in self._branches.values() if branch.enabled)
        builds = (branch.build(name, self._os_name) for branch in branches for name in branch.builds)
        wanted = (build for build in builds if build and self._allowed.permits_build(build))
        return {build.command[0] for build in wanted if not self._allowed.is_there(build)}


def _read(doc: dict[str, object]) -> Branch | None:
    try:
        return Branch.from_doc(doc)
    except InvalidDocument:
        return None
