"""Programs whose language has a runtime: Rust, Go, Java, C++ exceptions, JavaScript, Python."""

import sys
from pathlib import Path

import pytest

from crashfarm.documents.finding import Finding, Kind
from tests.programs.conftest import SOURCES, Ended, make, run, tool


def only(ended: Ended) -> Finding:
    """The only finding of a run."""
    seen = ended.understood()
    assert len(seen.findings) == 1, (ended.output.decode(errors="replace"), seen)
    return seen.findings[0]


@pytest.mark.parametrize("backtrace", ["0", "1"])
@pytest.mark.parametrize(
    ("crime", "words"), [("index", "index out of bounds"), ("unwrap", "called `Result::unwrap()`")]
)
def test_rusts_panics_are_understood(tmp_path: Path, crime: str, words: str, backtrace: str) -> None:
    """With and without a backtrace."""
    program = tmp_path / "crimes"
    make(tool("rustc"), "-g", "-o", program, SOURCES / "crimes.rs")
    finding = only(run(program, crime, RUST_BACKTRACE=backtrace))
    assert (finding.kind, finding.title) == (Kind.ASSERTION, "ASSERT")
    assert finding.message.startswith(words)
    assert finding.detail.endswith("crimes.rs")
    if backtrace == "1":
        assert f"crimes::{'take' if crime == 'index' else 'unwrap_nothing'}" in finding.signature


@pytest.mark.parametrize(
    ("crime", "title", "function"),
    [
        ("index", "Index out of range", "main.take"),
        ("nil", "Invalid memory address", "main.(*thing).measure"),
        ("panic", "ASSERT", ""),
    ],
)
def test_gos_panics_are_understood(tmp_path: Path, crime: str, title: str, function: str) -> None:
    """Runtime errors by their name, other panics by their words."""
    program = tmp_path / "crimes"
    make(tool("go"), "build", "-o", program, SOURCES / "crimes.go", cwd=tmp_path)
    finding = only(run(program, crime))
    assert finding.title == title
    assert function in finding.signature


@pytest.mark.parametrize(
    ("crime", "title", "function"),
    [
        ("null", "Uncaught exception", "Crimes.measure"),
        ("parse", "Uncaught exception", "Crimes.commit"),
        ("descend", "Stack-overflow", "Crimes.descend"),
    ],
)
def test_javas_exceptions_are_understood(tmp_path: Path, crime: str, title: str, function: str) -> None:
    """The program's own method is on top, whatever library it called."""
    make(tool("javac"), "-d", tmp_path, SOURCES / "Crimes.java")
    finding = only(run(tool("java"), "-cp", tmp_path, "Crimes", crime))
    assert (finding.title, function in finding.signature) == (title, True)
    assert finding.kind is Kind.EXCEPTION


def test_a_cpp_exception_that_nobody_catches_is_understood(tmp_path: Path) -> None:
    """What terminate says, and the abort that follows, are one finding."""
    program = tmp_path / "crimes"
    make(tool("g++"), "-g", "-o", program, SOURCES / "crimes.cpp")
    finding = only(run(program))
    assert finding.kind is Kind.EXCEPTION
    assert finding.message.startswith("std::out_of_range: ")


@pytest.mark.parametrize(
    ("crime", "name", "function"), [("null", "TypeError", "measure"), ("throw", "RangeError", "commit")]
)
def test_nodes_errors_are_understood(crime: str, name: str, function: str) -> None:
    """Name and function of an error that nobody caught."""
    finding = only(run(tool("node"), SOURCES / "crimes.js", crime))
    assert (finding.kind, finding.title) == (Kind.EXCEPTION, f"Unhandled exception {name}")
    assert finding.signature.split(" | ")[:2] == [name, function]


@pytest.mark.parametrize(
    ("code", "kind", "title"),
    [
        ("def f(): raise KeyError(1)\nf()", Kind.EXCEPTION, "Unhandled exception KeyError"),
        ("import ctypes\ndef f(): ctypes.string_at(0)\nf()", Kind.CRASH, "SIGSEGV"),
        ("import os\ndef f(): os.abort()\nf()", Kind.CRASH, "SIGABRT"),
        ("def f(): f()\nf()", Kind.EXCEPTION, "Unhandled exception RecursionError"),
        ("def f(): return 'x' * (1 << 62)\nf()", Kind.OOM, "Unhandled exception MemoryError"),
        (
            "import threading\ndef f(): raise ValueError(1)\nthreading.Thread(target=f).start()",
            Kind.EXCEPTION,
            "Unhandled exception ValueError",
        ),
    ],
)
def test_pythons_ends_are_understood(tmp_path: Path, code: str, kind: Kind, title: str) -> None:
    """Exceptions, signals under faulthandler, and where each was."""
    script = tmp_path / "crime.py"
    script.write_text(code, encoding="utf-8")
    finding = only(run(sys.executable, "-X", "faulthandler", script))
    assert (finding.kind, finding.title) == (kind, title)
    assert "f (crime.py)" in finding.signature


def test_a_run_that_ends_well_has_no_finding(tmp_path: Path) -> None:
    """The control."""
    script = tmp_path / "fine.py"
    script.write_text("print('Traceback and SIGSEGV are only words')", encoding="utf-8")
    assert run(sys.executable, script).understood().findings == ()
