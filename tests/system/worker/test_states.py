"""The states of workers: each is reached, and each change is on the record with its time."""

import contextlib
import json
import os
import signal
import subprocess
import time
from collections.abc import Callable

import pytest
import requests

from tests.system.conftest import Shell
from tests.system.worker.farmyard import PATIENCE, Store, fast_config, queue, state_of, still_running, wait_for
from tests.system.worker.test_builds import files, offer
from tests.unit.worker.installing.servers import Files

__all__ = ["files"]

Start = Callable[..., "subprocess.Popen[bytes]"]


def test_every_state_is_reached_and_recorded(farm: Shell, store: Store, files: Files, start: Start) -> None:
    """In the order in which it happened, with times that only grow."""
    config = ("--name", "alpha", "--config", fast_config(farm), "--allow-builds-from", files.url)
    worker = start(*config)
    wait_for(lambda: state_of(store) == "waiting")
    offer(farm, store, files)
    wait_for(lambda: store.states() == {"completed": 1})
    for command, state in (("pause", "paused"), ("quarantine", "quarantined"), ("drain", "draining")):
        assert farm("crashfarm", "worker", "resume", "alpha").status == 0
        assert farm("crashfarm", "worker", command, "alpha").status == 0
        wait_for(lambda state=state: state_of(store) == state)
    worker.send_signal(signal.SIGTERM)
    assert worker.wait(PATIENCE) == 0
    changes = store.told()
    states = [change["state"] for change in changes]
    first = ["starting", "waiting", "claiming", "installing", "executing", "recording", "waiting"]
    assert states[: len(first)] == first
    assert states[-1] == "stopped"
    assert {"paused", "quarantined", "draining"} <= set(states)
    assert [change["at"] for change in changes] == sorted(change["at"] for change in changes)


def test_a_name_that_lives_on_another_machine_is_refused(farm: Shell, store: Store, start: Start) -> None:
    """Its document moves; nothing on it is changed by the one that came second."""
    worker = start("--name", "alpha", "--config", fast_config(farm))
    wait_for(lambda: state_of(store) == "waiting")
    worker.send_signal(signal.SIGTERM)
    assert worker.wait(PATIENCE) == 0
    [doc] = store.documents("worker:")
    elsewhere = {"hostname": "elsewhere", "state": "waiting", "incarnation": "elsewhere/boot/1/2/abc"}
    store.put(doc | elsewhere)
    second = farm.spawn(
        "crashfarm-worker", "run", "--name", "alpha", "--allow", "/bin/sh", "--config", fast_config(farm)
    )
    while second.poll() is None:
        [doc] = store.documents("worker:")
        store.put(doc | {"heartbeat_at": "2026-11-22T06:10:03.123Z"})
    assert second.returncode == 1
    assert store.documents("worker:")[0]["hostname"] == "elsewhere"


def test_a_name_of_a_machine_whose_heart_beats_slower_than_ours_is_refused(
    farm: Shell, store: Store, start: Start
) -> None:
    """It tells how often it is to be heard of, and is watched for as long."""
    worker = start("--name", "alpha", "--config", fast_config(farm))
    wait_for(lambda: state_of(store) == "waiting")
    worker.send_signal(signal.SIGTERM)
    assert worker.wait(PATIENCE) == 0
    [doc] = store.documents("worker:")
    assert doc["dynamic_metadata"]["heartbeat"] == 0.3
    elsewhere = {"hostname": "elsewhere", "state": "waiting", "incarnation": "elsewhere/boot/1/2/abc"}
    store.put(doc | elsewhere | {"dynamic_metadata": doc["dynamic_metadata"] | {"heartbeat": 2.0}})
    second = start("--name", "alpha", "--config", fast_config(farm))
    with pytest.raises(subprocess.TimeoutExpired):
        second.wait(4.0)
    [doc] = store.documents("worker:")
    assert doc["hostname"] == "elsewhere"
    store.put(doc | {"heartbeat_at": "2026-11-22T06:10:03.123Z"})
    assert second.wait(PATIENCE) == 1


