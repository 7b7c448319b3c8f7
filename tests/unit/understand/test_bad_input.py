"""Whatever the bytes: no exception, bounded time and size."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crashfarm.understand import findings, text, understand
from crashfarm.understand.formats import BY_NEEDLE
from tests.unit.understand.samples import STACK, accessed

CRASH = accessed("heap-use-after-free", "READ", 4)
WORDS = [
    *BY_NEEDLE,
    *STACK.splitlines(),
    "#0 ",
    "    at ",
    "goroutine 1 [running]:",
    "{",
    "}",
    "(",
    ")",
    "'",
    ": ",
    "\n",
    "0x",
    "==1== ",
]


@given(st.binary(max_size=2000))
def test_any_bytes_are_read(output: bytes) -> None:
    """Bytes of any kind give an answer."""
    understand(output=output)


@given(st.lists(st.sampled_from(WORDS) | st.text(max_size=20), max_size=40))
def test_any_mixture_of_reports_words_is_read(words: list[str]) -> None:
    """Readers that meet half a report, or each other's, give an answer, and none of them fails."""
    seen = understand(exit_status=1, output="".join(words).encode())
    assert not [note for note in seen.notes if "failed" in note]
    assert all(finding.message and finding.detail and finding.signature for finding in seen.findings)


@given(st.integers(), st.integers(), st.booleans(), st.text(max_size=8))
def test_any_end_is_judged(status: int, signal: int, timed_out: bool, killed_for: str) -> None:
    """Statuses and signals that no system has are judged too."""
    understand(exit_status=status, signal=signal, timed_out=timed_out, killed_for=killed_for)


def test_escapes_and_invalid_utf8_do_not_hide_a_report() -> None:
    """Colours, NULs, Latin-1 and carriage returns are taken off before lines are read."""
    dressed = CRASH.replace("AddressSanitizer", "\x1b[1m\x1b[31mAddressSanitizer\x1b[0m").replace("\n", "\r\n")
    (finding,) = understand(output=b"\xff\xfe\x00caf\xe9\n" + dressed.encode()).findings
    assert finding.title == "Heap-use-after-free READ 4"


