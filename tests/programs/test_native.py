"""C programs: sanitizers, valgrind, gdb on a core, bare signals."""

import resource
from collections.abc import Callable
from pathlib import Path

import pytest

from crashfarm.documents.finding import Finding, Kind
from tests.programs.conftest import Ended, run, tool

Crimes = Callable[..., Path]


def only(ended: Ended, core_text: bytes = b"") -> Finding:
    """The only finding of a run."""
    seen = ended.understood(core_text)
    assert len(seen.findings) == 1, (ended.output.decode(errors="replace"), seen)
    return seen.findings[0]


@pytest.mark.parametrize(
    ("crime", "title", "function"),
    [
        ("use-after-free", "Heap-use-after-free WRITE 4", "use_after_free"),
        ("overflow", "Heap-buffer-overflow WRITE 1", "overflow"),
        ("read-past", "Stack-buffer-overflow READ 4", "read_past"),
        ("free-twice", "Heap-double-free", "free_twice"),
        ("write-to-null", "Null-dereference WRITE", "write_to_null"),
        ("leak", "Direct-leak", "leak"),
        ("descend", "Stack-overflow", "descend"),
        ("divide", "Floating-point-exception", "divide"),
    ],
)
def test_address_sanitizers_reports_are_understood(crimes: Crimes, crime: str, title: str, function: str) -> None:
    """Kind and top frame of what gcc's AddressSanitizer really prints."""
    finding = only(run(crimes("-fsanitize=address"), crime))
    assert finding.title == title
    assert function in finding.signature.split(" | ")[:2]
    assert any(
        frame.function == function and frame.file.endswith("crimes.c") and frame.line for frame in finding.frames
    )


@pytest.mark.parametrize(
    ("crime", "title"),
    [
        ("divide", "Divide-by-zero"),
        ("add-too-much", "Integer-overflow"),
        ("shift", "Undefined-shift"),
        ("write-to-null", "Null-dereference WRITE"),
        ("read-past", "Index-out-of-bounds"),
    ],
)
def test_undefined_behaviour_is_understood(crimes: Crimes, crime: str, title: str) -> None:
    """With the stack that UBSAN_OPTIONS ask for, and whatever the process dies of behind it."""
    ended = run(crimes("-fsanitize=undefined"), crime, UBSAN_OPTIONS="print_stacktrace=1")
    finding = ended.understood().findings[0]
    assert (finding.kind, finding.title) == (Kind.SANITIZER, title)
    assert (finding.file.endswith("crimes.c"), finding.line is not None) == (True, True)


def test_a_race_is_understood(crimes: Crimes) -> None:
    """ThreadSanitizer's report; where the kernel's address layout is too random for it, it does not run."""
    ended = run(crimes("-fsanitize=thread"), "race")
    if b"unexpected memory mapping" in ended.output:
        pytest.skip("ThreadSanitizer cannot run on this kernel")
    assert {finding.title.split()[0:2] == ["Data", "race"] for finding in ended.understood().findings} == {True}
    assert "writer" in ended.understood().findings[0].signature


@pytest.mark.parametrize(
    ("crime", "signal"),
    [("write-to-null", "SIGSEGV"), ("divide", "SIGFPE"), ("abort", "SIGABRT"), ("descend", "SIGSEGV")],
)
def test_a_bare_signal_is_a_crash(crimes: Crimes, crime: str, signal: str) -> None:
    """No tool, no words: the signal alone."""
    finding = only(run(crimes(), crime))
    assert (finding.kind, finding.title) == (Kind.CRASH, signal)


def test_a_failed_assert_is_an_assertion(crimes: Crimes) -> None:
    """What the C library prints names expression, file and line."""
    finding = only(run(crimes(), "assertion"))
    assert (finding.kind, finding.message) == (Kind.ASSERTION, "zero == 1")
    assert finding.detail.endswith("crimes.c")


def test_the_c_librarys_own_check_is_understood(crimes: Crimes) -> None:
    """free() notices the second free."""
    finding = only(run(crimes(), "free-twice"))
    assert (finding.kind, finding.message) == (Kind.CRASH, "free(): double free detected in tcache N")


@pytest.mark.parametrize(
    ("crime", "title", "function"),
    [
        ("use-after-free", "Invalid write of size 4", "use_after_free"),
        ("uninitialised", "Conditional jump on uninitialised value", "uninitialised"),
        ("leak", "Leak_DefinitelyLost", "leak"),
        ("free-twice", "Invalid free", "free_twice"),
    ],
)
@pytest.mark.parametrize("xml", [False, True])
def test_valgrinds_errors_are_understood(crimes: Crimes, crime: str, title: str, function: str, xml: bool) -> None:
    """As text and as XML."""
    form = ["--xml=yes", "--xml-fd=2"] if xml else []
    ended = run(tool("valgrind"), "--leak-check=full", *form, crimes(), crime)
    finding = only(ended)
    assert (finding.kind, finding.title) == (Kind.VALGRIND, title)
    assert function in finding.signature


def test_gdbs_account_of_a_crash_gives_it_frames(crimes: Crimes) -> None:
    """The signal, the frames with files and lines, the address."""
    script = ("-ex", "run", "-ex", "bt", "-ex", "p $_siginfo._sifields._sigfault.si_addr")
    ended = run(tool("gdb"), "-batch", "-nx", *script, "--args", crimes(), "write-to-null", DEBUGINFOD_URLS="")
    if b"SIGSEGV" not in ended.output:
        pytest.skip("gdb may not run programs here")
    crash = Ended(-11, b"")
    finding = only(crash, core_text=ended.output)
    assert finding.title == "SIGSEGV"
    assert [frame.function for frame in finding.frames][:3] == ["write_to_null", "commit", "main"]
    assert finding.file.endswith("crimes.c")


def test_gdb_on_a_core_tells_the_assertion_from_the_abort(crimes: Crimes, tmp_path: Path) -> None:
    """The core of an abort: what stands above the function that decided is not the signature."""
    pattern = Path("/proc/sys/kernel/core_pattern").read_text(encoding="utf-8").strip()
    if pattern.startswith("|") or "/" in pattern:
        pytest.skip(f"cores go elsewhere: {pattern}")
    _, hard = resource.getrlimit(resource.RLIMIT_CORE)
    if hard == 0:
        pytest.skip("cores are not allowed")
    limit = 'ulimit -c unlimited 2>/dev/null || ulimit -c $(ulimit -H -c); exec "$0" "$@"'
    run(tool("sh"), "-c", limit, crimes(), "abort", cwd=tmp_path)
    cores = [*tmp_path.glob("core*")]
    if not cores:
        pytest.skip("no core was left")
    told = run(tool("gdb"), "-batch", "-nx", "-ex", "bt", crimes(), cores[0], DEBUGINFOD_URLS="")
    finding = only(Ended(-6, b""), core_text=told.output)
    assert (finding.kind, finding.title) == (Kind.CRASH, "SIGABRT")
    assert finding.signature.startswith("commit")
