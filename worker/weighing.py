"""How much a run has written into its working folder."""

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

PACE = 1.0
"""Seconds for which a weight is good at least; ten times as long as the weighing took, if that is more."""

ENTRY = 4096
"""Bytes that each file and folder counts besides its content: many empty files fill a disk, too."""


class Weighed:
    """A folder whose weight is asked for often, and looked up now and then."""

    def __init__(self, folder: Path, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._folder = folder
        self._monotonic = monotonic
        self._size = 0
        self._due = monotonic() + PACE

    def size(self) -> int:
        """Bytes on the disk of all that is in the folder, as of a moment ago."""
        began = self._monotonic()
        if began >= self._due:
            self._size = sum(_sizes(str(self._folder)))
            ended = self._monotonic()
            self._due = ended + max(PACE, 10 * (ended - began))
        return self._size


def _sizes(folder: str) -> Iterator[int]:
    """The sizes of all entries; those that vanish while we look are left out."""
    left = [folder]
    while left:
        try:
            with os.scandir(left.pop()) as entries:
                for entry in entries:
                    yield ENTRY + entry.stat(follow_symlinks=False).st_blocks * 512
                    if entry.is_dir(follow_symlinks=False):
                        left.append(entry.path)
        except OSError:
            continue
