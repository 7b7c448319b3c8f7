"""Rust: panics in one line (until 1.72) and in two (since 1.73), with or without a backtrace."""

import re
from dataclasses import replace

from crashfarm.documents.finding import Frame, Kind
from crashfarm.understand import names, normalise, stacks
from crashfarm.understand.report import Format, Lines, Report

MAX_LINES = 400

_ONE_LINE = re.compile(
    r"thread '(?P<thread>.*?)'(?: \(\d+\))? panicked at '(?P<text>.*?)"
    r"(?:', (?P<file>[^'\s]+?):(?P<line>\d+)(?::\d+)?)?$"
)
_TWO_LINES = re.compile(
    r"thread '(?P<thread>.*?)'(?: \(\d+\))? panicked at (?P<file>[^'\s]+?):(?P<line>\d+)(?::\d+)?:?$"
)
_TAIL = re.compile(r"^(?P<text>.*)', (?P<file>[^'\s]+?):(?P<line>\d+)(?::\d+)?$")
_FATAL = re.compile(
    r"(?:thread '(?P<thread>.*?)' has overflowed its stack|fatal runtime error: (?P<text>.*?)(?:, aborting)?$)"
)
_OVERFLOWED = re.compile(r"fatal runtime error: stack overflow")
_BACKTRACE = re.compile(r"stack backtrace:\s*$")
_FRAME = re.compile(r"^\s*(?P<number>\d+): +(?:0x[0-9a-f]+ - )?(?P<function>\S.*?)\s*$")
_PLACE = re.compile(r"^\s+at (?P<file>\S+?):(?P<line>\d+)(?::\d+)?\s*$")


def _panic(lines: Lines, at: int) -> Report | None:
    if matched := _TWO_LINES.search(lines[at]):
        text = lines[at + 1].strip() if at + 1 < len(lines) else ""
        return _made(lines, at, at + 2, matched, text, matched["file"], matched["line"])
    if matched := _ONE_LINE.search(lines[at]):
        if matched["file"]:
            return _made(lines, at, at + 1, matched, matched["text"], matched["file"], matched["line"])
        return _over_lines(lines, at, matched)
    return None


def _over_lines(lines: Lines, at: int, matched: re.Match[str]) -> Report:
    """A panic whose text has line ends in it: the first line tells what it is."""
    for position in range(at + 1, min(len(lines), at + 20)):
        if tail := _TAIL.match(lines[position]):
            return _made(lines, at, position + 1, matched, matched["text"], tail["file"], tail["line"])
    return _made(lines, at, at + 1, matched, matched["text"].removesuffix("'"), "", None)


def _made(lines: Lines, at: int, end: int, matched: re.Match[str], text: str, file: str, line: str | None) -> Report:
    stop, frames = _backtrace(lines, end)
    words = normalise.message(text) or "explicit panic"
    return Report(
        kind=Kind.ASSERTION,
        title="ASSERT",
        format="Rust",
        start=at,
        end=stop,
        message=words,
        headline=words,
        stack=frames,
        file=normalise.source_path(file),
        line=int(line) if line else None,
        thread=matched["thread"],
        announces=True,
        may_be_handled=True,
    )


def _backtrace(lines: Lines, at: int) -> tuple[int, tuple[Frame, ...]]:
    for position in range(at, min(len(lines), at + 6)):
        if _BACKTRACE.search(lines[position]):
            end, frames = _numbered(lines, position + 1)
            if frames:
                return end, frames
            stack = stacks.read(lines, position + 1, reach=40)
            return max(stack.end, at), stack.frames
    return at, ()


def _numbered(lines: Lines, at: int) -> tuple[int, tuple[Frame, ...]]:
    found: list[Frame] = []
    end, gap = at, 0
    for position in range(at, min(len(lines), at + MAX_LINES)):
        line = lines[position]
        if matched := _FRAME.match(line):
            found.append(Frame(function=names.plain(matched["function"])))
        elif found and (place := _PLACE.match(line)):
            found[-1] = _placed(found[-1], place)
        else:
            gap += 1
            if gap > 3 or (found and not line.strip()):
                break
            continue
        end, gap = position + 1, 0
    return end, tuple(found)


def _placed(frame: Frame, place: re.Match[str]) -> Frame:
    return Frame(function=frame.function, file=normalise.source_path(place["file"]), line=int(place["line"]))


def _fatal(lines: Lines, at: int) -> Report | None:
    matched = _FATAL.search(lines[at])
    if not matched:
        return None
    overflow = matched["text"] is None or "stack overflow" in matched["text"]
    report = Report(
        kind=Kind.CRASH,
        title="Stack-overflow" if overflow else "Fatal error",
        format="Rust",
        start=at,
        end=_behind_echo(lines, at),
        message="stack overflow" if overflow else normalise.message(matched["text"]),
        announces=True,
        thread=matched["thread"] or "",
    )
    return report if overflow else replace(report, headline=report.message)


def _behind_echo(lines: Lines, at: int) -> int:
    """The line behind a fatal error and behind what the runtime says of the same one right after it."""
    following = (position for position in (at + 1, at + 2) if position < len(lines))
    return next((position + 1 for position in following if _OVERFLOWED.search(lines[position])), at + 1)


FORMATS = (
    Format(name="Rust", needles=("panicked at ",), read=_panic, cost=10),
    Format(name="Rust fatal error", needles=("has overflowed its stack", "fatal runtime error: "), read=_fatal),
)
