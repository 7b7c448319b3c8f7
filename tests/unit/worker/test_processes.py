"""Which of a machine's processes are looked at when a run ends: a few, and never too few."""

import os
import subprocess
from pathlib import Path

import pytest

from worker import processes

HIGHEST = 32768


@pytest.fixture
def proc(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A kernel's listing with processes of these pids."""
    for pid in (1, 5, 100, 32000, 32700):
        folder = tmp_path / str(pid)
        folder.mkdir()
        (folder / "stat").write_text(f"{pid} (a b) S 1 {pid} {pid} " + "0 " * 20)
    (tmp_path / "sys" / "kernel").mkdir(parents=True)
    (tmp_path / "sys" / "kernel" / "pid_max").write_text(f"{HIGHEST}\n")
    monkeypatch.setattr(processes, "_PROC", str(tmp_path))
    return tmp_path


def tell(proc: Path, begun: int, last: int) -> None:
    """What the kernel says of the processes that were begun."""
    (proc / "stat").write_text(f"cpu 1 2 3\nprocesses {begun}\nprocs_running 1\n")
    (proc / "loadavg").write_text(f"0.1 0.2 0.3 1/5 {last}\n")


@pytest.mark.parametrize(
    ("pid", "last", "found"),
    [(100, 32000, {100, 32000}), (32000, 32700, {32000, 32700}), (32000, 50, {1, 5, 32000, 32700}), (5, 5, {5})],
)
def test_only_those_that_began_later_are_read(proc: Path, pid: int, last: int, found: set[int]) -> None:
    """Also where the pids have gone round."""
    tell(proc, 1100, last)
    assert processes.since(pid, 1000).keys() == found


@pytest.mark.parametrize("begun", [1000, 1000 + HIGHEST // 2, 500, 0])
def test_all_are_read_where_pids_may_have_gone_round_or_the_kernel_does_not_tell(proc: Path, begun: int) -> None:
    """A pid says nothing then."""
    tell(proc, begun, 100)
    assert processes.since(100, 1000).keys() == {1, 5, 100, 32000, 32700}


@pytest.mark.parametrize("missing", ["stat", "loadavg", "sys/kernel/pid_max"])
def test_all_are_read_where_the_kernel_lacks_a_file(proc: Path, missing: str) -> None:
    """Such as one that only looks like this kernel."""
    tell(proc, 1100, 100)
    (proc / missing).unlink()
    assert processes.since(100, 1000).keys() == {1, 5, 100, 32000, 32700}


def test_this_kernel_tells_of_a_process_that_has_just_begun() -> None:
    """And the ones from before are left out."""
    before = processes.begun()
    with subprocess.Popen(["/bin/sleep", "20"]) as process:
        try:
            found = processes.since(process.pid, before)
        finally:
            process.kill()
    assert process.pid in found
    assert os.getpid() not in found
