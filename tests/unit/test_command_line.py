"""The command line as a whole: which rooms it opens, and that each command explains itself."""

import subprocess
import sys
from dataclasses import dataclass
from typing import Annotated

import pytest
import typer
from typer.testing import CliRunner

from server import cli
from server.cli.spreading import spread

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


def test_each_command_is_listed_under_what_it_is_for() -> None:
    """Nobody reads a list of thirty."""
    assert sorted(name for names in cli.PANELS.values() for name in names) == sorted(NAMES)
    told = CliRunner().invoke(cli.build(), ["--help"]).stdout
    assert [panel for panel in cli.PANELS if f"─ {panel} ─" not in told] == []


@pytest.mark.parametrize("variable", ["COMP_WORDS", "_TYPER_COMPLETE_ARGS"])
@pytest.mark.parametrize(
    ("line", "rooms"),
    [
        ("crashfarm cra", [*cli.ROOMS]),
        ("crashfarm ", [*cli.ROOMS]),
        ("crashfarm crashes", [*cli.ROOMS]),
        ("crashfarm crashes --br", ["crashes"]),
        ("crashfarm -v worker pause ", ["worker"]),
    ],
)
def test_a_word_is_completed_by_the_room_of_its_command(variable: str, line: str, rooms: list[str]) -> None:
    """The command itself by all; bash tells the line in one variable, other shells in another."""
    assert cli.rooms_for([], {"_CRASHFARM_COMPLETE": "complete", variable: line}) == rooms


@dataclass
class Pair:
    """Two options."""

    left: Annotated[int, typer.Option(help="One side.")] = 1
    right: int = 2


def test_options_of_a_dataclass_stand_in_its_parameters_place() -> None:
    """With their own defaults; the command gets them as one."""
    told: list[object] = []

    def command(first: str, pair: Pair, last: bool = False) -> None:
        told.append((first, pair, last))

    app = typer.Typer()
    app.command()(spread(command))
    ended = CliRunner().invoke(app, ["a", "--right", "5", "--last"], catch_exceptions=False)
    assert ended.exit_code == 0 and told == [("a", Pair(1, 5), True)]
    assert "One side." in CliRunner().invoke(app, ["--help"]).stdout


def test_a_question_imports_neither_plots_nor_stores() -> None:
    """What makes a command slow to start is imported by the commands that need it."""
    code = "import sys; from server import cli; cli.build(['crashes']); print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not {"pygal", "duckdb", "starlette", "quickjs", "uvicorn", "jinja2"} & set(loaded)
