"""Which programs this worker may run: decided by its owner alone, whatever the database says."""

import os
import shutil

import msgspec

from crashfarm import programs
from crashfarm.documents.branch import Build
from crashfarm.programs import BUILD


class Allowed(msgspec.Struct, frozen=True):
    """Paths of programs that may be run: exact ones, or patterns whose `*` stays within one path component.

    `sources` are the beginnings of addresses from where builds may be downloaded; the programs in such a build may
    be run, too.
    """

    patterns: tuple[str, ...]
    sources: tuple[str, ...] = ()

    def permits_build(self, build: Build) -> bool:
        """Whether a build may be fetched, if it has to be, and its program run."""
        return programs.permits_build(build, self.sources, self.permits)

    def is_there(self, build: Build) -> bool:
        """Whether the program that a build wants is on this machine, or is to come with the build."""
        if build.artifact and BUILD in build.command[0]:
            return True
        path = resolve(build.command[0]) if build.command else None
        return path is not None and is_program(path)

    def permits(self, program: str) -> bool:
        """Whether a branch's program may be run. A name without a slash is sought on our own PATH first."""
        path = resolve(program)
        return path is not None and programs.permits(self.patterns, path)


def resolve(program: str) -> str | None:
    """The absolute path of a program, or None if the name is relative or unknown."""
    if "/" not in program:
        return shutil.which(program)
    return program if os.path.isabs(program) else None


def is_program(path: str) -> bool:
    """Whether there is a file of that path that we may execute."""
    return os.path.isfile(path) and os.access(path, os.X_OK)
