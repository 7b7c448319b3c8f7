"""What commands print, and how errors end them."""

import csv
import io
import json
import os
import subprocess
import sys
from typing import Any

import pytest
from rich.cells import cell_len

from crashfarm import console, tables
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


def test_a_cell_is_one_line_of_a_piped_table(capsys: pytest.CaptureFixture[str]) -> None:
    """A message with a line break cannot pass for a row."""
    console.print_table(("message", "count"), [("a\nresult_crash\t99", 1)])
    assert capsys.readouterr().out.splitlines() == ["message              count", "a\\nresult_crash\\t99  1"]


def test_a_table_is_as_wide_as_its_terminal() -> None:
    """Columns that are too wide are folded, those that need little keep their width; letters of double width count."""
    told = list(tables.lines(("message", "count"), [("word " * 10, 1), ("漢" * 12, 22)], 20))
    assert max(map(cell_len, told)) <= 20
    assert "".join(line[:13].rstrip() for line in told[1:5]).replace(" ", "") == "word" * 10
    assert "".join(told).count("漢") == 12


def test_a_large_table_is_written_while_its_rows_come() -> None:
    """Nothing holds a million rows, and the first line is there at once."""
    left = iter(range(10 * tables.PAGE))
    told = tables.lines(("number",), ((number,) for number in left), None)
    assert next(told) == "number"
    assert next(left) < tables.PAGE
    assert sum(1 for _ in told) == 10 * tables.PAGE - 1


def test_json_keeps_columns_of_one_name_and_has_no_numbers_that_json_lacks(capsys: pytest.CaptureFixture[str]) -> None:
    """A join has two columns called id; a quotient can be infinite."""
    console.print_table(("id", "id", "id"), [(1, "b", float("inf"))], as_json=True)
    assert json.loads(capsys.readouterr().out) == [{"id": 1, "id_2": "b", "id_3": "inf"}]
    console.print_table(("id",), [], as_json=True)
    assert json.loads(capsys.readouterr().out) == []


@pytest.mark.parametrize("cell", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "  =1", "\r=1", "\n=1"])
def test_csv_holds_nothing_that_a_spreadsheet_computes(capsys: pytest.CaptureFixture[str], cell: str) -> None:
    """Whatever stands in front of it; numbers stay numbers."""
    console.print_table(("message", "count"), [(cell, -1)], as_csv=True)
    _, row = csv.reader(io.StringIO(capsys.readouterr().out, newline=""))
    assert row[0][0] in "'\\"
    assert row[1] == "-1"


def test_csv_does_not_speak_to_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    """Not even when it is looked at as it is."""
    console.print_table(("message",), [("\x1b]0;x\x07 \x9b2J",)], as_csv=True)
    assert capsys.readouterr().out.splitlines()[1] == r"\x1b]0;x\x07 \x9b2J"


@pytest.mark.parametrize("words", ["[('\u2028漢', 1)]", "[('x', i) for i in range(100)]"])
@pytest.mark.parametrize("form", ["", "as_csv=True", "as_json=True"])
def test_an_encoding_that_lacks_letters_has_them_escaped(words: str, form: str) -> None:
    """A log of any language can be asked for in any locale."""
    ended = in_a_process(f"console.print_table(('a', 'b'), {words}, {form})", PYTHONIOENCODING="ascii")
    assert (ended.returncode, ended.stderr) == (0, b"")


def test_an_output_that_cannot_be_written_is_an_error_of_one_line() -> None:
    """A full disk is no fault of ours."""
    with open("/dev/full", "wb") as full:
        ended = in_a_process("console.print_table(('a',), [(i,) for i in range(9)])", stdout=full)
    assert (ended.returncode, ended.stderr) == (1, b"it: No space left on device\n")


def test_a_reader_who_has_enough_is_no_error_to_speak_of() -> None:
    """As in `crashfarm crashes | head`."""
    reading, writing = os.pipe()
    os.close(reading)
    with open(writing, "wb") as pipe:
        ended = in_a_process("console.print_table(('a',), [(i,) for i in range(9)])", stdout=pipe)
    assert (ended.returncode, ended.stderr) == (1, b"")


def in_a_process(words: str, stdout: Any = subprocess.PIPE, **environ: str) -> "subprocess.CompletedProcess[bytes]":
    """Run what prints as a command does, in an interpreter of its own."""
    program = f"from crashfarm import console\nconsole.run(lambda: {words}, 'it')"
    command = [sys.executable, "-c", program]
    return subprocess.run(command, stdout=stdout, stderr=subprocess.PIPE, env=os.environ | environ, check=False)
