"""Farms for black-box tests: each a data folder of its own, reached by our commands alone."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

BIN = Path(sys.executable).parent
SECONDS = 120


@dataclass(frozen=True)
class Ended:
    """How a command ended, and what it printed."""

    status: int
    out: str
    err: str


@dataclass(frozen=True)
class Shell:
    """Runs our commands with an environment of their own."""

    data: Path
    environ: dict[str, str]
    spawned: list["subprocess.Popen[bytes]"] = field(default_factory=list)

    def __call__(self, *command: object, stdin: str = "", **environ: str) -> Ended:
        """Run a command to its end."""
        program, *arguments = map(str, command)
        ended = subprocess.run(
            [str(BIN / program), *arguments],
            input=stdin,
            env=self.environ | environ,
            cwd=self.data.parent,
            text=True,
            capture_output=True,
            timeout=SECONDS,
            check=False,
        )
        return Ended(ended.returncode, ended.stdout, ended.stderr)

    def spawn(self, *command: object) -> "subprocess.Popen[bytes]":
        """Start a command and leave it running, at the latest until the end of the test."""
        program, *arguments = map(str, command)
        process = subprocess.Popen(
            [str(BIN / program), *arguments],
            env=self.environ,
            cwd=self.data.parent,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self.spawned.append(process)
        return process

    def close(self) -> None:
        """End what was left running."""
        for process in self.spawned:
            process.terminate()
            process.wait(SECONDS)
        if (self.data / "store.json").exists():
            self("crashfarm", "down")


def make_shell(folder: Path) -> Shell:
    """A shell whose farm is in that folder, whatever the caller's environment says."""
    environ = {k: v for k, v in os.environ.items() if not k.startswith(("COUCHDB_", "CRASHFARM_"))}
    return Shell(folder / "data", environ | {"CRASHFARM_DATA": str(folder / "data"), "TERM": "dumb"})


@pytest.fixture
def shell(tmp_path: Path) -> Iterator[Shell]:
    """A shell without a store; one that the test starts is stopped at its end."""
    shell = make_shell(tmp_path)
    yield shell
    shell.close()


def set_up(shell: Shell) -> None:
    """Start the store and set it up for the farm."""
    for command in (("up", "--detach", "--no-collect", "--no-janitor"), ("push",)):
        ended = shell("crashfarm", *command)
        assert ended.status == 0, ended.err


@pytest.fixture
def farm(shell: Shell) -> Shell:
    """A shell with a running store, set up for the farm."""
    set_up(shell)
    return shell


@pytest.fixture(scope="module")
def busy_farm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shell]:
    """A farm with one branch, shared by the tests of a file that must leave it as it is."""
    shell = make_shell(tmp_path_factory.mktemp("farm"))
    set_up(shell)
    shell("crashfarm", "branch", "add", "cpython", "3", "--", sys.executable, "{input}")
    yield shell
    shell.close()


@pytest.fixture
def refused() -> Callable[..., str]:
    """Runs a command in a shell, where it must fail as a user may expect: one line, no traceback, status 1."""

    def run(shell: Shell, *command: object, **environ: str) -> str:
        ended = shell(*command, **environ)
        assert ended.status == 1, ended
        assert ended.out == ""
        assert ended.err.count("\n") == 1, ended.err
        assert "Traceback" not in ended.err
        return ended.err

    return run
