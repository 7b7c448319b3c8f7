"""The machine's processes, as the kernel lists them."""

import contextlib
import os
import signal
import threading
import time
from collections.abc import Iterable

import msgspec

_PAGE = os.sysconf("SC_PAGE_SIZE")
_PROC = "/proc"

MARK = "CRASHFARM_RUN"
"""The environment variable by which a run's processes are known, even those that left their group and parent."""


class Process(msgspec.Struct, frozen=True):
    """One process: `rss` in bytes, `started` in clock ticks since the machine began, `ticks` that it has worked."""

    pid: int
    state: str
    parent: int
    group: int
    session: int
    started: int
    rss: int
    ticks: int = 0


def table() -> dict[int, Process]:
    """All processes by pid. Those that end while we look are left out."""
    return _table(os.listdir(_PROC))


class _Snapshot:
    """The last table and when it was made, shared by all who may do with one that is not quite new."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._made_at = float("-inf")
        self._table: dict[int, Process] = {}

    def get(self, max_age: float) -> dict[int, Process]:
        """All processes by pid, as they were at most `max_age` seconds ago."""
        with self._lock:
            if time.monotonic() - self._made_at > max_age:
                self._table, self._made_at = table(), time.monotonic()
            return self._table


recent = _Snapshot().get


def started(pid: int) -> int | None:
    """When a process was started, or None if there is none of that pid."""
    process = _read(pid)
    return process.started if process else None


def begun() -> int:
    """How many processes and threads were begun on this machine; 0 where the kernel does not tell."""
    with contextlib.suppress(OSError, ValueError, IndexError):
        return int(_content("stat").partition(b"\nprocesses ")[2].split(maxsplit=1)[0])
    return 0


def since(pid: int, begun_before: int) -> dict[int, Process]:
    """The processes that began with `pid` or later, by pid, and perhaps others.

    `begun_before` is what `begun` said before that. Pids are given out in turn: unless they may have gone round since,
    only those from there to the last one need to be read, which are few of all that a machine runs.
    """
    count, names = begun() - begun_before, os.listdir(_PROC)
    with contextlib.suppress(OSError, ValueError):
        last, highest = _last("loadavg"), _last("sys/kernel/pid_max")
        if 0 < count < highest // 2:
            names = [
                name for name in names if name.isdecimal() and (int(name) - pid) % highest <= (last - pid) % highest
            ]
    return _table(names)


def tree(roots: Iterable[int], processes: dict[int, Process]) -> set[int]:
    """The pids of processes and all their descendants, as far as their parents still live."""
    children: dict[int, list[int]] = {}
    for process in processes.values():
        children.setdefault(process.parent, []).append(process.pid)
    found: set[int] = set()
    left = list(roots)
    while left:
        pid = left.pop()
        if pid in processes and pid not in found:
            found.add(pid)
            left += children.get(pid, [])
    return found


def marked(mark: str, processes: Iterable[Process]) -> set[int]:
    """The pids of our own user's processes whose environment has that mark or one that begins with it."""
    needle = f"{MARK}={mark}".encode()
    return {process.pid for process in processes if _environment_has(process.pid, needle)}


def alive(pids: Iterable[int], processes: dict[int, Process]) -> set[int]:
    """Those that still run: there, and no mere entry that waits for its parent to ask."""
    return {pid for pid in pids if pid in processes and processes[pid].state not in "ZX"}


def kill(pids: Iterable[int]) -> None:
    """Kill processes; those that are gone are no matter."""
    for pid in pids:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, signal.SIGKILL)


def reap(pids: Iterable[int]) -> None:
    """Let the kernel forget ended processes that became our children when their own parents ended."""
    for pid in pids:
        with contextlib.suppress(ChildProcessError):
            os.waitpid(pid, os.WNOHANG)


def _table(names: Iterable[str]) -> dict[int, Process]:
    found = (_read(int(name)) for name in names if name.isdecimal())
    return {process.pid: process for process in found if process}


def _content(name: str) -> bytes:
    """What the kernel tells. It is asked often: a path's own object would cost as much as the reading."""
    with open(f"{_PROC}/{name}", "rb", buffering=0) as file:
        return file.read()


def _last(name: str) -> int:
    """The number at a file's end."""
    return int(_content(name).split()[-1])


def _read(pid: int) -> Process | None:
    try:
        text = _content(f"{pid}/stat")
    except (OSError, ValueError):
        return None
    # The name in parentheses may hold anything, further parentheses included.
    fields = text[text.rindex(b")") + 2 :].split()
    return Process(
        pid=pid,
        state=fields[0].decode(),
        parent=int(fields[1]),
        group=int(fields[2]),
        session=int(fields[3]),
        started=int(fields[19]),
        rss=int(fields[21]) * _PAGE,
        ticks=int(fields[11]) + int(fields[12]),
    )


def _environment_has(pid: int, needle: bytes) -> bool:
    try:
        environment = _content(f"{pid}/environ")
    except OSError:
        return False
    return any(entry.startswith(needle) for entry in environment.split(b"\0"))
