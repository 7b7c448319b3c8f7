"""Processes beside the one that makes a report, its hands: they take work off it.

A hand is told through a pipe what to be, then what to do, one thing after the other. It ends when that pipe is closed:
by `wait`, or because the process that makes the report is gone. What it tells, and what went wrong, goes into a file.
"""

import contextlib
import ctypes
import fcntl
import gc
import itertools
import os
import pickle
import signal
import sqlite3
import subprocess
import sys
import tempfile
import termios
from array import array
from collections.abc import Callable, Iterator
from typing import IO, Any, Self

from crashfarm.errors import CrashfarmError

PIPE = 1024 * 1024
"""Bytes of tasks that wait for a hand, so that it has some while another one gets its own."""

MOST = 8
"""Hands that one report has to write pages: more would wait for the one process that gives them work."""

Tell = Callable[[Any], None]
"""Tells the process that makes the report of something, which must be fit to be pickled."""

_PR_SET_PDEATHSIG = 1

_KNOWN = (CrashfarmError, OSError, sqlite3.Error)
"""What may go wrong without being a fault of the program."""


class HandFailed(CrashfarmError):
    """A process beside the one that makes the report has failed."""


class Hand:
    """A hand, seen from the process that makes the report. It must be able to import what it is told."""

    def __init__(self) -> None:
        # A file, for nobody may be reading while it tells.
        answer = tempfile.TemporaryFile()  # noqa: SIM115 closed when the hand has it
        self._answer = open(f"/proc/self/fd/{answer.fileno()}", "rb")  # noqa: SIM115 closed with the process
        command = [sys.executable, "-P", "-c", f"from {__name__} import main; main()"]
        pipe = subprocess.PIPE
        with answer:
            self._process = subprocess.Popen(command, stdin=pipe, stdout=answer, stderr=pipe)
        self.pid = self._process.pid
        self._failure: Exception | None = None
        assert self._process.stdin is not None  # noqa: S101
        self._tasks = self._process.stdin
        with contextlib.suppress(OSError):
            # The system allows a user so many: then it is as short as any.
            fcntl.fcntl(self._tasks, fcntl.F_SETPIPE_SZ, PIPE)

    def be(self, make: Callable[..., object], *values: object) -> None:
        """Have it call `make` with a `Tell` and these values; what that gives is told what to do."""
        self._send((make, values))

    def do(self, method: str, *positional: object, **named: object) -> None:
        """Have it call a method, as soon as there is room for one more task."""
        self._send((method, positional, named))

    def _send(self, what: object) -> None:
        try:
            pickle.dump(what, self._tasks, pickle.HIGHEST_PROTOCOL)
            self._tasks.flush()
        except BrokenPipeError:
            self.wait()

    def waiting(self) -> int:
        """How many bytes of tasks it has before it."""
        unread = array("i", [0])
        fcntl.ioctl(self._tasks, termios.FIONREAD, unread)
        return unread[0]

    def wait(self, seconds: float | None = None) -> bool:
        """Let it come to its end, for there will be no more tasks; tells whether it is there after so many seconds.

        Raises what it has failed with: an error of ours or of the disk, else HandFailed.
        """
        try:
            _, complaint = self._process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            return False
        if self._process.returncode:
            for _ in self.told():
                pass
            raise self._failure or HandFailed(complaint.decode(errors="replace").strip()[-2000:])
        return True

    def told(self) -> Iterator[Any]:
        """What it has told since this was last asked."""
        while True:
            heard = self._answer.tell()
            try:
                told = pickle.load(self._answer)  # noqa: S301 it comes from a process that this one started
            except (EOFError, pickle.UnpicklingError):
                # The rest of it is still to come.
                self._answer.seek(heard)
                return
            if isinstance(told, _KNOWN):
                self._failure = told
                return
            yield told

    def stop(self) -> None:
        """End it, whatever it does."""
        self._process.kill()
        self._process.communicate()
        self._answer.close()


class Hands:
    """The hands of one report: some may be started before it is known what they will be."""

    def __init__(self) -> None:
        self._ready: list[Hand] = []
        self._taken: list[Hand] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for hand in self._ready + self._taken:
            hand.stop()

    def prepare(self, number: int) -> None:
        """Start so many: they learn to read and write while there is nothing for them to do."""
        self._ready += [Hand() for _ in range(number)]

    def take(self) -> Hand:
        """One that is nothing yet. It is stopped when the report ends, if not before."""
        self._taken.append(self._ready.pop() if self._ready else Hand())
        return self._taken[-1]


def spare() -> int:
    """How many hands are of use: as many as there are processors, up to `MOST`, and none where there is but one."""
    processors = len(os.sched_getaffinity(0))
    return min(processors, MOST) if processors > 1 else 0


def work(source: IO[bytes], answer: IO[bytes]) -> None:
    """Do all tasks that come, until none can come any more."""

    def tell(what: object) -> None:
        answer.write(pickle.dumps(what, pickle.HIGHEST_PROTOCOL))
        answer.flush()

    try:
        tasks = _tasks(source)
        for make, values in itertools.islice(tasks, 1):
            busy = make(tell, *values)
        for method, positional, named in tasks:
            getattr(busy, method)(*positional, **named)
    except _KNOWN as exc:
        if isinstance(exc, OSError) and not exc.errno:
            # A template that is not there, and not the system's word.
            raise
        tell(exc)
        sys.exit(str(exc))


def _tasks(source: IO[bytes]) -> Iterator[Any]:
    while True:
        try:
            task = pickle.load(source)  # noqa: S301 it comes from the process that started this one
        except EOFError:
            return
        yield task


def main() -> None:
    """Be a hand of the process that started this one."""
    # Nobody else than the process that makes the report may have its folder when that one is killed.
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # What is made for a page goes with it: to look for circles each few hundred objects takes time for nothing.
    gc.set_threshold(100_000)
    work(sys.stdin.buffer, sys.stdout.buffer)
