"""The collector as a process beside an embedded store: begins with it and ends with it."""

import contextlib
import fcntl
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import psutil

from crashfarm import settings
from crashfarm.errors import ConfigError

LOCK = "collector.lock"
LOG = "collector.log"
MAX_LOG = 1 << 20
"""Bytes of the log beyond which it is begun anew with the next start."""
STOP_SECONDS = 10.0
START_SECONDS = 60.0
"""So long a collector waits for its store."""
POLL_SECONDS = 0.1


def start(data: Path, *, detached: bool) -> None:
    """Start a collector for a folder's store: that which runs when detached, else that which this process becomes.

    Where a collector runs already, the new one ends at once. A detached one writes to a log, the other to the terminal.
    """
    command = [sys.executable, "-m", "server", "collect", "--data", str(data), "--until-down"]
    with _log(data) if detached else contextlib.nullcontext() as words:
        subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=words, start_new_session=True
        )


def _log(data: Path) -> IO[bytes]:
    log = data / LOG
    return log.open("wb" if log.exists() and log.stat().st_size > MAX_LOG else "ab")


def stop(data: Path) -> None:
    """End the collector of a folder, if there is one. It may be ended at any moment: it goes on where it stood."""
    with contextlib.suppress(OSError, ValueError, psutil.NoSuchProcess, psutil.TimeoutExpired):
        process = psutil.Process(int((data / LOCK).read_text()))
        if "collect" in process.cmdline():
            process.terminate()
            process.wait(STOP_SECONDS)


@contextlib.contextmanager
def alone(data: Path) -> Iterator[bool]:
    """Whether no other collector runs on a folder; none begins while the block runs."""
    with (data / LOCK).open("a+") as lock:
        if not _taken(lock):
            yield False
            return
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        yield True


def store_runs(data: Path) -> bool:
    """Whether the store that has announced itself on a folder is alive."""
    try:
        return psutil.pid_exists(settings.store_address(data).pid)
    except ConfigError:
        return False


def wait_for_store(data: Path) -> bool:
    """Wait until a store runs on a folder, while the process lives that is to become it."""
    parent, end = os.getppid(), time.monotonic() + START_SECONDS
    while not store_runs(data):
        if os.getppid() != parent or time.monotonic() > end:
            return False
        time.sleep(POLL_SECONDS)
    return True


def _taken(lock: IO[str]) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
