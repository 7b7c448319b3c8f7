"""Stacks of programs that crash or hang without a word: real programs, compiled here, and gdb."""

import itertools
import resource
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from threading import Event

import pytest

from crashfarm.documents.branch import Build
from crashfarm.documents.finding import Finding, Kind
from crashfarm.documents.job import Input, Job
from crashfarm.documents.result import Result
from crashfarm.times import utc_now
from crashfarm.understand import last_words
from tests import samples
from worker.allowed import Allowed
from worker.config import LimitsConfig
from worker.debugging import cores, gdb
from worker.debugging.debugger import Debugger, of_this_machine
from worker.executing import STACK, Executor
from worker.machine import Machine
from worker.outbox import Parcel
from worker.preparing import Rules

HERE = of_this_machine()
needs_compiler = pytest.mark.skipif(not shutil.which("gcc"), reason="there is no gcc to compile with")
needs_gdb = pytest.mark.skipif(not HERE.gdb, reason="there is no gdb")
needs_cores = pytest.mark.skipif(bool(HERE.trouble()), reason=f"no cores: {HERE.trouble()}")

SOURCE = """
#include <string.h>
static volatile int depth;
__attribute__((noinline)) static void write_there(int *place) { *place = 7; depth++; }
__attribute__((noinline)) static void go_wrong(int *place) { write_there(place); depth++; }
__attribute__((noinline)) static int work(volatile int *end) { depth++; return *end; }
__attribute__((noinline)) static void turn_round(volatile int *end) { while (!work(end)) depth++; }
int main(int argc, char **argv) {
    volatile int end = 0;
    if (!strcmp(argv[1], "crash")) go_wrong((int *)8);
    if (!strcmp(argv[1], "hang")) turn_round(&end);
    return 0;
}
"""


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The program, compiled."""
    folder = tmp_path_factory.mktemp("program")
    (folder / "program.c").write_text(SOURCE)
    subprocess.run(["gcc", "-g", "-O0", "-o", folder / "program", folder / "program.c"], check=True)
    return folder / "program"


@pytest.fixture(autouse=True)
def cores_allowed() -> Iterator[None]:
    """As a worker allows them."""
    before = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (before[1], before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_CORE, before)


def run(folder: Path, *command: str, seconds: float = 20.0, debugger: Debugger = HERE) -> Parcel:
    """What a worker makes of such a command."""
    executor = Executor(
        machine=Machine(hostname="barn", os_name="Linux", os_version="12", cpu_name="x86_64"),
        folder=folder / "runs",
        rules=Rules(Allowed((command[0],)), (), ()),
        limits=LimitsConfig(),
        clock=utc_now,
        debugger=debugger,
    )
    job = Job.from_doc(samples.running()).evolve(input=Input(text=""), timeout=seconds)
    parcel = executor.execute(job, Build(command=command), lambda name: None, Event())
    assert parcel
    assert list((folder / "runs").iterdir()) == []
    return parcel


def found(parcel: Parcel) -> Finding:
    [finding] = Result.from_doc(parcel.result).findings
    return finding


@needs_compiler
@needs_cores
def test_a_crash_without_a_word_gets_its_stack_from_the_core(tmp_path: Path, program: Path) -> None:
    """Functions, lines, address, and what gdb said is kept."""
    parcel = run(tmp_path, str(program), "crash")
    crash = found(parcel)
    assert (crash.kind, crash.title) == (Kind.CRASH, "SIGSEGV")
    assert [frame.function for frame in crash.frames] == ["write_there", "go_wrong", "main"]
    assert crash.frames[0].line == 4
    assert crash.address == "0x8"
    assert crash.signature == "write_there | go_wrong"
    assert b"rip" in parcel.attachments[STACK] or b"pc" in parcel.attachments[STACK]


@needs_compiler
def test_without_gdb_a_crash_is_still_a_crash(tmp_path: Path, program: Path) -> None:
    """Only its stack is missing."""
    parcel = run(tmp_path, str(program), "crash", debugger=Debugger(gdb="", pattern="core"))
    assert (found(parcel).title, found(parcel).frames, parcel.attachments) == ("SIGSEGV", (), {})


@needs_compiler
@needs_gdb
def test_a_hang_tells_the_frame_that_it_stays_in(tmp_path: Path, program: Path) -> None:
    """And not what it happened to call when it was looked at."""
    parcel = run(tmp_path, str(program), "hang", seconds=0.3)
    hang = found(parcel)
    assert hang.kind == Kind.HANG
    assert [frame.function for frame in hang.frames][-2:] == ["turn_round", "main"]
    assert b"turn_round" in parcel.attachments[STACK]
    assert Result.from_doc(parcel.result).exit.killed_for == "time"


def test_a_hang_of_python_tells_where_in_the_script_it_is(tmp_path: Path) -> None:
    """Its faulthandler does, when it is told to abort; that is no finding of its own."""
    script = "def turn_round():\n    while True:\n        pass\nprint('begun', flush=True)\nturn_round()"
    nothing = Debugger(gdb="", pattern="")
    parcel = run(tmp_path, sys.executable, "-X", "faulthandler", "-c", script, seconds=1.5, debugger=nothing)
    hang = found(parcel)
    assert hang.kind == Kind.HANG
    assert [frame.function for frame in hang.frames] == ["turn_round", "<module>"]
    assert b"begun" in parcel.output
    assert b"Fatal Python error: Aborted" in parcel.output


def test_a_report_of_the_abort_that_we_sent_is_marked_and_no_finding(tmp_path: Path) -> None:
    """As sanitizers write one; what the program said before is told from it."""
    report = "==7==ERROR: AddressSanitizer: ABRT on unknown address 0x7 (pc 0x7 bp 0x7 sp 0x7 T0)"
    script = f'echo begun; trap \'echo "{report}"; echo "    #0 0x1 in spin a.c:3"; exit 1\' ABRT; while :; do :; done'
    parcel = run(tmp_path, "/bin/sh", "-c", script, seconds=0.5, debugger=Debugger(gdb="", pattern=""))
    assert (found(parcel).kind, found(parcel).frames) == (Kind.HANG, ())
    before, mark, words = parcel.output.partition(last_words.MARK + b"\n")
    assert (before, mark != b"", words.startswith(report.encode())) == (b"begun\n", True, True)


def test_a_program_that_ignores_the_abort_is_ended_all_the_same(tmp_path: Path) -> None:
    """And is a hang without a stack."""
    nothing = Debugger(gdb="", pattern="")
    parcel = run(tmp_path, "/bin/sh", "-c", "trap '' ABRT; while :; do :; done", seconds=0.2, debugger=nothing)
    assert (found(parcel).kind, found(parcel).frames) == (Kind.HANG, ())


def test_what_stacks_share_is_what_stays() -> None:
    """From the outermost frame inwards, up to where they differ."""
    first = ["#0  0x01 in memcpy (n=1) at a.c:1", "#1  0x02 in copy (n=1) at b.c:2", "#2  main () at c.c:3"]
    second = ["warning: something", "#0  0x09 in copy (n=2) at b.c:9", "#1  0x03 in main () at c.c:3"]
    assert gdb.common([first, second]) == ["copy (n=1) at b.c:2", "main () at c.c:3"]
    assert gdb.common([first]) == ["memcpy (n=1) at a.c:1", "copy (n=1) at b.c:2", "main () at c.c:3"]
    assert gdb.common([first, []]) == []
    assert gdb.common([]) == []


def test_a_handler_that_sends_the_signal_again_is_not_where_it_came_from() -> None:
    """The outermost one counts; without one nothing is changed."""
    plain = "#0  0x01 in read_there (p=0x8) at a.c:1\n#1  main () at a.c:2\n=> 0x01 <read_there+1>"
    handled = f"#0  raise ()\n#1  0x02 in on_signal (n=11) at h.c:1\n#2  <signal handler called>\n{plain}\nrip 0x02"
    assert gdb.behind_the_handler(plain) == plain
    assert gdb.behind_the_handler(handled) == "#0  read_there (p=0x8) at a.c:1\n#1  main () at a.c:2\n"
    lost = "#0  raise ()\n#1  <signal handler called>"
    assert gdb.behind_the_handler(lost) == lost


def cut(*innermost: str, round_of: str, turned: int) -> str:
    """A stack without end: some calls, then round and round the letters, from one of them on."""
    names = [*innermost, *itertools.islice(itertools.cycle(round_of[turned:] + round_of[:turned]), gdb.FRAMES)]
    return "".join(f"#{number}  {name} () at a.c:1\n" for number, name in enumerate(names[: gdb.FRAMES]))


def test_a_recursion_begins_at_the_same_function_wherever_its_stack_ended() -> None:
    """What it called last and where in the round it was are chance."""
    stacks = [cut(*called, round_of="bcdab", turned=turned) for called in ((), ("x", "y")) for turned in range(5)]
    tops = {tuple(line.split()[1] for line in gdb.settled(stack).splitlines()[:6]) for stack in stacks}
    assert tops == {("a", "b", "b", "c", "d", "a")}


def test_a_stack_that_is_no_recursion_is_left_as_it_is() -> None:
    """Also a deep one; and a short one that repeats itself a little."""
    deep = "".join(f"#{number}  f{number} () at a.c:1\n" for number in range(gdb.FRAMES))
    short = "".join(f"#{number}  f () at a.c:1\n" for number in range(20)) + "#20  main () at a.c:1\n"
    assert gdb.settled(deep) == deep
    assert gdb.settled(short) == short


@pytest.mark.parametrize(
    ("pattern", "trouble"),
    [
        ("core", ""),
        ("core.%p", ""),
        ("|/usr/share/apport/apport %p", "the kernel gives cores to /usr/share/apport/apport"),
        ("|", "the kernel gives cores to a pipe"),
        ("/var/crash/core.%e", "the kernel writes cores to /var/crash/core.%e"),
        ("", "the kernel's core_pattern is empty"),
    ],
)
def test_whether_cores_can_be_had_is_known_before(pattern: str, trouble: str) -> None:
    """And the worker's owner and the farm are told."""
    told = Debugger(gdb="/usr/bin/gdb", pattern=pattern).metadata()["core_dumps"]
    assert told == (f"no: {trouble}" if trouble else "yes")
    nothing = {"core_dumps": "no: gdb is not installed", "hang_stacks": "no: gdb is not installed"}
    assert Debugger(gdb="", pattern="core").metadata() == nothing
    apart = Debugger(gdb="/usr/bin/gdb", pattern="core", may_attach=False)
    assert apart.metadata()["hang_stacks"] == "no: kernel.yama.ptrace_scope does not let gdb attach"
    assert apart.of_hang(1, lambda: False) == b""


def test_a_debugger_that_hangs_is_given_up_when_nobody_waits_for_it(tmp_path: Path) -> None:
    """Long before its time is over; nothing of it is left."""
    slow = tmp_path / "gdb"
    slow.write_text(f"#!/bin/sh\necho $$ > {tmp_path}/draft; mv {tmp_path}/draft {tmp_path}/pid; exec sleep 600")
    slow.chmod(0o755)
    assert gdb.of_process(str(slow), 1, 3600.0, (tmp_path / "pid").exists) == ""
    assert not Path(f"/proc/{int((tmp_path / 'pid').read_text())}").exists()


@pytest.mark.parametrize("content", [b"", b"\x7fELF", b"\x7fELF" + bytes(200), b"x" * 100])
def test_what_only_looks_like_a_core_is_none(tmp_path: Path, content: bytes) -> None:
    """A program may write any file of that name."""
    (tmp_path / "core").write_bytes(content)
    assert cores.find(tmp_path, "core") is None
    assert cores.program_of(tmp_path / "core") is None


def test_a_link_of_that_name_is_not_followed(tmp_path: Path) -> None:
    """It could lead anywhere."""
    (tmp_path / "core").symlink_to("/proc/kcore")
    assert cores.find(tmp_path, "core") is None
