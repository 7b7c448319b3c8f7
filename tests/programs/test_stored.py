"""Each kind of finding produced for real, run as a worker runs it, stored as a worker stores it, found in the view."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Event

import pytest

from crashfarm.documents.branch import Build
from crashfarm.documents.finding import Kind
from crashfarm.documents.job import Claim, Input, Job, JobState, new_job_id
from crashfarm.documents.result import Result
from crashfarm.keys import prefix_range
from crashfarm.settings import Farm
from crashfarm.times import to_text, utc_now
from server import deploy
from server.deploy.sources import load
from tests.couch.conftest import start_store, stop_store
from tests.fresh import fresh_farm
from tests.programs.conftest import SOURCES, make, tool
from worker.allowed import Allowed
from worker.config import LimitsConfig
from worker.debugging.debugger import of_this_machine
from worker.executing import Executor
from worker.machine import this_machine
from worker.preparing import Rules
from worker.recording import Recorder

Command = tuple[str, ...]
Maker = Callable[[Path], Command]


@pytest.fixture(scope="module")
def farm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Farm]:
    """A farm on an embedded store."""
    process, url = start_store(tmp_path_factory.mktemp("store") / "data")
    try:
        with fresh_farm(url) as made:
            deploy.push(made, lambda done: None, load())
            yield made
    finally:
        assert stop_store(process) == 0


def crime(name: str, *flags: str) -> Maker:
    """The C program, compiled with these flags."""

    def made(folder: Path) -> Command:
        program = folder / "crimes"
        make(tool("gcc"), "-g", "-O0", *flags, "-o", program, SOURCES / "crimes.c", "-lpthread")
        return str(program), name

    return made


def under_valgrind(name: str) -> Maker:
    """The C program under valgrind."""
    return lambda folder: (tool("valgrind"), "--leak-check=full", *crime(name)(folder))


def memory_sanitized(folder: Path) -> Command:
    """The C program with clang's MemorySanitizer, which gcc has not."""
    program = folder / "crimes"
    make(tool("clang"), "-g", "-O0", "-fsanitize=memory", "-o", program, SOURCES / "crimes.c", "-lpthread")
    return str(program), "uninitialised"


def rust(folder: Path) -> Command:
    """An index out of bounds."""
    make(tool("rustc"), "-g", "-o", folder / "crimes", SOURCES / "crimes.rs")
    return str(folder / "crimes"), "index"


def go(folder: Path) -> Command:
    """A nil pointer."""
    make(tool("go"), "build", "-o", folder / "crimes", SOURCES / "crimes.go", cwd=folder)
    return str(folder / "crimes"), "nil"


def java(folder: Path) -> Command:
    """A null pointer."""
    make(tool("javac"), "-d", folder, SOURCES / "Crimes.java")
    return tool("java"), "-cp", str(folder), "Crimes", "null"


def cpp(folder: Path) -> Command:
    """An exception that nobody catches."""
    make(tool("g++"), "-g", "-o", folder / "crimes", SOURCES / "crimes.cpp")
    return (str(folder / "crimes"),)


def node(folder: Path) -> Command:
    """A property of null."""
    return tool("node"), str(SOURCES / "crimes.js"), "null"


def python(code: str) -> Maker:
    """A script under faulthandler."""

    def made(folder: Path) -> Command:
        (folder / "crime.py").write_text(code, encoding="utf-8")
        return sys.executable, "-X", "faulthandler", str(folder / "crime.py")

    return made


SPINS = "def spin():\n    while True:\n        pass\nspin()\n"
GROWS = "def grow():\n    return 'x' * (1 << 62)\ngrow()\n"
READS = "import ctypes\ndef read(): ctypes.string_at(0)\nread()\n"

