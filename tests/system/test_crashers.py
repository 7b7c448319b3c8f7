"""The example crashers really end as their first lines say, in the interpreter that runs the tests."""

import resource
import signal
import subprocess
import sys
from pathlib import Path

import pytest

CRASHERS = Path(__file__).parents[2] / "examples" / "crashers"
DEBUG = hasattr(sys, "gettotalrefcount")
COUNTS_C_CALLS = sys.version_info >= (3, 12)
HANGS = "hang.py"

ENDS: dict[str, set[int]] = {
    "abort.py": {-signal.SIGABRT},
    "bogus_bytecode.py": {-signal.SIGSEGV, -signal.SIGABRT, -signal.SIGBUS},
    "chained_exceptions.py": {1},
    "changes_a_list_while_counting.py": {0},
    "compiles_a_long_chain.py": {0},
    "ends_well.py": {0},
    "endless_repr.py": {1} if COUNTS_C_CALLS else {-signal.SIGSEGV},
    "exception_groups.py": {1},
    "exit_status.py": {3},
    "failed_assert.py": {-signal.SIGABRT} if DEBUG else {0},
    "fatal_error.py": {-signal.SIGABRT},
    "is_killed.py": {-signal.SIGKILL},
    "iterators_in_iterators.py": {-signal.SIGSEGV} if sys.version_info < (3, 14) else {-signal.SIGSEGV, 1},
    "memory_hog.py": {1},
    "negative_refcount.py": {-signal.SIGABRT} if DEBUG else {0},
    "new_syntax.py": {0},
    "null_read.py": {-signal.SIGSEGV},
    "null_write.py": {-signal.SIGSEGV},
    "prints_a_circle_of_errors.py": {1},
    "prints_linked_errors.py": {1} if COUNTS_C_CALLS else {-signal.SIGSEGV},
    "raises_in_a_thread.py": {0},
    "reads_a_truncated_map.py": {-signal.SIGBUS},
    "recurses_in_python.py": {0},
    "releases_nested_filters.py": {0},
    "releases_nested_slices.py": {-signal.SIGSEGV, 0} if COUNTS_C_CALLS else {0},
    "unhandled_exception.py": {1},
    "writes_through_an_index.py": {0},
}


def limit() -> None:
    """No core files, and at most one GiB of memory."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30))


def run(script: Path, seconds: float) -> int:
    """The exit status of a script; minus the signal that ended it."""
    command = [sys.executable, "-B", "-X", "faulthandler", script]
    return subprocess.run(command, capture_output=True, timeout=seconds, check=False, preexec_fn=limit).returncode


def test_every_crasher_is_expected_to_end_somehow() -> None:
    """A script added to the folder is not forgotten here."""
    assert {path.name for path in CRASHERS.glob("*.py")} == {*ENDS, HANGS}


@pytest.mark.parametrize("name", sorted(ENDS))
def test_crasher_ends_as_promised(name: str) -> None:
    """Run for real, with the limits that a worker would set."""
    assert run(CRASHERS / name, 60) in ENDS[name]


def test_hang_hangs() -> None:
    """It is still there when its time is over."""
    with pytest.raises(subprocess.TimeoutExpired):
        run(CRASHERS / HANGS, 1)
