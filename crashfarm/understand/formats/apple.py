"""Apple's crash reports, as text and as JSON (.ips)."""

import re

from crashfarm.documents.finding import Frame, Kind
from crashfarm.understand import frames, objects, stacks
from crashfarm.understand.report import Format, Lines, Report

REACH = 300
"""Lines from the exception's type to the crashed thread."""

_TYPE = re.compile(r"^Exception Type:\s+(?P<what>\w+)(?: \((?P<signal>SIG\w+)\))?")
_CODES = re.compile(r"^Exception (?:Codes|Subtype):.*? at (?P<address>0x[0-9a-f]+)")
_CRASHED = re.compile(r"^Thread (?P<number>\d+)(?: name:.*)? Crashed")
_ASSERTION = re.compile(r"^(?:Application Specific Information|abort\(\) called)")
_SIGNALS = {
    "EXC_BAD_ACCESS": "SIGSEGV",
    "EXC_CRASH": "SIGABRT",
    "EXC_BAD_INSTRUCTION": "SIGILL",
    "EXC_BREAKPOINT": "SIGTRAP",
    "EXC_ARITHMETIC": "SIGFPE",
}


def _text(lines: Lines, at: int) -> Report | None:
    matched = _TYPE.match(lines[at])
    if not matched:
        return None
    near = lines[at : at + REACH]
    address = next((found["address"] for found in map(_CODES.match, near) if found), "")
    crashed = next(((number, found["number"]) for number, found in enumerate(map(_CRASHED.match, near)) if found), None)
    stack = stacks.read(lines, at + crashed[0] + 1, reach=2) if crashed else stacks.Stack((), at + 1, at + 1)
    return _made(
        at,
        max(stack.end, at + 1),
        matched["what"],
        matched["signal"] or "",
        address,
        stack.frames,
        crashed[1] if crashed else "",
    )


def _made(at: int, end: int, what: str, signal: str, address: str, found: tuple[Frame, ...], thread: str) -> Report:
    name = signal or _SIGNALS.get(what, "SIGSEGV")
    return Report(
        kind=Kind.CRASH,
        title=name,
        format="Apple",
        start=at,
        end=end,
        message=name,
        stack=found,
        file=found[0].file if found else "",
        line=found[0].line if found else None,
        address=address,
        thread=thread,
        signal=name,
    )


def _json(lines: Lines, at: int) -> Report | None:
    """The second part of an .ips file; the first is one line of its own."""
    held = objects.read(lines, at)
    if held is None or not isinstance(held[0].get("exception"), dict):
        return None
    data, begin, end = held
    exception, images = data["exception"], data.get("usedImages", [])
    number = data.get("faultingThread", 0)
    thread = data.get("threads", [])[number]
    found = tuple(_ips_frame(one, images) for one in thread.get("frames", [])[: stacks.MAX_FRAMES])
    address = re.search(r"at (0x[0-9a-f]+)", str(exception.get("subtype", "")))
    what, signal = str(exception.get("type", "")), str(exception.get("signal", ""))
    return _made(begin, end, what, signal, address[1] if address else "", found, str(number))


def _ips_frame(one: dict[str, object], images: list[dict[str, object]]) -> Frame:
    index = one.get("imageIndex")
    module = str(images[index].get("name", "")) if isinstance(index, int) and index < len(images) else ""
    line = one.get("sourceLine")
    return frames.frame(
        str(one.get("symbol", "")),
        file=str(one.get("sourceFile", "")),
        line=line if isinstance(line, int) else None,
        module=module,
        offset=hex(one["imageOffset"]) if isinstance(one.get("imageOffset"), int) else "",  # type: ignore[arg-type]
    )


FORMATS = (
    Format(name="Apple", needles=("\nException Type:",), read=_text, cost=300),
    Format(name="Apple JSON", needles=('"faultingThread"',), read=_json, cost=5000),
)