@pytest.mark.parametrize("order", ["utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
@pytest.mark.parametrize("head", ["", "проверка памяти\n" * 20])
def test_utf16_is_read(order: str, mark: str, head: str) -> None:
    """With the mark of its byte order or without, whatever stands before the report."""
    if head and not mark:
        head = head[:30] + "plain words\n" * 20
    (finding,) = understand(output=(mark + head + CRASH).encode(order)).findings
    assert finding.title == "Heap-use-after-free READ 4"
    assert [frame.function for frame in finding.frames][:2] == ["inner", "ns::Outer::run"]


@pytest.mark.parametrize("size", [400_000, 400_001])
def test_utf16_is_read_behind_a_gap(size: int) -> None:
    """What was left out of a large output may end within a pair of bytes."""
    words = ("nothing to see here\n" * 40_000).encode("utf-16-le")
    gap = b"\n[... 123456 bytes left out ...]\n"
    output = words[:100_000] + gap + words[-size:] + CRASH.encode("utf-16-le")
    assert [finding.title for finding in understand(output=output).findings] == ["Heap-use-after-free READ 4"]


def test_large_utf16_is_read() -> None:
    """Also what is too large to be looked at as a whole."""
    noise = ("something else entirely, line by line\n" * 60_000).encode("utf-16-le")
    seen = understand(output=noise + CRASH.encode("utf-16-le") + noise)
    assert [finding.title for finding in seen.findings] == ["Heap-use-after-free READ 4"]


def test_binary_with_zeros_is_not_taken_for_utf16() -> None:
    """A dump of memory before a report in plain bytes."""
    output = bytes(range(256)) * 8 + b"\x00\x00\x01\x00" * 500 + b"\n" + CRASH.encode()
    assert [finding.title for finding in understand(output=output).findings] == ["Heap-use-after-free READ 4"]


def test_one_line_of_a_hundred_megabytes_takes_bounded_time() -> None:
    """A line without an end is cut; what stands behind it is read."""
    output = b"A" * 100_000_000 + b"\n" + CRASH.encode()
    started = time.process_time()
    seen = understand(exit_status=1, output=output)
    assert time.process_time() - started < 30
    assert [finding.title for finding in seen.findings] == ["Heap-use-after-free READ 4"]
    assert seen.truncated


@pytest.mark.parametrize(
    "character", ["(", "<", "'", ": ", "a::", "#0 0x1 in f(", "\\", "/a", "panic: ", "== Invalid "]
)
def test_long_runs_of_one_thing_take_bounded_time(character: str) -> None:
    """No pattern goes back and forth over a long line."""
    line = (character * text.MAX_LINE)[: text.MAX_LINE]
    output = f"ERROR: AddressSanitizer: {line}\n#0 0x4f6b78 in {line}\n{line}\na:1: runtime error: {line}\n".encode()
    started = time.process_time()
    understand(output=output)
    assert time.process_time() - started < 5


def test_a_crash_in_the_middle_of_a_large_log_is_found() -> None:
    """What looks like a report is looked at wherever it stands, though other needles stand before it in thousands."""
    noise = b"WARNING: at home, nothing to see\n" * 300_000
    seen = understand(exit_status=1, output=noise + CRASH.encode() + noise)
    assert [finding.title for finding in seen.findings] == ["Heap-use-after-free READ 4"]
    assert seen.truncated


def test_a_flood_of_one_finding_is_counted() -> None:
    """The same assertion ten thousand times is one finding."""
    line = "###!!! ASSERTION: again: 'x', file /b/src/a.cpp, line 3\n"
    (finding,) = understand(output=(line * 10_000).encode()).findings
    assert finding.count == 10_000


def test_a_flood_of_different_findings_is_bounded_and_says_so() -> None:
    """More findings than are kept: the first ones, and the word."""
    lines = "".join(
        f"###!!! ASSERTION: no {chr(65 + n % 26)}{n}q: 'x', file /b/src/a.cpp, line 3\n" for n in range(1500)
    )
    seen = understand(output=lines.encode())
    assert len(seen.findings) == findings.MAX_FINDINGS
    assert seen.truncated


def test_a_reader_that_fails_costs_only_its_own_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    """The others' findings stand, and a note tells of it."""
    monkeypatch.setattr("crashfarm.understand.formats.undefined._title", lambda *_: 1 / 0)
    seen = understand(output=(f"a.c:1:2: runtime error: division by zero\n{STACK}" + CRASH).encode())
    assert [finding.title for finding in seen.findings] == ["Heap-use-after-free READ 4"]
    assert any("undefined behaviour failed" in note for note in seen.notes)


def test_json_that_goes_deep_costs_nothing_but_its_finding() -> None:
    """A log that imitates a crash report's JSON to exhaust its reader."""
    output = b'{"crash_info": ' + b"[" * 100_000 + b"\n" + CRASH.encode()
    assert [finding.title for finding in understand(output=output).findings] == ["Heap-use-after-free READ 4"]


def test_xml_with_entities_is_not_expanded() -> None:
    """A document type in an <error> element is refused unread."""
    bomb = b'<!DOCTYPE x [<!ENTITY a "aaaa">]>\n<error><what><!ENTITY b "&a;&a;">Invalid</what></error>\n'
    assert understand(output=bomb).findings == ()


@pytest.mark.parametrize(
    "prefix",
    [
        "[task 2026-01-01T10:11:12.123Z] 10:11:12     INFO - GECKO(1234) | ",
        "10:11:12     INFO - PROCESS | 77 | ",
        "01-31 10:11:12.123  1234  1235 F DEBUG   : ",
        "F/DEBUG   ( 1234): ",
        "GECKO(9) | ",
    ],
)
def test_what_a_harness_writes_before_every_line_does_not_hide_a_report(prefix: str) -> None:
    """The report reads as it would without."""
    dressed = "".join(f"{prefix}{line}\n" for line in CRASH.splitlines())
    (finding,) = understand(output=dressed.encode()).findings
    (plain,) = understand(output=CRASH.encode()).findings
    assert (finding.title, finding.signature, len(finding.frames)) == (plain.title, plain.signature, len(plain.frames))


@pytest.mark.parametrize("needle", ["BUG: KASAN: ", "Crash reason:", '"crash_info"', "<error>", "ASSERTION FAILED: "])
def test_a_flood_of_lookalikes_takes_bounded_time_and_says_so(needle: str) -> None:
    """Readers that look far ahead are not tried for ever."""
    started = time.process_time()
    seen = understand(exit_status=1, output=f"{needle} x\n".encode() * 20_000)
    assert time.process_time() - started < 20
    assert any("flood" in note for note in seen.notes)
