"""Kinds of machines as people name them: by a worker that is of the kind, or by what it is."""

from collections.abc import Mapping

from crashfarm.documents.base import plain_name
from crashfarm.documents.worker import worker_id
from crashfarm.errors import InputError
from server.queries import paging

PARTS = ("os_name", "os_version", "cpu_name")

LISTED = 20
"""Known workers that are told, at most."""


def read_machine(status: paging.Viewed, text: str) -> dict[str, str]:
    """The three parts that make a kind of machine, from a worker's name or from `Linux 6.1 x86_64`.

    Raises InputError, which lists the workers there are, if it is neither.
    """
    worker = status.get(worker_id(text))
    if worker is not None:
        return {part: str(worker.get(part)) for part in PARTS}
    words = text.split()
    if len(words) >= len(PARTS):
        # A version may be of several words: Debian 12.
        return dict(zip(PARTS, (words[0], " ".join(words[1:-1]), words[-1]), strict=True))
    names = worker_names(status)
    known = ", ".join(names[:LISTED]) + (" and more" if len(names) > LISTED else "")
    raise InputError(f"no worker is called {text!r}, nor a kind of machine as 'Linux 6.1 x86_64' is; workers: {known}")


def worker_names(status: paging.Viewed) -> list[str]:
    """The names of all workers there are. A worker's name need not be its host's."""
    return sorted(plain_name(row.id or "") for row in paging.rows(status, "workers", "by_state"))


def with_machine(parts: Mapping[str, str], machine: Mapping[str, str]) -> dict[str, str]:
    """Parts that were asked for, with those of a machine. Raises InputError if they contradict each other."""
    for name, value in machine.items():
        if parts.get(name, value) != value:
            raise InputError(f"the machine's {name} is {value!r}, not {parts[name]!r}")
    return {**parts, **machine}
