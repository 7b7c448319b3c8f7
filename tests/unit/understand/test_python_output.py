"""What Python programs write when they end badly, read as findings."""

from crashfarm.documents.finding import Kind
from crashfarm.understand import understand

TRACEBACK = """before
Traceback (most recent call last):
  File "{folder}/crasher.py", line 9, in <module>
    main()
  File "{folder}/crasher.py", line 5, in main
    return json.loads("{{")
           ^^^^^^^^^^^^^^^
  File "/usr/lib/python3.11/json/__init__.py", line 346, in loads
    return _default_decoder.decode(s)
json.decoder.JSONDecodeError: Expecting property name: line 1 column 2 (char 1)
"""
SEGFAULT = """Fatal Python error: Segmentation fault

Current thread 0x00007f1234567890 (most recent call first):
  File "/opt/python/lib/python3.12/ctypes/__init__.py", line 518 in string_at
  File "/tmp/run-81/crasher.py", line 3 in inner
  File "/tmp/run-81/crasher.py", line 6 in <module>
"""


def one(text: str, **end: int | None):
    """The only finding of an output."""
    found = understand(output=text.encode(), **{"exit_status": None, "signal": None, **end}).findings
    assert len(found) == 1
    return found[0]


def test_an_unhandled_exception_is_named_and_placed() -> None:
    """Kind, title, message, top frame and line come from the traceback."""
    finding = one(TRACEBACK.format(folder="/srv/a"), exit_status=1)
    assert finding.kind is Kind.EXCEPTION
    assert finding.title == "Unhandled exception JSONDecodeError"
    assert finding.message == "JSONDecodeError: Expecting property name: line N column N (char N)"
    assert (finding.frames[0].function, finding.frames[0].file) == ("loads", "json/__init__.py")
    assert finding.detail == "JSONDecodeError | loads (json/__init__.py) | main (crasher.py) | <module> (crasher.py)"


def test_the_folder_of_a_run_does_not_split_a_bucket() -> None:
    """The same script in two folders has one signature."""
    assert (
        one(TRACEBACK.format(folder="/srv/a"), exit_status=1).signature
        == one(TRACEBACK.format(folder="/var/lib/farm/77/x"), exit_status=1).signature
    )


def test_a_traceback_of_a_run_that_ended_well_was_handled() -> None:
    """Exit status 0 outweighs a traceback."""
    seen = understand(exit_status=0, signal=None, output=TRACEBACK.format(folder="/srv").encode())
    assert seen.findings == ()
    assert seen.outcome == "success"


def test_a_segfault_takes_its_frames_from_the_dump() -> None:
    """faulthandler's dump gives the signal's finding its stack."""
    finding = one(SEGFAULT, signal=11)
    assert (finding.kind, finding.title) == (Kind.CRASH, "SIGSEGV")
    assert finding.signature == "string_at (ctypes/__init__.py) | inner (crasher.py) | <module> (crasher.py)"


def test_a_clean_log_with_sigsegv_is_a_crash() -> None:
    """The signal speaks where the output is silent."""
    finding = one("all is well\n", signal=11)
    assert (finding.kind, finding.title, finding.signature) == (Kind.CRASH, "SIGSEGV", "SIGSEGV | no stack")


def test_a_shells_status_above_128_is_a_signal() -> None:
    """139 is 128 and SIGSEGV."""
    assert one("", exit_status=139).title == "SIGSEGV"


def test_a_chain_of_exceptions_is_one_finding() -> None:
    """The last of chained exceptions is the one that nobody caught."""
    chain = (
        TRACEBACK.format(folder="/srv")
        + "\nThe above exception was the direct cause of the following exception:\n\n"
        + 'Traceback (most recent call last):\n  File "/tmp/x.py", line 1, in f\n    raise KeyError(1)\nKeyError: 1\n'
    )
    finding = one(chain, exit_status=1)
    assert finding.title == "Unhandled exception KeyError"
    assert finding.signature == "KeyError | f (x.py)"


def test_how_deep_a_recursion_went_does_not_split_a_bucket() -> None:
    """A recursion of two functions has one signature wherever it ended."""

    def recursion(*innermost: str) -> str:
        calls = "".join(f'  File "/tmp/r.py", line {ord(name)}, in {name}\n    x()\n' for name in innermost)
        head = 'Traceback (most recent call last):\n  File "/tmp/r.py", line 9, in <module>\n    a()\n'
        repeated = "  [Previous line repeated 991 more times]\n"
        return f"{head}{calls}{repeated}RecursionError: maximum recursion depth exceeded\n"

    first, second = (one(recursion(*names), exit_status=1) for names in ("ababab", "babababa"))
    assert first.signature == second.signature == "RecursionError | recursion | a (r.py) | b (r.py)"


def test_a_time_limit_is_a_hang_where_the_dump_says_it_was() -> None:
    """A dump on timeout gives the hang its frames."""
    dump = 'Timeout (0:00:05)!\nThread 0x00007f (most recent call first):\n  File "/t/s.py", line 4 in spin\n'
    finding = understand(exit_status=None, signal=9, timed_out=True, killed_for="time", output=dump.encode()).findings
    assert [(f.kind, f.signature) for f in finding] == [(Kind.HANG, "hang | spin (s.py)")]


def test_a_memory_limit_is_out_of_memory() -> None:
    """What the farm ended for memory needs no words in the output."""
    assert understand(exit_status=None, signal=9, killed_for="memory", output=b"").findings[0].kind is Kind.OOM


def test_an_assertion_in_c_keeps_its_file_and_takes_the_dumps_stack() -> None:
    """A debug build's assert and the abort that follows are one event."""
    text = (
        "python: /build/python/Objects/dictobject.c:1480: insertdict: Assertion `ix >= 0' failed.\n"
        'Fatal Python error: Aborted\n\nCurrent thread 0x7f (most recent call first):\n  File "/t/s.py", line 4 in f\n'
    )
    finding = one(text, signal=6)
    assert finding.kind is Kind.ASSERTION
    assert (finding.message, finding.detail, finding.line) == ("ix >= 0", "python/Objects/dictobject.c", 1480)
    assert [frame.function for frame in finding.frames] == ["f"]
