"""Workers that are brought to another version by the command of their own configuration."""

import os
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.system.conftest import Shell
from tests.system.worker.farmyard import PATIENCE, Store, fast_config, queue, state_of, still_running, wait_for

Start = Callable[..., "subprocess.Popen[bytes]"]


def wanted(store: Store, version: str) -> None:
    """Say which version the farm wants its workers to have."""
    store.put({"_id": "cursor:worker-version", "type": "cursor", "version": version})


def updater(farm: Shell, end: str) -> tuple[str, Path]:
    """A configuration whose update command, a shell script, writes down that it ran, and ends so."""
    script, log = farm.data.parent / "update.sh", farm.data.parent / f"updates-{farm.environ['CRASHFARM_FARM']}"
    script.write_text(f'echo "$1" >> {log}; echo no room >&2; {end}')
    return fast_config(farm, f'update = ["/bin/sh", "{script}", "to {{version}}"]\n'), log


@pytest.mark.parametrize("status", [0, 3])
def test_a_worker_of_another_version_updates_itself_once(farm: Shell, store: Store, start: Start, status: int) -> None:
    """What runs may end; then its own command runs, and it begins anew. One that failed is told, and not repeated."""
    config, log = updater(farm, f"exit {status}")
    queue(farm, {"script": "sleep 1"})
    start("--name", "alpha", "--config", config)
    wait_for(lambda: store.states()["running"])
    [before] = store.documents("worker:")
    wanted(store, "99.9")
    assert farm("crashfarm", "worker", "update", "alpha").status == 0
    wait_for(lambda: store.documents("worker:")[0]["incarnation"] != before["incarnation"])
    wait_for(lambda: state_of(store) == "waiting")
    assert store.states() == {"completed": 1}
    queue(farm, {"script": "echo after"}, branch="two")
    wait_for(lambda: store.states() == {"completed": 2})
    assert len(log.read_text().splitlines()) == 1
    why = "its command ended well, but this is "
    failed = f"failed: {f'the update command ended with {status}: no room' if status else why}"
    assert failed in store.documents("worker:")[0]["dynamic_metadata"]["update"]
    wait_for(lambda: any(failed in doc["text"] for doc in store.documents("message:")))


def test_a_worker_that_finds_another_version_wanted_updates_itself(farm: Shell, store: Store, start: Start) -> None:
    """Nobody has to ask it; that its version stays another is no reason to try again."""
    config, log = updater(farm, "exit 0")
    wanted(store, "99.9")
    queue(farm, {"script": "echo ran"})
    start("--name", "alpha", "--config", config)
    wait_for(lambda: store.states() == {"completed": 1})
    assert log.read_text() == "to 99.9\n"


def test_a_worker_that_its_update_ends_does_not_update_again(farm: Shell, store: Store, start: Start) -> None:
    """The next start tells that the update was cut short, and works."""
    pid = farm.data.parent / f"pid-{store.farm}"
    config, log = updater(farm, f"kill -9 $(cat {pid}); sleep 60")
    wanted(store, "99.9")
    worker = start("--name", "alpha", "--config", config)
    pid.write_text(str(worker.pid))
    assert worker.wait(PATIENCE) == -signal.SIGKILL
    queue(farm, {"script": "echo ran"})
    start("--name", "alpha", "--config", config)
    wait_for(lambda: store.states() == {"completed": 1})
    assert log.read_text() == "to 99.9\n"
    assert "cut short" in store.documents("worker:")[0]["dynamic_metadata"]["update"]


def test_a_worker_whose_update_hangs_says_so_and_can_be_told_to_end(farm: Shell, store: Store, start: Start) -> None:
    """The command ends with it."""
    mark = f"sleep {os.getpid()}33"
    config, _ = updater(farm, mark)
    worker = start("--name", "alpha", "--config", config)
    wait_for(lambda: state_of(store) == "waiting")
    assert farm("crashfarm", "worker", "update", "alpha").status == 0
    wait_for(lambda: store.documents("worker:")[0]["state_reason"] == "the update command runs")
    [before] = store.documents("worker:")
    assert before["state"] == "draining"
    wait_for(lambda: still_running(mark))
    wait_for(lambda: store.documents("worker:")[0]["heartbeat_at"] > before["heartbeat_at"])
    worker.send_signal(signal.SIGTERM)
    assert worker.wait(PATIENCE) == 0
    assert state_of(store) == "stopped"
    assert not still_running(mark)
