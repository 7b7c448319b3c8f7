"""What a user does wrong is answered by one clear line, and changes nothing."""

import json
import os
import socket
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.system.conftest import Shell

Refused = Callable[..., str]


def snapshot(farm: Shell) -> list[object]:
    """The farm's branches and jobs."""
    branches = json.loads(farm("crashfarm", "branch", "list", "--json").out)
    jobs = json.loads(farm("crashfarm", "job", "list", "--json").out)
    return [branches, jobs]


@pytest.mark.parametrize("command", [("crashes",), ("branch", "list"), ("push",), ("job", "list"), ("report", "out")])
def test_no_store_at_the_url(shell: Shell, refused: Refused, command: tuple[str, ...]) -> None:
    """The address that does not answer is named."""
    assert "127.0.0.1:1" in refused(shell, "crashfarm", *command, COUCHDB_URL="http://127.0.0.1:1/")


def test_no_store_on_the_folder(shell: Shell, refused: Refused) -> None:
    """The next step is named."""
    assert "crashfarm up" in refused(shell, "crashfarm", "branch", "list")


def test_store_without_the_farm(busy_farm: Shell, refused: Refused) -> None:
    """A store that nobody pushed this farm to says how to set it up."""
    assert "crashfarm push" in refused(busy_farm, "crashfarm", "branch", "list", CRASHFARM_FARM="another")


def test_wrong_password(busy_farm: Shell, refused: Refused) -> None:
    """The server's own words, and never the password."""
    url = json.loads((busy_farm.data / "store.json").read_text())["url"].replace("://", "://admin:wr0ng@")
    line = refused(busy_farm, "crashfarm", "branch", "list", COUCHDB_URL=url)
    assert "incorrect" in line
    assert "wr0ng" not in line


def test_port_in_use(shell: Shell, refused: Refused) -> None:
    """The port is named, in the foreground and in the background."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port, began = str(taken.getsockname()[1]), time.monotonic()
        for detach in ((), ("--detach",)):
            assert port in refused(shell, "crashfarm", "up", "--port", port, *detach)
    # Nobody who reads what it prints has to wait for helpers of a store that never came up.
    assert time.monotonic() - began < 30


def test_data_folder_that_cannot_be_made(shell: Shell, refused: Refused, tmp_path: Path) -> None:
    """A folder below a file cannot be written by anybody, root included."""
    (tmp_path / "file").write_text("")
    folder = tmp_path / "file" / "data"
    for detach in ((), ("--detach",)):
        assert str(folder) in refused(shell, "crashfarm", "up", "--data", folder, *detach)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_data_folder_that_is_not_writable(shell: Shell, refused: Refused, tmp_path: Path) -> None:
    """The folder is named."""
    folder = tmp_path / "closed"
    folder.mkdir(mode=0o500)
    assert str(folder) in refused(shell, "crashfarm", "up", "--data", folder / "data")


def test_data_folder_of_a_newer_version(shell: Shell, refused: Refused) -> None:
    """What a newer version wrote is left alone."""
    shell.data.mkdir()
    (shell.data / "format").write_text("999\n")
    assert "has format 999" in refused(shell, "crashfarm", "up")
    assert (shell.data / "format").read_text() == "999\n"


def test_second_store_on_one_folder(busy_farm: Shell, refused: Refused) -> None:
    """Two processes never share a data folder."""
    assert "already runs" in refused(busy_farm, "crashfarm", "up")


def test_half_written_folder_of_a_killed_start_recovers(shell: Shell) -> None:
    """What a kill leaves behind does not stop the next start."""
    shell.data.mkdir()
    (shell.data / "store.json").write_text('{"url": "http://127.0.0.1:1", "pi')
    (shell.data / "admin-password").write_text("")
    assert shell("crashfarm", "up", "--detach").status == 0
    assert shell("crashfarm", "push").status == 0


def test_job_for_an_unknown_branch(busy_farm: Shell, refused: Refused, tmp_path: Path) -> None:
    """The known branches are listed, and nothing is queued."""
    (tmp_path / "a.py").write_text("")
    before = snapshot(busy_farm)
    assert "known are 3" in refused(busy_farm, "crashfarm", "job", "add", tmp_path / "a.py", "--branch", "4")
    assert snapshot(busy_farm) == before


def test_missing_input_file(busy_farm: Shell, refused: Refused, tmp_path: Path) -> None:
    """The file is named, and nothing is queued."""
    before = snapshot(busy_farm)
    assert "nowhere.py" in refused(busy_farm, "crashfarm", "job", "add", tmp_path / "nowhere.py")
    assert snapshot(busy_farm) == before


def test_command_without_an_input(busy_farm: Shell, refused: Refused) -> None:
    """A branch that could never run an input is not added."""
    before = snapshot(busy_farm)
    assert "{input}" in refused(busy_farm, "crashfarm", "branch", "add", "cpython", "9", "--", sys.executable)
    assert snapshot(busy_farm) == before


def test_jobs_of_a_command_that_does_not_exist_are_left_to_others(farm: Shell, tmp_path: Path) -> None:
    """The worker goes on with the next job, and the farm can tell why nobody takes the other one."""
    (tmp_path / "a.py").write_text("raise SystemExit(0)")
    missing = tmp_path / "no-such-python"
    farm("crashfarm", "branch", "add", "cpython", "gone", "--", missing, "{input}")
    farm("crashfarm", "branch", "add", "cpython", "here", "--", sys.executable, "{input}")
    farm("crashfarm", "job", "add", tmp_path / "a.py")
    ended = farm("crashfarm-worker", "run", "--until-empty", "--allow", missing, "--allow", sys.executable)
    assert ended.status == 0, ended.err
    jobs = json.loads(farm("crashfarm", "job", "list", "--json").out)
    found = {job["branch"]: (job["state"], job["result"]) for job in jobs}
    assert found == {"gone": ("pending", None), "here": ("completed", "success")}
