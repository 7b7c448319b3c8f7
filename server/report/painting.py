"""Pages painted by processes beside this one: making them is most of a report's work, and each stands for itself.

A painter reads the report's tables, gets its tasks through a pipe, and ends when that is closed: by `Painters.close`,
or because the process that makes the report is gone. It tells the sources of what it has painted in the end.
"""

import contextlib
import ctypes
import fcntl
import functools
import gc
import itertools
import os
import pickle
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import IO, Any, Protocol

from crashfarm.errors import CrashfarmError
from server.report import junit, signatures
from server.report.fetching import Asked
from server.report.model import BranchLine
from server.report.pages import Pages
from server.report.scratch import Scratch, Tables

WORTH = 1000
"""Pages, or work of as many, below which starting painters takes longer than they save."""

PIPE = 1024 * 1024
"""Bytes of tasks that wait for a painter, so that it has some while another one gets its own."""

_PR_SET_PDEATHSIG = 1

Source = tuple[str, str, int | None]
"""A signature's name, and source file and line of its newest finding."""


class Writer(Protocol):
    """What pages are written with, now or later."""

    def write(self, template: str, path: str, **values: Any) -> None:
        """Write one page, as `Pages.write` does."""

    def signatures(self, asked: Sequence[Asked]) -> None:
        """Write the pages of these signatures."""

    def junit(self, branches: Sequence[BranchLine]) -> None:
        """Write the test results, which are as much work as many pages."""


class Painter:
    """Writes pages in this process, and tells the sources of signatures."""

    def __init__(self, pages: Pages, tables: Tables, tell: Callable[[list[Source]], None]) -> None:
        self._pages = pages
        self._tables = tables
        self._tell = tell

    def write(self, template: str, path: str, **values: Any) -> None:
        """Write one page."""
        self._pages.write(template, path, **values)

    def signatures(self, asked: Sequence[Asked]) -> None:
        """Write the pages of these signatures."""
        sources = []
        for page in signatures.pages(self._tables, asked):
            self._pages.write("signature.html.j2", page.line.href, page=page)
            if page.sample and page.sample.finding.file:
                sources.append((page.line.name, page.sample.finding.file, page.sample.finding.line))
        self._tell(sources)

    def junit(self, branches: Sequence[BranchLine]) -> None:
        """Write the test results."""
        junit.write(self._pages, self._tables, branches)


class Painters:
    """As many painters as there are processors. They must be able to import what is in the values of a page."""

    def __init__(self, pages: Pages, scratch: Scratch, number: int) -> None:
        self._processes = [_Process() for _ in range(number)]
        self._turn = 0
        for process in self._processes:
            process.send((pages, scratch.path))

    def write(self, template: str, path: str, **values: Any) -> None:
        """Have a page written."""
        self._hand_out(("write", (template, path), values))

    def signatures(self, asked: Sequence[Asked]) -> None:
        """Have the pages of these signatures written."""
        self._hand_out(("signatures", (asked,), {}))

    def junit(self, branches: Sequence[BranchLine]) -> None:
        """Have the test results written."""
        self._hand_out(("junit", (branches,), {}))

    def close(self) -> Iterator[Source]:
        """Wait until all pages are written; tells the sources of signatures."""
        for process in self._processes:
            process.wait()
        return itertools.chain.from_iterable(process.told() for process in self._processes)

    def stop(self) -> None:
        """End at once, whatever is not written yet."""
        for process in self._processes:
            process.stop()

    def _hand_out(self, task: Any) -> None:
        self._turn = (self._turn + 1) % len(self._processes)
        self._processes[self._turn].send(task)


class _Process:
    """One painter, seen from the process that makes the report."""

    def __init__(self) -> None:
        # A file, for nobody reads as long as it paints.
        self._answer: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 closed with the process
        command = [sys.executable, "-P", "-c", f"from {__name__} import main; main()"]
        pipe = subprocess.PIPE
        self._process = subprocess.Popen(command, stdin=pipe, stdout=self._answer, stderr=pipe)
        self.pid = self._process.pid
        assert self._process.stdin is not None  # noqa: S101
        self._tasks = self._process.stdin
        with contextlib.suppress(OSError):
            # The system allows a user so many: then it is as short as any.
            fcntl.fcntl(self._tasks, fcntl.F_SETPIPE_SZ, PIPE)

    def send(self, what: object) -> None:
        """Give it a task, when there is room for one more."""
        try:
            pickle.dump(what, self._tasks, pickle.HIGHEST_PROTOCOL)
            self._tasks.flush()
        except BrokenPipeError:
            self.wait()

    def wait(self) -> None:
        """Let it come to its end: there will be no more tasks. Raises PaintingFailed."""
        _, complaint = self._process.communicate()
        if self._process.returncode:
            raise PaintingFailed(complaint.decode(errors="replace").strip()[-2000:])

    def told(self) -> Iterator[Source]:
        """What it has told, when it is at its end."""
        self._answer.seek(0)
        with self._answer, contextlib.suppress(EOFError):
            while True:
                yield from pickle.load(self._answer)  # noqa: S301 it comes from a process that this one started

    def stop(self) -> None:
        """End it, whatever it does."""
        self._process.kill()
        self._process.communicate()
        self._answer.close()


class PaintingFailed(CrashfarmError):
    """A page could not be written."""


@contextmanager
def painting(pages: Pages, scratch: Scratch, number_of_pages: int) -> Iterator[Writer]:
    """What writes pages: painters, where there are many pages and more than one processor, else this process.

    As long as there are painters, the tables must not change. The sources of signatures are there at the end.
    """
    processors = len(os.sched_getaffinity(0))
    if number_of_pages < WORTH or processors < 2:
        yield Painter(pages, scratch, functools.partial(scratch.insert, "sources"))
        return
    scratch.share()
    painters = Painters(pages, scratch, processors)
    try:
        yield painters
        scratch.insert("sources", painters.close())
    except BaseException:
        painters.stop()
        raise


def paint(source: IO[bytes], answer: IO[bytes]) -> None:
    """Do all tasks that come, until none can come any more."""
    pages, path = pickle.load(source)  # noqa: S301 it comes from the process that started this one
    painter = Painter(pages, Tables.shared(path), lambda sources: pickle.dump(sources, answer))
    while True:
        try:
            method, positional, named = pickle.load(source)  # noqa: S301
        except EOFError:
            return
        getattr(painter, method)(*positional, **named)


def main() -> None:
    """Be a painter, to the process that started this one."""
    # Nobody else than the process that makes the report may have its folder when that one is killed.
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # What is made for a page goes with it: to look for circles each few hundred objects takes time for nothing.
    gc.set_threshold(100_000)
    try:
        paint(sys.stdin.buffer, sys.stdout.buffer)
    except OSError as exc:
        if not exc.errno:
            raise
        # A full disk: there is no more to tell.
        sys.exit(str(exc))
