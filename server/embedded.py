"""Starting and stopping the embedded store as a process of its own."""

import io
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NoReturn

import psutil
import requests

from crashfarm import settings
from crashfarm.errors import ConfigError, CrashfarmError
from crashfarm.settings import Settings

HEALTH_SECONDS = 5.0
STOP_SECONDS = 30.0
PAUSE_SECONDS = 0.02


def running(data: Path) -> Settings | None:
    """The settings of the store that runs on a folder and answers, or None."""
    try:
        found = settings.load_from_folder(data)
        healthy = requests.get(f"{found.url}/_up", timeout=HEALTH_SECONDS).ok
    except (ConfigError, requests.RequestException):
        return None
    return found if healthy else None


def start(data: Path, port: int = 0) -> Settings:
    """Start a store on a folder, in the background, and return when it answers.

    Raises ConfigError with the store's own words if it does not start.
    """
    # A file, not a pipe: the store lives on when nobody reads any more.
    with tempfile.TemporaryFile() as words:
        process = subprocess.Popen(
            _command(data, port), stdout=subprocess.PIPE, stderr=words, stdin=subprocess.DEVNULL, start_new_session=True
        )
        with process.stdout or io.BytesIO() as output:
            ready = output.readline()
        if not ready.startswith(b"ready"):
            process.wait()
            words.seek(0)
            raise ConfigError(_last_line(words.read()) or f"the store on {data} ended with {process.returncode}")
    found = running(data)
    if found is None:
        raise CrashfarmError(f"the store on {data} has started but does not answer")
    return found


def become(data: Path, port: int = 0) -> NoReturn:
    """Turn this process into a store on a folder."""
    os.execv(sys.executable, _command(data, port))  # noqa: S606 - a list, and no shell


def stop(data: Path) -> bool:
    """Ask the store that runs on a folder to end, and wait until it has. False if none runs."""
    try:
        process = psutil.Process(settings.store_address(data).pid)
        if "server.store" not in process.cmdline():
            return False
        process.send_signal(signal.SIGTERM)
    except (ConfigError, psutil.NoSuchProcess):
        return False
    until = time.monotonic() + STOP_SECONDS
    while not _has_ended(process):
        if time.monotonic() > until:
            raise CrashfarmError(f"the store (process {process.pid}) has not ended within {STOP_SECONDS:.0f} seconds")
        time.sleep(PAUSE_SECONDS)
    return True


def _has_ended(process: psutil.Process) -> bool:
    """Also where nobody asks how it ended, as in many a container: then its number stays."""
    try:
        return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def _command(data: Path, port: int) -> list[str]:
    return [sys.executable, "-P", "-m", "server.store", "--data", str(data), "--port", str(port)]


def _last_line(words: bytes) -> str:
    """What the store said last, without the name that it puts in front."""
    lines = words.decode(errors="replace").strip().splitlines()
    return lines[-1].removeprefix("crashfarm: ") if lines else ""
