"""The commands, as people and scripts use them, on a farm of its own."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.system.conftest import BIN, Shell


def rows(farm: Shell, *command: str) -> list[dict[str, Any]]:
    """What a command prints with --json."""
    ended = farm("crashfarm", *command, "--json")
    assert ended.status == 0, ended.err
    found: list[dict[str, Any]] = json.loads(ended.out)
    return found


@pytest.fixture
def hunting(farm: Shell, tmp_path: Path) -> Shell:
    """A farm with one branch: the interpreter that runs the tests, told to run a script that crashes on anything."""
    script = tmp_path / "program.py"
    script.write_text("import sys\nraise ValueError(len(sys.argv))\n")
    ended = farm("crashfarm", "branch", "add", "cpython", "here", "--", sys.executable, script, "{input}")
    assert ended.out.strip() == "branch:cpython:here"
    return farm


def test_urls_on_standard_input_become_jobs_that_run(hunting: Shell) -> None:
    """Queued, run, found, told by watch, listed and counted."""
    queued = hunting("crashfarm", "job", "add", "-", stdin="http://a.example/\n# not this\n\nhttps://b.example/x?y=z\n")
    assert queued.out.count("job:") == 2
    assert {job["input"] for job in rows(hunting, "job", "list")} == {"http://a.example/", "https://b.example/x?y=z"}

    ran = hunting("crashfarm-worker", "run", "--until-empty", "--allow", sys.executable)
    assert ran.status == 0, ran.err
    assert {(job["state"], job["result"]) for job in rows(hunting, "job", "list")} == {("completed", "failure")}
    assert [row["count"] for row in rows(hunting, "crashes", "--branch", "here", "--group", "branch")] == [2]


def test_watch_until_empty_ends_when_nothing_is_left(hunting: Shell) -> None:
    """On an idle farm it ends by itself and says how things stand."""
    ended = hunting("crashfarm", "watch", "--until-empty")
    assert ended.status == 0
    assert "0 pending, 0 running" in ended.err


def test_watch_tells_jobs_workers_and_findings_as_they_come(hunting: Shell) -> None:
    """A run that happens while somebody watches is told from its start to its end."""
    watching = subprocess.Popen(
        [BIN / "crashfarm", "watch", "--json"], env=hunting.environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    try:
        assert watching.stdout
        assert watching.stderr
        assert b"watching" in watching.stderr.readline()
        hunting("crashfarm", "job", "add", "-", stdin="http://a.example/\n")
        assert hunting("crashfarm-worker", "run", "--until-empty", "--allow", sys.executable).status == 0
        told = []
        for line in watching.stdout:
            told.append(json.loads(line))
            if told[-1]["kind"] == "worker" and told[-1]["what"].startswith("stopped"):
                break
    finally:
        watching.terminate()
        watching.communicate()
    states = [event["what"].split()[0] for event in told if event["kind"] == "job"]
    assert states[0] == "pending"
    assert states[-1] == "completed"
    assert "running" in states
    assert [event["new"] for event in told if event["kind"] == "finding"] == [True]


def test_adding_a_build_keeps_the_others(hunting: Shell) -> None:
    """A branch gathers its build types."""
    hunting("crashfarm", "branch", "add", "cpython", "here", "--buildtype", "asan", "--", "/opt/asan/python", "{input}")
    assert [row["buildtype"] for row in rows(hunting, "branch", "list")] == ["asan", "release"]


def test_store_that_is_stopped_keeps_what_it_was_told(hunting: Shell) -> None:
    """Down and up again: the branch is still there, under the same password."""
    hunting("crashfarm", "down")
    assert hunting("crashfarm", "up", "--detach").status == 0
    assert [row["branch"] for row in rows(hunting, "branch", "list")] == ["here"]


def test_secrets_are_for_the_user_alone(hunting: Shell) -> None:
    """Password, address and data are closed to others, and no command line shows the password."""
    password = (hunting.data / "admin-password").read_text().strip()
    assert hunting.data.stat().st_mode & 0o077 == 0
    assert (hunting.data / "admin-password").stat().st_mode & 0o077 == 0
    lines = [path.read_bytes() for path in Path("/proc").glob("[0-9]*/cmdline") if path.exists()]
    assert not [line for line in lines if password.encode() in line]
