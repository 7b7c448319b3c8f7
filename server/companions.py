"""What runs beside an embedded store, each as a process that begins with the store and ends with it."""

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
from crashfarm.settings import Settings

COMMANDS = ("collect", "janitor")
"""The commands of this program that a store has beside it."""
MAX_LOG = 1 << 20
"""Bytes of the log beyond which it is begun anew with the next start."""
STOP_SECONDS = 10.0
START_SECONDS = 60.0
"""So long a companion waits for its store."""
POLL_SECONDS = 0.1


def start(data: Path, command: str, beside: int, *, detached: bool) -> None:
    """Start a companion for the store of a folder, which is, or is to become, the process of that number.

    Where one of its kind runs already, the new one ends at once. A detached one writes to a log, `<command>.log` in
    the folder, the other to the terminal.
    """
    words = [sys.executable, "-P", "-m", "server", command, "--data", str(data), "--beside", str(beside)]
    with _log(data / f"{command}.log") if detached else contextlib.nullcontext() as log:
        subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=log, start_new_session=True)


def _log(path: Path) -> IO[bytes]:
    return path.open("wb" if path.exists() and path.stat().st_size > MAX_LOG else "ab")


def stop(data: Path) -> None:
    """End the companions of a folder, if there are any. They may be ended at any moment, and go on where they stood."""
    for command in COMMANDS:
        with contextlib.suppress(OSError, ValueError, psutil.NoSuchProcess, psutil.TimeoutExpired):
            process = psutil.Process(int(_lock(data, command).read_text()))
            if command in process.cmdline():
                process.terminate()
                process.wait(STOP_SECONDS)


@contextlib.contextmanager
def attending(data: Path, command: str, beside: int) -> Iterator[Settings | None]:
    """The settings of the store of a folder, once it runs, for its only companion of that kind.

    None where there is one already, or where no store comes up.
    """
    if not _wait_for_store(data, beside):
        yield None
        return
    with _lock(data, command).open("a+") as lock:
        if not _taken(lock):
            yield None
            return
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        yield settings.load_from_folder(data, os.environ.get("CRASHFARM_FARM", settings.DEFAULT_FARM))


def store_runs(data: Path) -> bool:
    """Whether the store that has announced itself on a folder is alive."""
    try:
        return is_alive(settings.store_address(data).pid)
    except ConfigError:
        return False


def _wait_for_store(data: Path, beside: int) -> bool:
    """Wait until a store runs on a folder, while the process lives that is to become it."""
    end = time.monotonic() + START_SECONDS
    while not store_runs(data):
        if not is_alive(beside) or time.monotonic() > end:
            return False
        time.sleep(POLL_SECONDS)
    return True


def is_alive(pid: int) -> bool:
    """Whether a process runs. One that has ended, but that its parent has not yet asked after, does not."""
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def _lock(data: Path, command: str) -> Path:
    return data / f"{command}.lock"


def _taken(lock: IO[str]) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
