"""Which programs a worker's owner lets the farm run: patterns, as they stand in the worker's configuration."""

import fnmatch
from collections.abc import Iterable


def permits(patterns: Iterable[str], path: str) -> bool:
    """Whether an absolute path is among the patterns, whose `*` stays within one path component."""
    return any(_matches(path, pattern) for pattern in patterns)


def _matches(path: str, pattern: str) -> bool:
    parts, wanted = path.split("/"), pattern.split("/")
    if ".." in parts or len(parts) != len(wanted):
        return False
    return all(fnmatch.fnmatchcase(part, glob) for part, glob in zip(parts, wanted, strict=True))