def test_a_worker_that_loses_its_name_leaves_nothing_running_and_nothing_claimed(
    farm: Shell, store: Store, start: Start
) -> None:
    """Its process ends before its program does, and nobody is there to watch over that."""
    mark = f"sleep {os.getpid()}33"
    queue(farm, {"script": mark}, seconds=3000)
    worker = start("--name", "alpha", "--config", fast_config(farm))
    wait_for(lambda: still_running(mark))
    while worker.poll() is None:
        [doc] = store.documents("worker:")
        elsewhere = {"hostname": "elsewhere", "incarnation": "elsewhere/boot/1/2/abc"}
        with contextlib.suppress(AssertionError):
            store.put(doc | elsewhere)
    assert worker.returncode == 1
    assert not still_running(mark)
    [job] = store.documents("job:")
    assert (job["state"], [attempt["outcome"] for attempt in job["attempts"]]) == ("pending", ["released"])


def test_what_runs_ends_at_the_second_sigterm_while_the_database_hangs(farm: Shell, store: Store, start: Start) -> None:
    """It takes what it is asked and never answers; the job is given back when it does again."""
    mark = f"sleep {os.getpid()}44"
    queue(farm, {"script": mark}, seconds=3000)
    worker = start("--name", "alpha", "--config", fast_config(farm))
    wait_for(lambda: still_running(mark))
    database = json.loads((farm.data / "store.json").read_text())["pid"]
    os.kill(database, signal.SIGSTOP)
    try:
        began = time.monotonic()
        while time.monotonic() - began < 2.0:
            assert still_running(mark)
        for _ in range(2):
            worker.send_signal(signal.SIGTERM)
            began = time.monotonic()
            while time.monotonic() - began < 0.5:
                assert worker.poll() is None
        wait_for(lambda: not still_running(mark))
        assert time.monotonic() - began < 15.0
    finally:
        os.kill(database, signal.SIGCONT)
    assert worker.wait(PATIENCE) == 0
    [job] = store.documents("job:")
    assert (job["state"], [attempt["outcome"] for attempt in job["attempts"]]) == ("pending", ["released"])


def test_a_name_whose_machine_has_fallen_silent_can_be_taken(farm: Shell, store: Store, start: Start) -> None:
    """After a few heartbeats, by nobody's clock but one's own."""
    test_config = fast_config(farm)
    worker = start("--name", "alpha", "--config", test_config)
    wait_for(lambda: state_of(store) == "waiting")
    worker.send_signal(signal.SIGTERM)
    assert worker.wait(PATIENCE) == 0
    [doc] = store.documents("worker:")
    store.put(doc | {"hostname": "elsewhere", "state": "waiting", "incarnation": "elsewhere/boot/1/2/abc"})
    start("--name", "alpha", "--config", test_config)
    wait_for(lambda: store.documents("worker:")[0]["hostname"] != "elsewhere" and state_of(store) == "waiting")


def test_a_full_disk_pauses_claiming_until_there_is_room(farm: Shell, store: Store, start: Start) -> None:
    """The reason is on the document; what was seen is kept and told in the end."""
    outbox = farm.data / "workers" / store.farm / "alpha" / "outbox"
    outbox.mkdir(parents=True)
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", outbox], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip(f"no file system can be mounted here: {mounted.stderr.decode()}")
    try:
        (outbox / "ballast").write_bytes(bytes(240 << 10))
        loud = "i=0; while [ $i -lt 2000 ]; do echo 0123456789012345678901234567890123456789; i=$((i+1)); done"
        queue(farm, {"first": loud, "second": loud})
        worker = start("--name", "alpha", "--config", fast_config(farm))
        wait_for(
            lambda: "No space left" in store.documents("worker:alpha")[0]["state_reason"] if state_of(store) else ""
        )
        assert store.states() == {"running": 1, "pending": 1}
        assert store.results() == []
        (outbox / "ballast").unlink()
        wait_for(lambda: store.states() == {"completed": 2})
        wait_for(lambda: store.documents("worker:alpha")[0]["state_reason"] == "")
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(PATIENCE) == 0
    finally:
        subprocess.run(["umount", outbox], check=True)
    for result in store.results():
        url = f"{store.url}/{store.farm}-history/{result['_id']}/output.txt"
        assert len(requests.get(url, auth=store.auth, timeout=20).content) == 82_000
