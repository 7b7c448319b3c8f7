"""The verdict comes from exit status and signal first; the log is read in its light."""

import signal

import pytest

from crashfarm.documents.finding import Kind
from crashfarm.understand import FAILURE, SUCCESS, Understanding, describe, explain, understand
from tests.unit.understand.samples import accessed, fault

ASSERT = "t: t.c:12: f: Assertion `x' failed.\n"
OUT_OF_MEMORY = "# Fatal error in , line 0\n# Fatal process out of memory: Zone\n"


def kinds(seen: Understanding) -> list[tuple[str, str]]:
    """Kind and title of each finding."""
    return [(str(finding.kind), finding.title) for finding in seen.findings]


@pytest.mark.parametrize("name", ["SIGSEGV", "SIGABRT", "SIGBUS", "SIGFPE", "SIGILL", "SIGTRAP"])
def test_a_fatal_signal_is_a_crash_whatever_the_log_says(name: str) -> None:
    """Nothing in the log, and yet it crashed."""
    seen = understand(signal=signal.Signals[name], output=b"100 tests passed\n")
    assert kinds(seen) == [("crash", name)]
    assert seen.outcome == FAILURE


def test_a_finding_that_explains_the_signal_is_not_doubled() -> None:
    """The assertion is why there was SIGABRT."""
    assert kinds(understand(signal=signal.SIGABRT, output=ASSERT.encode())) == [("assertion", "ASSERT")]


def test_the_shells_word_adds_nothing_to_the_signal() -> None:
    """`Segmentation fault (core dumped)` is the same event."""
    seen = understand(exit_status=139, output=b"sh: line 1: 77 Segmentation fault      (core dumped) ./t\n")
    assert kinds(seen) == [("crash", "SIGSEGV")]


def test_a_debuggers_account_of_the_core_gives_the_signal_its_stack() -> None:
    """The core's back trace and the signal are one finding."""
    core = b"Program terminated with signal SIGSEGV, Segmentation fault.\n#0  0x5131 in crash (p=0x0) at t.c:3\n"
    (finding,) = understand(signal=signal.SIGSEGV, output=b"hello\n", core_text=core).findings
    assert (finding.title, finding.signature) == ("SIGSEGV", "crash")


def test_exit_status_zero_is_success() -> None:
    """A run that ended well with a quiet log found nothing."""
    seen = understand(exit_status=0, output=b"fine\n")
    assert (seen.findings, seen.outcome, seen.truncated) == ((), SUCCESS, False)


def test_a_bad_exit_status_without_words_is_a_failure_without_finding() -> None:
    """There is nothing to group by."""
    seen = understand(exit_status=3, output=b"usage: t FILE\n")
    assert (seen.findings, seen.outcome) == ((), FAILURE)
    assert "exit status 3" in seen.notes[0]


def test_a_sanitizers_report_counts_though_the_run_ended_well() -> None:
    """A child may crash and its parent end well."""
    assert kinds(understand(exit_status=0, output=accessed("heap-use-after-free", "READ", 4).encode()))


def test_running_out_of_memory_counts_when_the_process_ended_badly() -> None:
    """V8's orderly end for want of memory is told from one that nobody knows to have been one."""
    assert kinds(understand(signal=signal.SIGTRAP, output=OUT_OF_MEMORY.encode())) == [("oom", "Out-of-memory")]
    assert kinds(understand(output=OUT_OF_MEMORY.encode())) == []


@pytest.mark.parametrize(
    ("limit", "kind"), [("time", Kind.HANG), ("memory", Kind.OOM), ("output", Kind.HANG), ("processes", Kind.OOM)]
)
def test_a_limit_of_the_farm_names_the_finding(limit: str, kind: Kind) -> None:
    """The signal by which the farm enforces a limit is no crash."""
    seen = understand(signal=signal.SIGKILL, killed_for=limit, output=b"")
    assert [finding.kind for finding in seen.findings] == [kind]


def test_sigkill_from_elsewhere_is_taken_for_the_systems_want_of_memory() -> None:
    """The kernel ends processes so; the finding says that it is a guess."""
    (finding,) = understand(signal=signal.SIGKILL, output=b"").findings
    assert finding.kind is Kind.OOM
    assert "most likely" in finding.message


