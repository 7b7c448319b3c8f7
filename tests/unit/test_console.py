"""What commands print, and how errors end them."""

import json

import pytest

from crashfarm import console
from crashfarm.errors import ConfigError, LostClaim


def test_table_as_json_has_the_columns_as_members(capsys: pytest.CaptureFixture[str]) -> None:
    """What a person reads in a table, a script reads by name."""
    console.print_table(("branch", "count"), [("3.11", 2)], as_json=True)
    assert json.loads(capsys.readouterr().out) == [{"branch": "3.11", "count": 2}]


def test_table_in_a_pipe_is_neither_coloured_nor_cut(capsys: pytest.CaptureFixture[str]) -> None:
    """A long cell stays on its line when nobody looks at a screen."""
    console.print_table(("signature",), [("f" * 300,)])
    out = capsys.readouterr().out
    assert "f" * 300 in out
    assert "\x1b" not in out


def test_control_characters_and_markup_of_data_are_shown(capsys: pytest.CaptureFixture[str]) -> None:
    """A crash message cannot clear the analyst's screen or pass for rich's markup."""
    console.print_table(("message",), [("\x1b[2J[bold]x[/bold]",)])
    assert "\\x1b[2J[bold]x[/bold]" in capsys.readouterr().out


def test_error_is_one_line_and_status_1(capsys: pytest.CaptureFixture[str]) -> None:
    """No traceback without -v."""

    def fail() -> None:
        raise ConfigError("no such thing")

    with pytest.raises(SystemExit) as ended:
        console.run(fail, "crashfarm")
    assert ended.value.code == 1
    assert capsys.readouterr().err == "crashfarm: no such thing\n"


def test_fault_of_our_own_is_named_without_a_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    """Even a bug speaks one line and says how to learn more."""

    def fail() -> None:
        raise ZeroDivisionError("division by zero")

    with pytest.raises(SystemExit):
        console.run(fail, "crashfarm")
    err = capsys.readouterr().err
    assert "ZeroDivisionError" in err
    assert "-v" in err
    assert "Traceback" not in err


def test_default_message_of_an_error_is_its_docstring() -> None:
    """Raising an error by its name alone still says something."""
    assert str(LostClaim()).startswith("The job is not ours any more")
