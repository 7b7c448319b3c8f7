"""Minidumps as minidump-stackwalk tells of them: text for people, text with bars, rust-minidump's JSON; CASR's JSON."""

import re
from collections.abc import Mapping
from typing import Any

import msgspec

from crashfarm.documents.finding import Frame, Kind
from crashfarm.understand import frames, normalise, objects
from crashfarm.understand.report import Format, Lines, Report

MAX_FRAMES = 256
MAX_LINES = 3000

_REASON = re.compile(r"^Crash reason:\s+(?P<what>\S.*?)\s*$")
_ADDRESS = re.compile(r"^Crash address:\s+(?P<address>0x[0-9a-f]+)")
_ASSERTION = re.compile(r"^Assertion:\s+(?P<text>\S.*?)\s*$")
_CRASHED = re.compile(r"^Thread (?P<number>\d+)\s*(?P<name>\S.*?)?\s*\(crashed\)")
_FRAME = re.compile(
    r"^\s*\d+\s+(?P<module>[^\s!]+?)(?:!(?P<function>.+?))?"
    r"(?: \[(?P<file>[^\]]+?) : (?P<line>\d+)(?: \+ (?P<offset>0x[0-9a-f]+))?\]"
    r"| \+ (?P<offset2>0x[0-9a-f]+))?\s*$"
)
_BARS = re.compile(r"^Crash\|(?P<what>[^|]*)\|(?P<address>0x[0-9a-f]+)?\|(?P<thread>\d*)")
_NAMES = (
    (re.compile(r"SIGSEGV|EXCEPTION_ACCESS_VIOLATION|EXC_BAD_ACCESS"), "SIGSEGV"),
    (re.compile(r"SIGABRT|EXC_CRASH"), "SIGABRT"),
    (re.compile(r"SIGBUS"), "SIGBUS"),
    (re.compile(r"SIGILL|EXCEPTION_ILLEGAL|EXC_BAD_INSTRUCTION"), "SIGILL"),
    (re.compile(r"SIGFPE|EXCEPTION_(?:INT|FLT)_|EXC_ARITHMETIC"), "SIGFPE"),
    (re.compile(r"SIGTRAP|EXCEPTION_BREAKPOINT|EXC_BREAKPOINT"), "SIGTRAP"),
)


def _text(lines: Lines, at: int) -> Report | None:
    matched = _REASON.match(lines[at])
    if not matched:
        return None
    near = lines[at : at + MAX_LINES]
    address = next((found["address"] for found in map(_ADDRESS.match, near[:6]) if found), "")
    crashed = next(((number, found) for number, found in enumerate(map(_CRASHED.match, near)) if found), None)
    if crashed is None:
        return _made(at, at + 1, matched["what"], address, (), "")
    end, found = _walk(lines, at + crashed[0] + 1)
    return _made(at, end, matched["what"], address, found, crashed[1]["name"] or crashed[1]["number"])


def _walk(lines: Lines, at: int) -> tuple[int, tuple[Frame, ...]]:
    found: list[Frame] = []
    end = at
    for position in range(at, min(len(lines), at + MAX_LINES)):
        line = lines[position]
        if not line.strip() or line.startswith("Thread "):
            break
        if matched := _FRAME.match(line):
            found.append(_frame(matched.groupdict()))
            end = position + 1
    return end, tuple(found[:MAX_FRAMES])


def _frame(parts: Mapping[str, str | None]) -> Frame:
    line = parts.get("line")
    return frames.frame(
        parts.get("function") or "",
        file=_unversioned(parts.get("file") or ""),
        line=int(line) if line else None,
        module=parts.get("module") or "",
        offset=parts.get("module_offset") or parts.get("offset2") or parts.get("offset") or "",
    )


def _unversioned(file: str) -> str:
    """A source file that is named with its place in version control: kind:server:file:revision."""
    parts = file.split(":")
    return parts[2] if len(parts) == 4 and "/" in parts[2] else file