KINDS: dict[str, tuple[Maker, Kind, str, str]] = {
    "assertion": (crime("assertion"), Kind.ASSERTION, "ASSERT", "crimes.c"),
    "signal": (crime("write-to-null"), Kind.CRASH, "SIGSEGV", ""),
    "abort": (crime("abort"), Kind.CRASH, "SIGABRT", ""),
    "address": (crime("use-after-free", "-fsanitize=address"), Kind.SANITIZER, "Heap-use-after", "use_after_free"),
    "undefined": (crime("shift", "-fsanitize=undefined"), Kind.SANITIZER, "Undefined-shift", "shift_too_far"),
    "thread": (crime("race", "-fsanitize=thread"), Kind.SANITIZER, "Data race", "writer"),
    "leak": (crime("leak", "-fsanitize=leak"), Kind.SANITIZER, "Direct-leak", "leak"),
    "memory": (memory_sanitized, Kind.SANITIZER, "Use-of-uninitialized-value", "uninitialised"),
    "valgrind": (under_valgrind("use-after-free"), Kind.VALGRIND, "Invalid write", "use_after_free"),
    "rust": (rust, Kind.ASSERTION, "ASSERT", "crimes.rs"),
    "go": (go, Kind.CRASH, "Invalid memory address", "measure"),
    "java": (java, Kind.EXCEPTION, "Uncaught exception", "Crimes.measure"),
    "c++": (cpp, Kind.EXCEPTION, "Abrt", "std::out_of_range"),
    "node": (node, Kind.EXCEPTION, "Unhandled exception TypeError", "measure"),
    "python": (python("def f(): raise KeyError(1)\nf()\n"), Kind.EXCEPTION, "Unhandled exception KeyError", "f"),
    "python's signal": (python(READS), Kind.CRASH, "SIGSEGV", "read"),
    "memory that ran out": (python(GROWS), Kind.OOM, "Unhandled exception MemoryError", "grow"),
    "hang": (python(SPINS), Kind.HANG, "Hang", "spin"),
}


def executed(folder: Path, command: Command, name: str, farm: Farm) -> Result:
    """The result, as the farm has it, of a job that runs a command."""
    executor = Executor(
        machine=this_machine(),
        folder=folder / "runs",
        rules=Rules(Allowed((command[0],)), (), ()),
        limits=LimitsConfig(),
        clock=utc_now,
        debugger=of_this_machine(),
    )
    now = to_text(utc_now())
    claim = Claim(worker="barn", incarnation="b/1", attempt=1, lease_seconds=60.0, claimed_at=now, renewed_at=now)
    job = Job(
        id=new_job_id(utc_now()),
        product="crimes",
        branch=name,
        buildtype="debug",
        input=Input(name=f"{name}.txt", text=""),
        created_at=now,
        timeout=2.0 if name == "hang" else 60.0,
        state=JobState.RUNNING,
        claim=claim,
    )
    build = Build(command=command, environment={"UBSAN_OPTIONS": "print_stacktrace=1", "RUST_BACKTRACE": "1"})
    parcel = executor.execute(job, build, lambda attachment: None, Event())
    assert parcel
    assert not Recorder(farm.history).record([parcel]).refused
    return Result.from_doc(farm.history.get(parcel.result["_id"]) or {})


@pytest.mark.parametrize("name", KINDS)
def test_finding_is_understood_stored_and_found_again(name: str, tmp_path: Path, farm: Farm) -> None:
    """By its kind, message and detail, as a result and as history, with the whole output beside it."""
    maker, kind, title, words = KINDS[name]
    result = executed(tmp_path, maker(tmp_path), name, farm)
    output = farm.history.attachment(result.id, "output.txt") or b""
    if b"unexpected memory mapping" in output:
        pytest.skip("ThreadSanitizer cannot run on this kernel")
    finding = next(found for found in result.findings if found.title.startswith(title))
    assert (finding.kind, words in f"{finding.detail} {finding.signature}") == (kind, True), output.decode()
    for record in ("result", "history"):
        start, end = prefix_range((f"{record}_{kind}", finding.message, finding.detail, "crimes", name, "debug"))
        rows = farm.history.view("crash_type", "results", startkey=start, endkey=end, reduce=False).rows
        assert len(rows) == 1, record
    assert output or kind in (Kind.CRASH, Kind.HANG)
