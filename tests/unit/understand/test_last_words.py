"""What programs say after the farm's SIGABRT: it tells where a hang was, and is no finding of its own."""

import pytest

from crashfarm.documents.finding import Kind
from crashfarm.understand import last_words, understand

PYTHON = b'Fatal Python error: Aborted\n\nCurrent thread 0x1 (most recent call first):\n  File "a.py", line 3 in spin\n'
SANITIZER = b"""==7==ERROR: AddressSanitizer: ABRT on unknown address 0x7 (pc 0x7 bp 0x7 sp 0x7 T0)
    #0 0x1 in raise raise.c:50
    #1 0x2 in spin a.c:3
    #2 0x3 in main a.c:9
SUMMARY: AddressSanitizer: ABRT raise.c:50 in raise
"""
OVERFLOW = SANITIZER.replace(b"ABRT on unknown address 0x7", b"heap-buffer-overflow on address 0x602000000018").replace(
    b"raise", b"copy"
)
SEEN = b"#0  spin () at a.c:3\n#1  main () at a.c:9\n"


@pytest.mark.parametrize("before", [b"", b"working", b"working\n", "arbeitet\n".encode("utf-16")])
def test_what_is_marked_comes_apart_again(before: bytes) -> None:
    """Whatever the output was like; the mark stands on a line of its own."""
    marked = last_words.marked(before, b"Aborted\n")
    output, stack = last_words.told(marked, SEEN)
    assert (output.rstrip(b"\n"), stack) == (before.rstrip(b"\n"), SEEN)
    assert b"\n" + last_words.MARK + b"\n" in b"\n" + marked


def test_report_of_the_abort_is_no_finding() -> None:
    """Without the mark it would be a second one; a debugger has seen where the program was."""
    for words, number in ((last_words.marked(b"working", SANITIZER), 1), (b"working\n" + SANITIZER, 2)):
        found = understand(signal=6, killed_for="time", output=words, core_text=SEEN).findings
        assert len(found) == number
        assert (found[-1].kind, [frame.function for frame in found[-1].frames]) == (Kind.HANG, ["spin", "main"])


def test_report_before_the_mark_counts() -> None:
    """The program said it by itself."""
    output = last_words.marked(OVERFLOW, SANITIZER)
    found = understand(signal=6, killed_for="time", output=output).findings
    assert [one.kind for one in found] == [Kind.SANITIZER, Kind.HANG]


def test_program_may_say_itself_where_it_was() -> None:
    """As Python's faulthandler does; that goes before what a debugger saw of the interpreter."""
    [found] = understand(signal=6, killed_for="time", output=last_words.marked(b"", PYTHON), core_text=SEEN).findings
    assert (found.kind, [frame.function for frame in found.frames]) == (Kind.HANG, ["spin"])


@pytest.mark.parametrize("killed_for", ["", "memory"])
def test_mark_means_nothing_where_no_time_was_over(killed_for: str) -> None:
    """A program must not hide what it did by writing that line."""
    output = last_words.marked(b"", OVERFLOW)
    assert Kind.SANITIZER in [
        one.kind for one in understand(exit_status=1, killed_for=killed_for, output=output).findings
    ]


def test_last_mark_is_the_farms() -> None:
    """One before it was written by the program, as one that shows the log of another run would."""
    output = last_words.marked(last_words.marked(b"", OVERFLOW), b"Aborted\n")
    found = understand(signal=6, killed_for="time", output=output).findings
    assert [one.kind for one in found] == [Kind.SANITIZER, Kind.HANG]
    assert last_words.told(b"in passing: " + last_words.MARK, b"") == (b"in passing: " + last_words.MARK, b"")
