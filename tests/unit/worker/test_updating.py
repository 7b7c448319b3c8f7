"""Updates: what is tried is on record before it is tried, and what came of it is told in words."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

import crashfarm
from tests.fakes.couch import MemoryDatabase
from worker.updating import CURSOR, Tried, Updates

HERE = crashfarm.__version__
NEXT = "99.9"


def script(folder: Path, text: str) -> tuple[str, ...]:
    """An update command that is a script in Python, with the wanted version as its argument."""
    path = folder / "update.py"
    path.write_text(f"import os, pathlib, subprocess, sys, time\nhome = pathlib.Path({str(folder)!r})\n{text}\n")
    return (sys.executable, "-S", str(path), "{version}")


def updates(folder: Path, text: str, wanted: str = NEXT, was_told: Callable[[], bool] = lambda: False) -> Updates:
    """Updates of a worker whose farm wants that version."""
    database = MemoryDatabase()
    if wanted:
        database.put({"_id": CURSOR, "type": "cursor", "version": wanted})
    return Updates(database, script(folder, text), folder, was_told)  # type: ignore[arg-type]


def tried(folder: Path) -> Tried:
    """What is on record."""
    return msgspec.json.decode((folder / "update.json").read_bytes(), type=Tried)


def appears(path: Path) -> bool:
    """Whether a file is there, within a while."""
    until = time.monotonic() + 30
    while not path.exists() and time.monotonic() < until:
        time.sleep(0.01)
    return path.exists()


def lives(pid: int) -> bool:
    """Whether a process runs, and is no mere entry."""
    stat = Path(f"/proc/{pid}/stat")
    try:
        return stat.read_text().rpartition(")")[2].split()[0] not in "ZX"
    except FileNotFoundError:
        return False


def test_a_trial_is_on_record_before_its_command_runs(tmp_path: Path) -> None:
    """An update that ends its own worker, or a power cut, must not be met again at every start."""
    look = "import shutil; shutil.copy(home / 'update.json', home / 'seen.json')"
    made = updates(tmp_path, look)
    made.look()
    assert made.wanted == NEXT
    assert made.run() == ""
    seen = msgspec.json.decode((tmp_path / "seen.json").read_bytes(), type=Tried)
    assert (seen.version, seen.former) == (NEXT, HERE)
    (tmp_path / "seen.json").rename(tmp_path / "update.json")
    again = updates(tmp_path, look)
    again.look()
    assert again.wanted == ""
    assert again.failed() == f"the update to {NEXT} failed: it was cut short"


def test_a_failed_command_is_told_in_its_own_words(tmp_path: Path) -> None:
    """The last of them, and how it ended."""
    made = updates(tmp_path, "sys.stderr.write('x' * 900 + 'no room'); sys.exit(3)")
    assert made.run().endswith("xxxno room")
    assert made.failed().startswith(f"the update to {NEXT} failed: the update command ended with 3: xxx")
    assert len(made.failed()) < 700


def test_a_command_that_succeeds_and_changes_nothing_is_told(tmp_path: Path) -> None:
    """The farm wants a version, and this is another still."""
    made = updates(tmp_path, "pass")
    assert made.run() == ""
    assert made.failed() == f"the update to {NEXT} failed: its command ended well, but this is {HERE} still"


@pytest.mark.parametrize("record", [Tried(HERE, "it was cut short", "0.1"), Tried("", "it was cut short", "0.1")])
def test_a_version_that_has_come_is_no_failure(tmp_path: Path, record: Tried) -> None:
    """Though its command was cut short, as by a restart of the service at its end."""
    (tmp_path / "update.json").write_bytes(msgspec.json.encode(record))
    assert updates(tmp_path, "pass").failed() == ""


def test_an_update_to_whatever_comes_is_judged_by_its_command(tmp_path: Path) -> None:
    """Nobody has said which version ought to be there afterwards."""
    made = updates(tmp_path, "sys.exit(int(sys.argv[1] == ''))", wanted="")
    assert "ended with 1" in made.run()
    assert "the update to what its command brings failed" in made.failed()


def test_a_command_that_is_not_there_is_told(tmp_path: Path) -> None:
    """By the name that the owner wrote."""
    made = Updates(MemoryDatabase(), ("/nowhere/update",), tmp_path, lambda: False)  # type: ignore[arg-type]
    assert "/nowhere/update" in made.run()


def test_a_record_of_a_former_version_is_read(tmp_path: Path) -> None:
    """It did not say which version had tried."""
    (tmp_path / "update.json").write_text('{"version": "", "outcome": "no"}')
    assert updates(tmp_path, "pass").failed() == "the update to what its command brings failed: no"


def test_nothing_is_tried_that_cannot_be_put_on_record(tmp_path: Path) -> None:
    """It would be tried for ever."""
    made = updates(tmp_path, "(home / 'ran').touch()")
    (tmp_path / "update.json").mkdir()
    made.look()
    assert made.wanted == ""
    assert "cannot be noted" in made.run()
    assert not (tmp_path / "ran").exists()


def test_a_command_that_hangs_is_ended_when_the_worker_is_told_to_end(tmp_path: Path) -> None:
    """With what it started."""
    hang = "child = subprocess.Popen(['sleep', '600'])\n(home / 'draft').write_text(str(child.pid))\n"
    hang += "os.rename(home / 'draft', home / 'pid')\ntime.sleep(600)"
    made = updates(tmp_path, hang, was_told=lambda: (tmp_path / "pid").exists())
    assert made.run() == "it was ended, for the worker was told to end"
    assert not lives(int((tmp_path / "pid").read_text()))
    assert tried(tmp_path).outcome == "it was ended, for the worker was told to end"


def test_a_command_that_takes_too_long_is_ended(tmp_path: Path) -> None:
    """However it hangs."""
    made = updates(tmp_path, "time.sleep(600)")
    made.patience = 0.3
    assert made.run() == "it took more than 0.3 seconds"


def test_what_a_command_leaves_running_is_not_waited_for(tmp_path: Path) -> None:
    """Nor ended: it may be what starts the worker anew."""
    leave = "child = subprocess.Popen(['sleep', '600'], start_new_session=True)\n"
    made = updates(tmp_path, leave + "(home / 'pid').write_text(str(child.pid))")
    assert made.run() == ""
    pid = int((tmp_path / "pid").read_text())
    assert lives(pid)
    os.kill(pid, signal.SIGKILL)


def test_a_command_ends_with_a_worker_that_is_killed(tmp_path: Path) -> None:
    """Whatever the worker had no time to do."""
    write = "(home / 'draft').write_text(str(os.getpid()))\nos.rename(home / 'draft', home / 'pid')\ntime.sleep(600)"
    command = script(tmp_path, write)
    worker = f"""
import pathlib
from tests.fakes.couch import MemoryDatabase
from worker.updating import Updates
Updates(MemoryDatabase(), {command!r}, pathlib.Path({str(tmp_path)!r}), lambda: False).run()
"""
    process = subprocess.Popen([sys.executable, "-c", worker])
    assert appears(tmp_path / "pid")
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    pid, until = int((tmp_path / "pid").read_text()), time.monotonic() + 30
    while lives(pid) and time.monotonic() < until:
        time.sleep(0.01)
    assert not lives(pid)