def _bars(lines: Lines, at: int) -> Report | None:
    matched = _BARS.match(lines[at])
    if not matched:
        return None
    rows = [line.split("|") for line in lines[at + 1 : at + MAX_LINES]]
    mine = [row for row in rows if len(row) >= 7 and row[0] == (matched["thread"] or "0")][:MAX_FRAMES]
    found = tuple(
        _frame(
            {
                "module": row[2],
                "function": row[3],
                "file": row[4],
                "line": row[5] if row[5].isdigit() else "",
                "offset": row[6],
            }
        )
        for row in mine
    )
    width = sum(1 for _ in range(at + 1, min(len(lines), at + MAX_LINES)) if lines[_].count("|") >= 6)
    return _made(at, at + 1 + width, matched["what"], matched["address"] or "", found, matched["thread"])


def _made(at: int, end: int, what: str, address: str, found: tuple[Frame, ...], thread: str) -> Report:
    name = next((name for pattern, name in _NAMES if pattern.search(what)), "")
    access = next(
        (word for word in ("READ", "WRITE") if word in what.upper().split("_") or f"/ {word}" in what.upper()), ""
    )
    told = next((frame for frame in found if frame.file), Frame())
    return Report(
        kind=Kind.CRASH,
        title=name or normalise.message(what) or "Crash",
        format="minidump",
        start=at,
        end=end,
        message=name or normalise.message(what) or "crash",
        stack=found,
        address=address,
        access=access,
        thread=thread,
        file=told.file,
        line=told.line,
        signal=name or "SIGSEGV",
    )


def _rust_json(lines: Lines, at: int) -> Report | None:
    held = objects.read(lines, at)
    if held is None or not isinstance(held[0].get("crash_info"), dict):
        return None
    data, begin, end = held
    crash = data["crash_info"]
    thread = data.get("crashing_thread")
    if not isinstance(thread, dict):
        thread = data.get("threads", [{}])[crash.get("crashing_thread") or 0]
    found = tuple(frame for one in thread.get("frames", [])[:MAX_FRAMES] for frame in _json_frames(one))
    return _made(
        begin,
        end,
        str(crash.get("type") or ""),
        str(crash.get("address") or ""),
        found,
        str(thread.get("thread_name") or crash.get("crashing_thread") or ""),
    )


def _json_frames(one: Mapping[str, Any]) -> list[Frame]:
    """A frame and before it those that were inlined in it."""
    outer = _frame(
        {
            key: str(one[key])
            for key in ("module", "function", "file", "line", "module_offset", "offset")
            if one.get(key)
        }
    )
    inner = [
        msgspec.structs.replace(
            _frame({key: str(each[key]) for key in ("function", "file", "line") if each.get(key)}), inlined=True
        )
        for each in one.get("inlines") or []
    ]
    return [*inner, outer]


def _casr(lines: Lines, at: int) -> Report | None:
    held = objects.read(lines, at)
    if held is None or "CrashSeverity" not in held[0]:
        return None
    data, begin, end = held
    rating = data["CrashSeverity"]
    found = tuple(frame for frame in map(frames.parse, data.get("Stacktrace", [])[:MAX_FRAMES]) if frame)
    place = re.match(r"^(?P<file>.+?):(?P<line>\d+)", str(data.get("CrashLine") or ""))
    title = str(rating.get("ShortDescription") or "Crash")
    return Report(
        kind=_casr_kind(title, data),
        title=title,
        format="CASR",
        start=begin,
        end=end,
        message=normalise.message(str(rating.get("Description") or title)),
        stack=found,
        file=normalise.source_path(place["file"]) if place else "",
        line=int(place["line"]) if place else None,
        signal="SIGSEGV" if not data.get("AsanReport") else "",
    )


def _casr_kind(title: str, data: Mapping[str, Any]) -> Kind:
    if data.get("AsanReport") or data.get("UbsanReport"):
        return Kind.SANITIZER
    if any(data.get(name) for name in ("PythonReport", "JavaReport", "JsReport", "GoReport")) or "Exception" in title:
        return Kind.EXCEPTION
    return Kind.ASSERTION if data.get("RustReport") or ("Abort" in title and data.get("AssertReport")) else Kind.CRASH


FORMATS = (
    Format(name="minidump", needles=("\nCrash reason:",), read=_text, cost=3000),
    Format(name="minidump bars", needles=("\nCrash|",), read=_bars, cost=3000),
    Format(name="minidump JSON", needles=('"crash_info"',), read=_rust_json, cost=5000),
    Format(name="CASR", needles=('"CrashSeverity"',), read=_casr, cost=5000),
)
