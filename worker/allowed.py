"""Which programs this worker may run: decided by its owner alone, whatever the database says."""

import os
import shutil

import msgspec

from crashfarm import programs


class Allowed(msgspec.Struct, frozen=True):
    """Paths of programs that may be run: exact ones, or patterns whose `*` stays within one path component."""

    patterns: tuple[str, ...]

    def permits(self, program: str) -> bool:
        """Whether a branch's program may be run. A name without a slash is sought on our own PATH first."""
        path = resolve(program)
        return path is not None and programs.permits(self.patterns, path)


def resolve(program: str) -> str | None:
    """The absolute path of a program, or None if the name is relative or unknown."""
    if "/" not in program:
        return shutil.which(program)
    return program if os.path.isabs(program) else None