def test_a_signal_that_somebody_sent_is_no_finding() -> None:
    """SIGTERM is how runs are cancelled."""
    seen = understand(signal=signal.SIGTERM, output=b"")
    assert (seen.findings, seen.outcome) == ((), FAILURE)


def test_windows_statuses_are_signals_in_other_words() -> None:
    """0xC0000005 is an access violation, signed or not."""
    assert (
        kinds(understand(exit_status=0xC0000005))
        == kinds(understand(exit_status=-1073741819))
        == [("crash", "SIGSEGV")]
    )


def test_what_does_not_count_is_set_aside_with_its_reason() -> None:
    """An explanation tells what was read and why it is no finding."""
    text = 'Traceback (most recent call last):\n  File "x.py", line 1, in f\n    g()\nValueError: 1\n'
    told = explain(exit_status=0, output=text.encode())
    assert [(report.title, reason) for report, reason in told.set_aside] == [
        ("Unhandled exception ValueError", "the program ended well, so this was handled")
    ]


def test_an_explanation_names_every_frame_with_its_reason() -> None:
    """Which frames were dropped, by which entry of which list, and which rules ran."""
    (one,) = explain(
        output=fault("ABRT", "0x05").replace("#0 0x4f6b78 in inner", "#0 0x4f6b78 in abort").encode()
    ).explained
    reasons = {step.frame.function: step.reason for step in one.signature.steps}
    assert reasons["abort"].startswith("fatal_exit: Ways a program ends itself on purpose")
    assert reasons["ns::Outer::run"] == "tells something"
    assert any(line.startswith("FramesThatTell") for line in one.signature.rules)


def test_a_report_from_a_child_with_a_wild_fault_is_told_from_a_fatal_error() -> None:
    """A program does not end itself by reading from a wild address: these are two findings."""
    text = "#\n# Fatal error in ../src/d8.cc, line 9\n# Fake.\n#\n" + fault("SEGV", "0x7df7ff9da4bf", "READ")
    seen = understand(output=text.encode())
    assert [title for _, title in kinds(seen)] == ["Fatal error", "UNKNOWN READ"]
    assert seen.primary is not None
    assert seen.primary.title == "UNKNOWN READ"


def test_an_explanation_is_told_in_words() -> None:
    """What a person reads who asks why."""
    words = "\n".join(describe(explain(exit_status=1, output=accessed("heap-use-after-free", "READ", 4).encode())))
    assert "finding 1: sanitizer: Heap-use-after-free READ 4" in words
    assert "kept    inner (proj/lib/inner.cc:76): tells something" in words
    assert "dropped fuzzer::Fuzzer::ExecuteCallback" in words
    assert "rule FramesThatTell" in words
    assert "severity: high" in words


@pytest.mark.parametrize(
    "text",
    [
        "###!!! ASSERTION: odd: 'x', file /b/src/a.cpp, line 3\n",
        "a.c:1:2: runtime error: left shift of negative value -1\n",
        "==9== Invalid read of size 4\n==9==    at 0x4005: f (t.c:6)\n==9== \n",
    ],
)
def test_what_lets_a_program_go_on_does_not_explain_a_signal(text: str) -> None:
    """A harmless report before a crash does not hide the crash."""
    assert kinds(understand(signal=signal.SIGSEGV, output=text.encode()))[-1] == ("crash", "SIGSEGV")


def test_undefined_behaviour_explains_the_signal_that_it_leads_to() -> None:
    """A null pointer was written, and so the process died."""
    text = b"a.c:1:2: runtime error: store to null pointer of type 'int'\n"
    assert kinds(understand(signal=signal.SIGSEGV, output=text)) == [("sanitizer", "Null-dereference WRITE")]


def test_what_stands_above_the_function_that_ends_the_program_is_not_its_signature() -> None:
    """A program's own logger, called by the library that aborts, says nothing of why."""
    stack = "".join(
        f"    #{number} 0x4f6b7{number} in {name} /src/t.c:{number}:1\n"
        for number, name in enumerate(("custom_logger", "g_logv", "g_log", "parse_tags", "run"))
    )
    text = f"==1==ERROR: AddressSanitizer: ABRT on unknown address 0x01 (pc 0x1 bp 0x2 sp 0x3 T0)\n{stack}\n"
    (one,) = explain(output=text.encode()).explained
    assert one.signature.parts == ("parse_tags", "run")
    assert "by which the program ends itself" in one.signature.steps[0].reason
