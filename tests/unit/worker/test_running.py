"""Programs that take too much: of files, of everything; real programs, ended by real limits."""

import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event
from typing import Any

from worker import running
from worker.running import Ended, Limits
from worker.weighing import PACE, Weighed

_WRITES = """
import os, sys, time
with open(sys.argv[1] + "/draft", "w") as file:
    file.write(str(os.getpid()))
os.rename(sys.argv[1] + "/draft", sys.argv[1] + "/daemon")
time.sleep(600)
"""


def run(where: Path, script: str, mark: str = "run/", **limits: Any) -> Ended:
    """Run a Python script within limits."""
    running.become_subreaper()
    command = (sys.executable, "-S", "-c", script)
    bounds = Limits(**{"seconds": 30.0} | limits)
    return running.run(command, where, {"PATH": "/usr/bin:/bin"}, bounds, f"{where}:{mark}", Event())


def test_a_file_that_grows_too_large_ends_its_program(tmp_path: Path) -> None:
    """A program that does not mind the signal ends as one that writes without end."""
    script = """
import signal, time
signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
time.sleep(0.2)
with open("big", "wb") as file:
    while True:
        file.write(bytes(65536))
        file.flush()
"""
    ended = run(tmp_path, script, file=1 << 20)
    assert (ended.signal, ended.killed_for) == (signal.SIGXFSZ, "output")
    assert (tmp_path / "big").stat().st_size == 1 << 20


def test_a_program_cannot_open_files_without_end() -> None:
    """The kernel says no."""
    inner = "kept = [open('/dev/null') for _ in range(500)]"
    script = f"""
import subprocess, sys
from worker import running
running.prepare_process(0, 100)
sys.exit(subprocess.run([sys.executable, "-S", "-c", {inner!r}]).returncode)
"""
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert ended.returncode == 1
    assert "Too many open files" in ended.stderr


def test_many_files_that_are_too_much_together_end_their_program(tmp_path: Path) -> None:
    """Although each of them is small."""
    script = """
import itertools
for number in itertools.count():
    with open(f"file{number % 2000}", "wb") as file:
        file.write(bytes(65536))
"""
    ended = run(tmp_path, script, folder=20 << 20)
    assert (ended.killed_for, ended.signal) == ("output", signal.SIGKILL)


def test_a_working_folder_is_weighed_now_and_then(tmp_path: Path) -> None:
    """Not at every look; files, folders and empty files all count, and links lead nowhere."""
    now = [0.0]
    weighed = Weighed(tmp_path, lambda: now[0])
    (tmp_path / "inner").mkdir()
    (tmp_path / "inner" / "file").write_bytes(bytes(100_000))
    (tmp_path / "inner" / "out").symlink_to("/usr")
    assert weighed.size() == 0
    now[0] += PACE
    assert 100_000 < weighed.size() < 200_000
    (tmp_path / "more").write_bytes(bytes(1_000_000))
    assert weighed.size() < 200_000
    now[0] += PACE
    assert weighed.size() > 1_000_000


def test_what_leaves_its_parents_session_and_environment_is_killed(tmp_path: Path) -> None:
    """A program that makes itself a daemon in the way of the books, and forgets its environment."""
    script = f"""
import os, sys, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        os.chdir("/")
        os.execve({sys.executable!r}, [{sys.executable!r}, "-S", "-c", {_WRITES!r}, {str(tmp_path)!r}], {{}})
    os._exit(0)
os.wait()
while not os.path.exists("daemon"):
    time.sleep(0.01)
"""
    ended = run(tmp_path, script)
    assert ended.status == 0, ended.output
    pid = int((tmp_path / "daemon").read_text())
    assert not Path(f"/proc/{pid}").exists() or " Z " in Path(f"/proc/{pid}/stat").read_text()


_LEAVES = """
import os, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        open("left", "w").close()
        while not os.path.exists("go"):
            time.sleep(0.01)
        open("done", "w").close()
        time.sleep(600)
    os._exit(0)
os.wait()
while not os.path.exists("done"):
    time.sleep(0.01)
"""

_WAITS = """
import os, time
while not os.path.exists("left"):
    time.sleep(0.01)
"""


def test_the_end_of_a_run_leaves_the_helpers_of_another_alone(tmp_path: Path) -> None:
    """Those, too, that have left their parents: who has the mark of a run is that run's."""
    with ThreadPoolExecutor(2) as slots:
        before = slots.submit(run, tmp_path, _WAITS, mark="before/")
        beside = slots.submit(run, tmp_path, _LEAVES, mark="beside/", seconds=20.0)
        assert before.result().status == 0
        (tmp_path / "go").touch()
        assert beside.result().status == 0
