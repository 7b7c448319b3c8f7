"""The README's commands, run as they stand there."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BLOCKS = re.findall(r"^```sh\n(.*?)^```", (ROOT / "README.md").read_text(), re.MULTILINE | re.DOTALL)


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A folder that looks like a fresh checkout whose environment is made already."""
    for path in ROOT.iterdir():
        if path.name not in {".git", "farm"} and not path.name.startswith(".venv"):
            (tmp_path / path.name).symlink_to(path)
    # The environment that the tests run in stands for the one that script/setup would make.
    (tmp_path / ".venv").symlink_to(Path(sys.prefix))
    return tmp_path


def test_quickstart_runs_as_written(checkout: Path) -> None:
    """Every step in its order, in one shell that stops at the first failure."""
    environ = {k: v for k, v in os.environ.items() if not k.startswith(("COUCHDB_", "CRASHFARM_", "VENV"))}
    script = "set -eu\n" + "\n".join(BLOCKS)
    ended = subprocess.run(
        ["sh", "-c", script], cwd=checkout, env=environ, capture_output=True, text=True, timeout=280, check=False
    )
    assert ended.returncode == 0, ended.stderr
    assert (checkout / "farm" / "report" / "index.html").is_file()
    answer = ended.stdout[ended.stdout.index("\n[") : ended.stdout.rindex("\n]") + 2]
    assert {row["type"] for row in json.loads(answer)} == {"history_crash"}


def test_every_command_of_the_readme_has_help() -> None:
    """What the README names exists, and explains itself."""
    text = (ROOT / "README.md").read_text()
    commands = {tuple(name.split()) for name in re.findall(r"(?:^|`|\| )(crashfarm(?:-worker)? [a-z]+)\b", text, re.M)}
    assert commands
    for command in sorted(commands):
        program = Path(sys.executable).parent / command[0]
        ended = subprocess.run(
            [program, *command[1:], "--help"], capture_output=True, text=True, timeout=60, check=False
        )
        assert ended.returncode == 0, command
        assert "Usage" in ended.stdout
