"""The command line as a whole: which rooms it opens, and that each command explains itself."""

import subprocess
import sys

import pytest
import typer

from server import cli

NAMES = [name for names in cli.ROOMS.values() for name in names]


@pytest.mark.parametrize("room", cli.ROOMS)
def test_rooms_add_the_commands_they_are_listed_for(room: str) -> None:
    """A command that is not listed could never be reached; one that is not there would be unknown."""
    group = typer.main.get_command(cli.build([room]))
    assert set(group.commands) == {*cli.ROOMS[room], "version"}  # type: ignore[attr-defined]


def test_one_room_is_opened_for_one_command() -> None:
    """Options before the command do not hide it; what is no command opens all, so that the error can list them."""
    assert cli.rooms_for(["-v", "crashes", "report"], {}) == ["crashes"]
    assert cli.rooms_for(["--help"], {}) == list(cli.ROOMS)
    assert cli.rooms_for(["nonsense"], {}) == list(cli.ROOMS)
    assert cli.rooms_for(["crashes"], {"_CRASHFARM_COMPLETE": "1"}) == list(cli.ROOMS)


def test_a_question_imports_neither_plots_nor_stores() -> None:
    """What makes a command slow to start is imported by the commands that need it."""
    code = "import sys; from server import cli; cli.build(['crashes']); print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not {"pygal", "duckdb", "starlette", "quickjs", "uvicorn", "jinja2"} & set(loaded)
