"""From the bytes that a program wrote to the lines that are read: decoded, cleaned, bounded.

Whatever the output's size, at most `MAX_TEXT` bytes of it are looked at: its head, its tail, and what stands around the
needles (the words that begin a report) in between.
"""

import re
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import ahocorasick

MAX_TEXT = 3 << 20
"""Bytes of output that are looked at."""
MAX_LINE = 6000
"""Characters of a line that are looked at."""
HEAD = 64 << 10
TAIL = 512 << 10
BEFORE = 2 << 10
AFTER = 32 << 10
"""Bytes around a needle that are looked at in an output larger than `MAX_TEXT`."""
MAX_WINDOWS = 12
"""Places at which one needle is looked at in such an output, so that a flood of one leaves room for others."""
_SHORTEST = 6
CHUNK = 4 << 20
OVERLAP = 128
"""Bytes of a chunk that the next one repeats, so that no needle falls between two chunks."""
CUT_MARK = "[output cut here]"

_ESCAPES = re.compile(
    r"\x1b(?:\[[0-?]{0,32}[ -/]{0,8}[@-~]|\][^\x07\x1b\n]{0,256}(?:\x07|\x1b\\)?|[@-Z\\-_])|[\x00\x08]"
)
_PREFIXES = (
    ("[task ", re.compile(r"^\[task \d[^\]\n]{8,40}\] ?", re.MULTILINE)),
    (" - ", re.compile(r"^ *\d\d:\d\d:\d\d +(?:DEBUG|INFO|WARNING|ERROR|CRITICAL) - {1,2}", re.MULTILINE)),
    (" | ", re.compile(r"^ *(?:GECKO\(\d+\)|PROCESS \| \d+|PID \d+) \| ?", re.MULTILINE)),
    (
        ":",
        re.compile(
            r"^(?:\d\d-\d\d )?\d\d:\d\d:\d\d\.\d{3} +(?:\d+ +){1,3}[VDIWEF] +[\w./$-]{1,40} *: ?"
            r"|^[VDIWEF]/[\w./$-]{1,40} *\( *\d+\): ?",
            re.MULTILINE,
        ),
    ),
)
"""What harnesses, continuous integration and Android's log write before each line of a program, and a sign of each."""


@dataclass(frozen=True, slots=True)
class Text:
    """Lines of an output, without line ends, escapes and more than `MAX_LINE` characters."""

    lines: tuple[str, ...]
    truncated: bool


@dataclass(frozen=True, slots=True)
class Hit:
    """A needle in a line: `line` counts from 0."""

    needle: str
    line: int


class Needles:
    """Finds any of many fixed strings in one pass; one that begins with a line end stands at the start of a line.

    Of a large text only what `rare` says is looked for, by ends of these strings that begin with as few different
    characters as can be: what the automaton costs is the number of ways out of its first state.
    """

    def __init__(self, words: Iterable[str], rare: Iterable[str] = ()) -> None:
        self._all = _automaton((word, word) for word in words)
        self._rare = _automaton((end, word) for word, end in _ends(sorted(word.strip("\n") for word in rare)).items())

    def offsets(self, text: str) -> Iterator[tuple[int, str]]:
        """Where in a large text rare needles end, and which."""
        found: Iterator[tuple[int, str]] = self._rare.iter(text)
        return found

    def hits(self, lines: tuple[str, ...]) -> Iterator[Hit]:
        """Needles in order of lines, each at most once a line."""
        text = "\n" + "\n".join(lines)
        starts = _starts(lines)
        last: dict[str, int] = {}
        for end, word in self._all.iter(text):
            line = bisect_right(starts, end) - 1
            if last.get(word) != line:
                last[word] = line
                yield Hit(word, line)


def _automaton(words: Iterable[tuple[str, str]]) -> ahocorasick.Automaton:
    automaton = ahocorasick.Automaton()
    for word, value in words:
        automaton.add_word(word, value)
    automaton.make_automaton()
    return automaton


def _ends(words: list[str]) -> dict[str, str]:
    """For each word an end of it, at least `_SHORTEST` long, such that few different characters begin them all."""
    ends = {word: [word[at:] for at in range(max(1, len(word) - _SHORTEST + 1))] for word in words}
    chosen: dict[str, str] = {}
    while len(chosen) < len(words):
        left = [word for word in words if word not in chosen]
        counts = Counter(start for word in left for start in {end[0] for end in ends[word]})
        best = max(sorted(counts), key=lambda start: counts[start] / _commonness(start))
        chosen |= {
            word: next(end for end in ends[word] if end[0] == best)
            for word in left
            if best in {e[0] for e in ends[word]}
        }
    return chosen


def _commonness(character: str) -> int:
    """How common a character is in logs, roughly."""
    return 12 if character == " " else 4 if character.islower() else 3 if character.isdigit() else 1


def read(output: bytes, needles: Needles) -> Text:
    """The lines of an output that are worth looking at."""
    truncated = len(output) > MAX_TEXT
    if truncated:
        output = _worth_reading(output, needles)
    text = output.decode("utf-8", "replace").replace("\r\n", "\n").replace("\r", "\n")
    for sign, prefix in _PREFIXES:
        if sign in text:
            text = prefix.sub("", text)
    if "\x1b" in text or "\x00" in text or "\x08" in text:
        text = _ESCAPES.sub("", text)
    return Text(tuple(line[:MAX_LINE] for line in text.split("\n")), truncated)


def _starts(lines: tuple[str, ...]) -> list[int]:
    starts, at = [], 1
    for line in lines:
        starts.append(at)
        at += len(line) + 1
    return starts


def _worth_reading(output: bytes, needles: Needles) -> bytes:
    size = len(output)
    windows = [(0, HEAD)]
    room = MAX_TEXT - HEAD - TAIL
    seen: Counter[str] = Counter()
    for at, word in _needle_offsets(output, needles):
        start, end = windows[-1]
        if at + AFTER // 2 <= end:
            continue
        seen[word] += 1
        if seen[word] > MAX_WINDOWS:
            continue
        begin = max(end, at - BEFORE)
        stop = min(at + AFTER, begin + room, size)
        room -= stop - begin
        windows[-1:] = [(start, stop)] if begin == end else [(start, end), (begin, stop)]
        if room <= 0:
            break
    windows.append((max(windows[-1][1], size - TAIL), size))
    return f"\n{CUT_MARK}\n".encode().join(output[start:end] for start, end in windows)


def _needle_offsets(output: bytes, needles: Needles) -> Iterator[tuple[int, str]]:
    for base in range(0, len(output), CHUNK - OVERLAP):
        for end, word in needles.offsets(output[base : base + CHUNK].decode("latin-1")):
            yield base + end, word
