"""Pages painted by processes beside this one: rendering is most of a report's work, and each page stands for itself.

A painter gets pages to write through a pipe, and ends when that is closed: by `Painters.close`, or because the process
that makes the report is gone.
"""

import ctypes
import os
import pickle
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, BinaryIO

from crashfarm.errors import CrashfarmError
from server.report.pages import Pages

WORTH = 1000
"""Pages below which starting painters takes longer than they save."""

BATCH = 20
"""Pages that a painter gets at once."""

_PR_SET_PDEATHSIG = 1

Task = tuple[str, str, dict[str, Any]]
"""What `Pages.write` takes: template, path, values."""


class Painters:
    """As many painters as there are processors. They must be able to import what is in the values of a page."""

    def __init__(self, pages: Pages, number: int) -> None:
        command = [sys.executable, "-m", __name__]
        pipe = subprocess.PIPE
        self._processes = [subprocess.Popen(command, stdin=pipe, stderr=pipe) for _ in range(number)]
        self._tasks: list[Task] = []
        self._turn = 0
        for process in self._processes:
            self._send(process, pages)

    def write(self, template: str, path: str, **values: Any) -> None:
        """Have a page written, now or later."""
        self._tasks.append((template, path, values))
        if len(self._tasks) == BATCH:
            self._hand_out()

    def close(self) -> None:
        """Wait until all pages are written."""
        self._hand_out()
        for process in self._processes:
            _, told = process.communicate()
            if process.returncode:
                raise PaintingFailed(told.decode(errors="replace").strip()[-2000:])

    def stop(self) -> None:
        """End at once, whatever is not written yet."""
        for process in self._processes:
            process.kill()
            process.communicate()

    def _hand_out(self) -> None:
        self._turn = (self._turn + 1) % len(self._processes)
        self._send(self._processes[self._turn], self._tasks)
        self._tasks = []

    def _send(self, process: "subprocess.Popen[bytes]", what: object) -> None:
        assert process.stdin is not None  # noqa: S101
        try:
            pickle.dump(what, process.stdin)
            process.stdin.flush()
        except BrokenPipeError as exc:
            _, told = process.communicate()
            raise PaintingFailed(told.decode(errors="replace").strip()[-2000:]) from exc


class PaintingFailed(CrashfarmError):
    """A page could not be written."""


@contextmanager
def painting(pages: Pages, number_of_pages: int) -> Iterator["Pages | Painters"]:
    """What writes pages: painters, where there are many pages and more than one processor, else `pages` itself."""
    processors = len(os.sched_getaffinity(0))
    if number_of_pages < WORTH or processors < 2:
        yield pages
        return
    painters = Painters(pages, processors)
    try:
        yield painters
        painters.close()
    except BaseException:
        painters.stop()
        raise


def paint(source: BinaryIO) -> None:
    """Write all pages that come, until none can come any more."""
    pages: Pages = pickle.load(source)  # noqa: S301 it comes from the process that started this one
    while True:
        try:
            tasks: list[Task] = pickle.load(source)  # noqa: S301
        except EOFError:
            return
        for template, path, values in tasks:
            pages.write(template, path, **values)


if __name__ == "__main__":
    # Nobody else than the process that makes the report may have its folder when that one is killed.
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    paint(sys.stdin.buffer)
