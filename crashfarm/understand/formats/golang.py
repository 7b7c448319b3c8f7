"""Go: panics and fatal errors of its runtime, with the stack of the goroutine that ran."""

import re

from crashfarm.documents.finding import Frame, Kind
from crashfarm.understand import normalise
from crashfarm.understand.report import Format, Lines, Report

REACH = 16
"""Lines between a panic and the stack of its goroutine."""
MAX_FRAMES = 128

_PANIC = re.compile(r"^(?:.*?\s)?panic: (?P<text>.*)$")
_FATAL = re.compile(r"^(?:.*?\s)?fatal error: (?P<text>.*)$")
_NATIVE = re.compile(r"^(?P<signal>SIG[A-Z]+): (?P<text>.*)$")
_RUNTIME = re.compile(r"^(?:.*: )?runtime error: (?P<text>.*?)(?: \[recovered.*\])?$")
_GOROUTINE = re.compile(r"^\s*goroutine \d+(?: gp=\S+ m=\S+(?: mp=\S+)?)? \[(?P<state>[^\]]*)\]:?")
_NAME = re.compile(r"^[\w./~%@-]+\.[\w(]|^panic\(|^_cgo")
_PLACE = re.compile(r"^\s+(?P<file>\S+):(?P<line>\d+)(?: \+(?P<offset>0x[0-9a-f]+))?")
_SIGNAL = re.compile(r"^\[signal (?P<signal>SIG\w+|0x[0-9a-f]+)[^\]]*?addr=(?P<address>0x[0-9a-f]+)")
_RACING = re.compile(r"^(?P<access>Read|Write) at (?P<address>0x[0-9a-f]+) by (?:main )?goroutine")
_SHORTENED = (
    (re.compile(r"^(invalid memory address) or nil pointer dereference.*"), r"\1"),
    (re.compile(r"^((?:index|slice bounds) out of range).*"), r"\1"),
    (re.compile(r"^(hash of unhashable type).*"), r"\1"),
    (re.compile(r"^(comparing uncomparable type).*"), r"\1"),
    (re.compile(r"^(cannot convert slice).*"), r"\1"),
)
_MEMORY = re.compile(r"out of memory|cannot allocate memory")


def _panic(lines: Lines, at: int) -> Report | None:
    matched = _PANIC.match(lines[at]) or _FATAL.match(lines[at])
    if not matched:
        return None
    start = _goroutine(lines, at + 1)
    if start is None:
        return None
    end, frames = _stack(lines, start + 1)
    address = next((found["address"] for found in map(_SIGNAL.match, lines[at + 1 : start]) if found), "")
    return _made(lines, at, end, matched, tuple(frames), address)


def _native(lines: Lines, at: int) -> Report | None:
    """A signal in code that Go called."""
    matched = _NATIVE.match(lines[at])
    start = _goroutine(lines, at + 1) if matched else None
    if matched is None or start is None or not any(line.startswith("PC=") for line in lines[at:start]):
        return None
    end, frames = _stack(lines, start + 1)
    name = matched["signal"]
    return Report(
        kind=Kind.CRASH, title=name, format="Go", start=at, end=end, message=name, stack=tuple(frames), signal=name
    )


def _made(lines: Lines, at: int, end: int, matched: re.Match[str], frames: tuple[Frame, ...], address: str) -> Report:
    text = matched["text"].removesuffix(" [recovered]")
    kind, title, headline = _titled(text, fatal=matched.re is _FATAL)
    return Report(
        kind=kind,
        title=title,
        format="Go",
        start=at,
        end=end,
        message=normalise.message(text) or title,
        headline=headline,
        stack=frames,
        file=frames[0].file if frames else "",
        line=frames[0].line if frames else None,
        address=address,
        announces=True,
    )


def _titled(text: str, *, fatal: bool) -> tuple[Kind, str, str]:
    """Kind, title, and the words that are part of the signature."""
    if found := _RUNTIME.match(text):
        what = found["text"]
        for pattern, short in _SHORTENED:
            what = pattern.sub(short, what)
        return Kind.CRASH, what[:1].upper() + what[1:], ""
    if fatal and "stack overflow" in text:
        return Kind.CRASH, "Stack-overflow", ""
    if _MEMORY.search(text) and fatal:
        return Kind.OOM, "Out-of-memory", ""
    if fatal and "deadlock" in text:
        return Kind.HANG, "Deadlock", normalise.message(text)
    return Kind.ASSERTION, "Fatal error" if fatal else "ASSERT", normalise.message(text)


def _goroutine(lines: Lines, at: int) -> int | None:
    """The line of the running goroutine's header."""
    for position in range(at, min(len(lines), at + REACH)):
        if _GOROUTINE.match(lines[position]):
            return position
    return None


def _stack(lines: Lines, at: int) -> tuple[int, list[Frame]]:
    found: list[Frame] = []
    position = at
    while position < len(lines) and len(found) < MAX_FRAMES:
        function = _function(lines[position])
        place = _PLACE.match(lines[position + 1]) if position + 1 < len(lines) else None
        if not function or (place is None and not lines[position].rstrip().endswith(")")):
            break
        if not lines[position].startswith("created by"):
            found.append(_frame(function, place))
        position += 2 if place else 1
    return position, found


def _function(line: str) -> str:
    """The function of a call, without its arguments; empty for a line that is none."""
    text = line.rstrip().removeprefix("created by ").partition(" in goroutine ")[0]
    if not text or " runtime error:" in text or not _NAME.match(text):
        return ""
    if not text.endswith(")"):
        return text if line.startswith("created by") else ""
    depth = 0
    for position in range(len(text) - 1, -1, -1):
        depth += {")": 1, "(": -1}.get(text[position], 0)
        if depth == 0:
            return text[:position]
    return ""


def _frame(function: str, place: re.Match[str] | None) -> Frame:
    name = function.rpartition("/")[2] if "(" not in function else _last_package(function)
    if place is None:
        return Frame(function=name)
    return Frame(
        function=name, file=normalise.source_path(place["file"]), line=int(place["line"]), offset=place["offset"] or ""
    )


def _last_package(function: str) -> str:
    """`net/http.(*conn).serve` without the folders of its package."""
    head, bracket, rest = function.partition("(")
    return head.rpartition("/")[2] + bracket + rest


def _race(lines: Lines, at: int) -> Report | None:
    """What Go's race detector says: the first of the two accesses."""
    matched = _RACING.match(lines[at + 1].strip()) if at + 1 < len(lines) else None
    if matched is None:
        return None
    indented = tuple(line.removeprefix("  ") for line in lines[at + 2 : at + 2 + 2 * MAX_FRAMES])
    end, frames = _stack(indented, 0)
    access = matched["access"].upper()
    return Report(
        kind=Kind.SANITIZER,
        title=f"Data race {access}",
        format="Go race detector",
        start=at,
        end=at + 2 + end,
        message="Go race detector: data race",
        stack=tuple(frames),
        file=frames[0].file if frames else "",
        line=frames[0].line if frames else None,
        access=access,
        address=matched["address"],
    )


FORMATS = (
    Format(name="Go race detector", needles=("WARNING: DATA RACE",), read=_race),
    Format(name="Go", needles=("panic: ", "fatal error: "), read=_panic, cost=16),
    Format(name="Go signal", needles=("\nSIG",), read=_native, cost=16),
)
