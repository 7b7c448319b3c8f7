"""Run one program with limits, and see how it ends. Nothing that it started is left behind."""

import contextlib
import ctypes
import os
import resource
import selectors
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from threading import Event
from typing import IO, cast

import msgspec

from worker import processes
from worker.family import Family
from worker.output import Output
from worker.weighing import Weighed

LOOK = 0.2
"""Seconds between two looks at a running program: its memory, its processes, and whether it is to be stopped."""

LAST_WORDS = 1.0
"""Seconds for reading what is left in the pipe after the program's end."""

LAST_ROOM = 64 << 10
"""Bytes of head and of tail that are kept of what a program writes when it is told to abort."""

Look = Callable[[int, Callable[[], bool]], bytes]
"""From a process that runs to an account of where it is. What it is given besides tells when nobody wants it any more.
"""

_GLANCE = 0.02
_CHUNK = 1 << 16
_PR_SET_CHILD_SUBREAPER = 36


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """What a run may use: seconds of time, bytes of memory (all its processes), bytes of output, processes, bytes of
    one `file`, bytes of all files in its working `folder`.

    Of the output `head` and `tail` bytes are kept.
    """

    seconds: float
    memory: int = 2 << 30
    output: int = 64 << 20
    processes: int = 256
    file: int = 4 << 30
    folder: int = 8 << 30
    head: int = 256 << 10
    tail: int = 768 << 10


class Ended(msgspec.Struct, frozen=True, kw_only=True):
    """How a run ended: exit status or signal, the limit it was ended for, and its output, stdout and stderr in one.

    `stopped` is true when the caller stopped it. Of a program whose time was over, `account` tells where it
    was, and `last_words` what it wrote when it was told to abort.
    """

    status: int | None
    signal: int | None
    killed_for: str
    stopped: bool
    output: bytes
    output_total: int
    account: bytes = b""
    last_words: bytes = b""


def bounded(most: int, hard: int) -> int:
    """A limit within a hard one of the kernel's."""
    return most if hard == resource.RLIM_INFINITY else min(most, hard)


