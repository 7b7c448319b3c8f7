"""What a worker can run, as far as can be told from afar."""

from collections.abc import Callable

from crashfarm import programs
from crashfarm.documents.branch import Branch
from crashfarm.documents.worker import Worker
from crashfarm.queue.abilities import Abilities


def abilities(worker: Worker, branch: Branch) -> Abilities:
    """What a worker can do with the builds of one branch; what a program's bare name means, the worker alone knows."""
    return Abilities.of(worker.metadata, _can_run(worker, branch))


def _can_run(worker: Worker, branch: Branch) -> Callable[[str, str, str], bool]:
    def can_run(_product: str, _branch: str, buildtype: str) -> bool:
        build = branch.build(buildtype, worker.os_name)
        if build is None or not build.command:
            return False
        allowed, sources, lacks = (_texts(worker, name) for name in ("allow", "allow_builds_from", "lacks"))
        if build.command[0] in lacks:
            return False
        return programs.permits_build(build, sources, lambda one: "/" not in one or programs.permits(allowed, one))

    return can_run


def _texts(worker: Worker, name: str) -> list[str]:
    """A list out of the metadata, in which people write by hand: what is none is empty."""
    found = worker.metadata.get(name)
    return [text for text in found if isinstance(text, str)] if isinstance(found, list) else []
