"""What the names of build types do: real programs under real tools."""

import os
import shutil
import subprocess
from pathlib import Path
from threading import Event

import pytest

from crashfarm.documents.branch import Build
from crashfarm.documents.finding import Finding
from crashfarm.documents.job import Input, Job
from crashfarm.documents.result import Result
from crashfarm.times import utc_now
from tests import samples
from worker import buildtypes
from worker.allowed import Allowed
from worker.config import LimitsConfig
from worker.executing import Executor
from worker.machine import Machine
from worker.outbox import Parcel
from worker.preparing import Rules

SOURCE = """
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
static int shared;
__attribute__((noinline)) static int read_freed(void) {
    int *place = malloc(40); place[0] = 1; free(place); return ((volatile int *)place)[0];
}
__attribute__((noinline)) static int overflow(int n) { volatile int big = 0x7fffffff; return big + n; }
__attribute__((noinline)) static void *race(void *p) { shared++; return p; }
__attribute__((noinline)) static void leak(void) { volatile char *lost = malloc(100); lost[0] = 1; }
int main(int argc, char **argv) {
    pthread_t one, two;
    if (!strcmp(argv[1], "freed")) printf("%d\\n", read_freed());
    if (!strcmp(argv[1], "overflow")) printf("%d\\n", overflow(argc));
    if (!strcmp(argv[1], "leak")) leak();
    if (!strcmp(argv[1], "race")) {
        pthread_create(&one, 0, race, 0); pthread_create(&two, 0, race, 0);
        pthread_join(one, 0); pthread_join(two, 0);
    }
    return 0;
}
"""


def compiled(folder: Path, *flags: str) -> Path:
    """The program, compiled with these flags; skips where that cannot be done or its result cannot be run."""
    if not shutil.which("gcc"):
        pytest.skip("there is no gcc to compile with")
    (folder / "program.c").write_text(SOURCE)
    command = ["gcc", "-g", "-O1", "-pthread", *flags, "-o", str(folder / "program"), str(folder / "program.c")]
    made = subprocess.run(command, capture_output=True, text=True, check=False)
    if made.returncode:
        pytest.skip(f"gcc cannot compile with {flags}: {made.stderr[-200:]}")
    tried = subprocess.run([folder / "program", "nothing"], capture_output=True, text=True, check=False)
    if tried.returncode:
        pytest.skip(f"what gcc compiles with {flags} does not run here: {tried.stderr[-200:]}")
    return folder / "program"


def run(folder: Path, buildtype: str, *command: str, **environment: str) -> Parcel:
    """What a worker makes of such a command on a build of that type."""
    executor = Executor(
        machine=Machine(hostname="barn", os_name="Linux", os_version="12", cpu_name="x86_64"),
        folder=folder / "runs",
        rules=Rules(Allowed((command[0],)), (), ()),
        limits=LimitsConfig(),
        clock=utc_now,
    )
    job = Job.from_doc(samples.running()).evolve(input=Input(text=""), timeout=60.0, buildtype=buildtype)
    parcel = executor.execute(job, Build(command=command, environment=environment), lambda name: None, Event())
    assert parcel
    return parcel


def findings(parcel: Parcel) -> tuple[Finding, ...]:
    return Result.from_doc(parcel.result).findings


@pytest.mark.parametrize(
    ("buildtype", "flag", "how", "function", "words"),
    [
        ("asan", "address", "freed", "read_freed", "use-after-free"),
        ("debug-asan", "address", "leak", "leak", "leak"),
        ("ubsan", "undefined", "overflow", "overflow", "overflow"),
        ("tsan", "thread", "race", "race", "race"),
        ("lsan", "leak", "leak", "leak", "leak"),
    ],
)
def test_a_sanitizer_tells_what_it_found_with_names(
    tmp_path: Path, buildtype: str, flag: str, how: str, function: str, words: str
) -> None:
    """The finding has the function, and the exit status is that of a tool that found something."""
    program = compiled(tmp_path, f"-fsanitize={flag}")
    parcel = run(tmp_path, buildtype, str(program), how)
    found = findings(parcel)
    assert found, parcel.output.decode()
    assert words in found[0].title.lower()
    assert function in [frame.function for frame in found[0].frames]
    status = Result.from_doc(parcel.result).exit.status
    assert status == (0 if buildtype == "ubsan" else buildtypes.FOUND)
    assert findings(run(tmp_path, buildtype, str(program), "nothing")) == ()


@pytest.mark.skipif(not shutil.which("valgrind"), reason="there is no valgrind")
def test_a_program_runs_under_valgrind(tmp_path: Path) -> None:
    """Which is found on this machine; nobody has to allow it."""
    parcel = run(tmp_path, "valgrind", str(compiled(tmp_path)), "freed")
    assert len(findings(parcel)) == 1, parcel.output.decode()
    [found] = findings(parcel)
    assert found.kind == "valgrind"
    assert "read_freed" in [frame.function for frame in found.frames]
    assert Result.from_doc(parcel.result).exit.status == buildtypes.FOUND


def test_a_builds_own_options_go_before_the_defaults(tmp_path: Path) -> None:
    """One by one: the others stay."""
    program = compiled(tmp_path, "-fsanitize=address")
    parcel = run(tmp_path, "asan", str(program), "freed", ASAN_OPTIONS="exitcode=7")
    assert Result.from_doc(parcel.result).exit.status == 7
    assert b"read_freed" in parcel.output


def test_other_build_types_get_nothing() -> None:
    """A name is taken by its words."""
    assert buildtypes.environment("release", {"A": "1"}) == {"A": "1"}
    assert buildtypes.wrapper("release") == ()
    assert buildtypes.tools("basan") == ()
    assert [tool.variable for tool in buildtypes.tools("ASan+UBSan")] == [
        "ASAN_OPTIONS",
        "LSAN_OPTIONS",
        "UBSAN_OPTIONS",
    ]


def test_options_stand_behind_each_other_as_each_tool_wants_them() -> None:
    """The build's are the last."""
    made = buildtypes.environment("valgrind-msan", {"VALGRIND_OPTS": "--leak-check=full", "MSAN_OPTIONS": "exitcode=1"})
    assert made["VALGRIND_OPTS"].endswith(" --vgdb=no --leak-check=full")
    assert made["MSAN_OPTIONS"].endswith(":handle_abort=1:exitcode=1")


def test_a_tool_that_is_not_here_is_missed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Such jobs are for others."""
    monkeypatch.setitem(os.environ, "PATH", str(tmp_path))
    assert buildtypes.missing("valgrind") == "valgrind"
    assert buildtypes.missing("asan") == ""