def prepare_process(core: int, files: int) -> None:
    """Set what all runs inherit: how large their core files may be, and how many files each process may have open.

    The second one binds ourselves, too: some programs look at it when they begin, so it cannot be set afterwards.
    """
    hard = resource.getrlimit(resource.RLIMIT_CORE)[1]
    resource.setrlimit(resource.RLIMIT_CORE, (bounded(core, hard), hard))
    most = bounded(files, resource.getrlimit(resource.RLIMIT_NOFILE)[1])
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def become_subreaper() -> None:
    """Have processes whose parents end become our children, so that none escapes by daemonising."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def run(
    command: Sequence[str],
    folder: Path,
    environment: Mapping[str, str],
    limits: Limits,
    mark: str,
    stop: Event,
    look: Look | None = None,
) -> Ended:
    """Run a command to its end or its limits. `mark` is unique to the run; `folder` is where it works.

    `look` is asked about a program that has to be ended because its time is over.

    Raises OSError when the program cannot be started.
    """

    def start() -> "subprocess.Popen[bytes]":
        return subprocess.Popen(
            command,
            cwd=folder,
            env={**environment, processes.MARK: mark},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            bufsize=0,
        )

    running = _Run(Family(mark, start), folder, limits, stop, look)
    try:
        return running.watch()
    finally:
        running.close()


class _Run:
    """A program that runs."""

    def __init__(self, family: Family, folder: Path, limits: Limits, stop: Event, look: Look | None) -> None:
        self._family = family
        self._process = family.leader
        self._limits = limits
        self._stop = stop
        self._look = look
        self._pidfd = _pidfd(self._process.pid)
        self._pipe = cast(IO[bytes], self._process.stdout)
        self._output = self._sink = Output(limits.head, limits.tail)
        self._last_words = Output(LAST_ROOM, LAST_ROOM)
        self._ends_at = time.monotonic() + limits.seconds
        self._weighed = Weighed(folder)
        _bound(self._process.pid, limits)

    def watch(self) -> Ended:
        """Read until the program ends or has to be ended."""
        killed_for = ""
        with selectors.DefaultSelector() as selector:
            self._register(selector)
            while not killed_for and not self._stop.is_set() and self._process.poll() is None:
                self._read_some(selector, min(LOOK, max(0.0, self._ends_at - time.monotonic())))
                killed_for = self._over_limit()
            account = self._account(selector) if killed_for == "time" else b""
            if killed_for == "time" and self._stop.is_set():
                # Half an account would make another finding of the same hang.
                account, killed_for = b"", ""
            elif killed_for == "time":
                self._abort(selector)
        stopped = not killed_for and self._process.poll() is None
        self._family.end()
        self._drain()
        code = self._process.returncode
        if code == -signal.SIGXFSZ:
            killed_for = "output"
        return Ended(
            status=code if code >= 0 else None,
            signal=-code if code < 0 else None,
            killed_for=killed_for,
            stopped=stopped,
            output=self._output.text(),
            output_total=self._output.total,
            account=account,
            last_words=self._last_words.text(),
        )

    def _account(self, selector: selectors.BaseSelector) -> bytes:
        """Where the program is, as `look` sees it, unless it takes too much meanwhile, or is to be stopped."""

        def is_enough() -> bool:
            self._read_some(selector, 0.0)
            return self._stop.is_set() or bool(self._too_much())

        seen = self._look(self._family.busiest(), is_enough) if self._look else b""
        self._read_some(selector, 0.0)
        return seen

    def _abort(self, selector: selectors.BaseSelector) -> None:
        """Tell the program to abort: some say themselves where they are."""
        busiest = self._family.busiest()
        self._sink = self._last_words
        with contextlib.suppress(ProcessLookupError, PermissionError):
            resource.prlimit(busiest, resource.RLIMIT_CORE, (0, 0))
            os.kill(busiest, signal.SIGABRT)
        until = time.monotonic() + LAST_WORDS
        while self._family.has(busiest) and (left := until - time.monotonic()) > 0:
            self._read_some(selector, min(left, _GLANCE))

    def close(self) -> None:
        """Leave nothing behind, whatever happened."""
        self._family.end()
        if self._pidfd is not None:
            os.close(self._pidfd)
        self._pipe.close()

    def _register(self, selector: selectors.BaseSelector) -> None:
        os.set_blocking(self._pipe.fileno(), False)
        selector.register(self._pipe, selectors.EVENT_READ)
        if self._pidfd is not None:
            selector.register(self._pidfd, selectors.EVENT_READ)

    def _read_some(self, selector: selectors.BaseSelector, seconds: float) -> None:
        """Wait for output or the end, and take what there is."""
        if not selector.get_map():
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(seconds)
            return
        for key, _ in selector.select(seconds):
            if key.fileobj is self._pipe and not self._take():
                selector.unregister(self._pipe)

    def _take(self) -> bool:
        """Read once; False when the pipe is at its end."""
        try:
            data = os.read(self._pipe.fileno(), _CHUNK)
        except BlockingIOError:
            return True
        self._sink.feed(data)
        return bool(data)

    def _over_limit(self) -> str:
        """The name of the limit that the run has broken, or nothing."""
        if time.monotonic() >= self._ends_at:
            return "time"
        return self._too_much()

    def _too_much(self) -> str:
        """The same, but for its time."""
        if self._output.total > self._limits.output or self._weighed.size() > self._limits.folder:
            return "output"
        if self._process.poll() is not None:
            return ""  # what it has left behind is ended anyway: no need to look at it first
        members, memory = self._family.look()
        if memory > self._limits.memory:
            return "memory"
        return "processes" if members > self._limits.processes else ""

    def _drain(self) -> None:
        """Read what is left in the pipe. A process that nobody could kill may hold it open: do not wait for that."""
        until = time.monotonic() + LAST_WORDS
        with selectors.DefaultSelector() as selector:
            selector.register(self._pipe, selectors.EVENT_READ)
            while (left := until - time.monotonic()) > 0 and self._output.total <= self._limits.output:
                if not selector.select(left) or not self._take():
                    return


def _bound(pid: int, limits: Limits) -> None:
    """Set the limit that the kernel keeps. The program has only just begun, and its descendants inherit it."""
    with contextlib.suppress(OSError, ValueError):
        most = bounded(limits.file, resource.prlimit(pid, resource.RLIMIT_FSIZE)[1])
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (most, most))


def _pidfd(pid: int) -> int | None:
    """A descriptor that becomes readable when the process ends; None where the kernel has none."""
    try:
        return os.pidfd_open(pid)
    except OSError:
        return None
