"""Files that outlive a power cut."""

import os
from pathlib import Path

DRAFT = ".draft"
"""The end of the name of a file that is not yet whole; one may be left by a process that was killed."""


def write(path: Path, content: bytes) -> None:
    """Write a whole file or nothing; when this returns it outlives a power cut. Raises OSError."""
    draft = path.with_name(path.name + DRAFT)
    try:
        _write_synced(draft, content)
        draft.replace(path)
    except OSError:
        draft.unlink(missing_ok=True)
        raise
    _sync(path.parent)


def _write_synced(path: Path, content: bytes) -> None:
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
