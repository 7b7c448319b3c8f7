"""`crashfarm explain` on the words of programs that really crashed."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.system.conftest import Shell

CRASHERS = Path(__file__).parents[2] / "examples" / "crashers"


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """What an interpreter writes as it dies of a null dereference."""
    path = tmp_path / "crash.log"
    command = [sys.executable, "-X", "faulthandler", CRASHERS / "null_read.py"]
    path.write_bytes(subprocess.run(command, capture_output=True, check=False, timeout=60).stderr)
    return path


def test_a_log_is_explained_in_words_and_in_json(shell: Shell, log: Path) -> None:
    """The kind, the signature and the frames it is made of; no farm is needed."""
    words = shell("crashfarm", "explain", log, "--signal", 11)
    found = json.loads(shell("crashfarm", "explain", log, "--signal", 11, "--json").out)
    assert words.status == 0
    assert found[0]["signature"] in words.out
    assert (found[0]["kind"], found[0]["title"]) == ("crash", "SIGSEGV")
    assert "null_read.py" in found[0]["signature"]


def test_the_log_may_come_on_standard_input(shell: Shell, log: Path) -> None:
    """As the last part of a pipe."""
    piped = shell("crashfarm", "explain", "-", "--signal", 11, stdin=log.read_text())
    assert piped.out == shell("crashfarm", "explain", log, "--signal", 11).out


def test_a_log_that_is_not_there_is_named(shell: Shell) -> None:
    """One line, status 1."""
    ended = shell("crashfarm", "explain", "nowhere.log")
    assert (ended.status, ended.err) == (1, "crashfarm: cannot read nowhere.log: No such file or directory\n")
