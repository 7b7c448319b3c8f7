"""Which programs this worker may run: decided by its owner alone, whatever the database says."""

import fnmatch
import os
import shutil

import msgspec


class Allowed(msgspec.Struct, frozen=True):
    """Paths of programs that may be run: exact ones, or patterns whose `*` stays within one path component."""

    patterns: tuple[str, ...]

    def permits(self, program: str) -> bool:
        """Whether a branch's program may be run. A name without a slash is sought on our own PATH first."""
        path = resolve(program)
        return path is not None and any(_matches(path, pattern) for pattern in self.patterns)


def resolve(program: str) -> str | None:
    """The absolute path of a program, or None if the name is relative or unknown."""
    if "/" not in program:
        return shutil.which(program)
    return program if os.path.isabs(program) else None


def _matches(path: str, pattern: str) -> bool:
    parts, wanted = path.split("/"), pattern.split("/")
    if ".." in parts or len(parts) != len(wanted):
        return False
    return all(fnmatch.fnmatchcase(part, glob) for part, glob in zip(parts, wanted, strict=True))
