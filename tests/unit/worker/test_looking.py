"""Programs whose time is over, and who are looked at before they are ended."""

import sys
import time
from collections.abc import Callable
from pathlib import Path
from threading import Event
from typing import Any

from worker import running
from worker.running import Ended, Limits, Look


def run(where: Path, script: str, look: Look, stop: Event | None = None, **limits: Any) -> Ended:
    """Run a Python script within limits, and look at it when its time is over."""
    command = (sys.executable, "-S", "-c", script)
    return running.run(command, where, {"PATH": "/bin"}, Limits(**limits), f"{where}:run/", stop or Event(), look)


def patiently(pid: int, is_enough: Callable[[], bool]) -> bytes:
    """A look at a program that takes for ever."""
    while not is_enough():
        time.sleep(0.01)
    return b"half of it"


def test_a_program_that_hangs_can_be_stopped_while_it_is_looked_at(tmp_path: Path) -> None:
    """It counts as stopped: half an account would make a finding of its own."""
    stop = Event()

    def look(pid: int, is_enough: Callable[[], bool]) -> bytes:
        stop.set()
        return patiently(pid, is_enough)

    ended = run(tmp_path, "import time; time.sleep(600)", look, stop, seconds=0.3)
    assert ended.stopped
    assert (ended.killed_for, ended.account) == ("", b"")


def test_a_program_that_hangs_is_bounded_while_it_is_looked_at(tmp_path: Path) -> None:
    """Its time is over already; its output counts still."""
    script = "import os, time\ntime.sleep(0.6)\nwhile True: os.write(1, bytes(65536))"
    ended = run(tmp_path, script, patiently, seconds=0.5, output=1 << 20)
    assert (ended.killed_for, ended.account, ended.stopped) == ("time", b"half of it", False)
