"""Files that outlive a power cut."""

import os
from pathlib import Path


def write(path: Path, content: bytes) -> None:
    """Write a whole file or nothing; when this returns it outlives a power cut. Raises OSError."""
    draft = path.with_name(path.name + ".draft")
    with draft.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
    _sync(path.parent)


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
