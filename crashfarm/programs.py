"""Which programs a worker's owner lets the farm run: patterns, as they stand in the worker's configuration."""

import fnmatch
from collections.abc import Callable, Iterable

from crashfarm import sources
from crashfarm.documents.branch import Build

BUILD = "{build}"
"""In a build's command: the folder into which it was unpacked."""


def permits(patterns: Iterable[str], path: str) -> bool:
    """Whether an absolute path is among the patterns, whose `*` stays within one path component."""
    return any(_matches(path, pattern) for pattern in patterns)


def permits_build(build: Build, allow_from: Iterable[str], permits_program: Callable[[str], bool]) -> bool:
    """Whether a build may be run: what is to be downloaded comes from an allowed address, and its program is its own or
    allowed itself.
    """
    if build.artifact and not sources.permits(allow_from, build.artifact.url):
        return False
    if not build.command:
        return False
    return bool(build.artifact and is_inside(build)) or permits_program(build.command[0])


def is_inside(build: Build) -> bool:
    """Whether the program is one of the downloaded build's own."""
    return build.command[0].startswith(BUILD + "/")


def _matches(path: str, pattern: str) -> bool:
    parts, wanted = path.split("/"), pattern.split("/")
    if ".." in parts or len(parts) != len(wanted):
        return False
    return all(fnmatch.fnmatchcase(part, glob) for part, glob in zip(parts, wanted, strict=True))
