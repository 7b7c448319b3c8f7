"""Fatal signals as native handlers tell of them: Android's tombstones, Chromium's and V8's handlers."""

import re
from dataclasses import replace

from crashfarm.documents.finding import Frame, Kind
from crashfarm.understand import stacks
from crashfarm.understand.formats import checks
from crashfarm.understand.formats.sanitizers import wild
from crashfarm.understand.report import Format, Lines, Report

_FATAL = re.compile(
    r"[Ff]atal signal (?P<number>\d+) \((?P<name>SIG\w+)\), code -?\d+(?: \((?P<code>\w+)[^)]*\))?"
    r"(?:, fault addr (?P<address>0x[0-9a-f]+|-+))? in tid \d+ \((?P<thread>[^)]*)\)"
)
_OLD_FATAL = re.compile(
    r"[Ff]atal signal (?P<number>\d+) \((?P<name>SIG\w+)\) at (?P<address>0x[0-9a-f]+)"
    r" \(code=-?\d+\), thread \d+ \((?P<thread>[^)]*)\)"
)
_TOMBSTONE = re.compile(
    r"signal (?P<number>\d+) \((?P<name>SIG\w+)\), code -?\d+ \((?P<code>\w+)[^)]*\)"
    r"(?:, fault addr (?P<address>(?:0x)?[0-9a-f]+|-+))?"
)
_PROCESS = re.compile(r"pid: \d+, tid: \d+, name: (?P<thread>.*?)\s+>>> (?P<process>.*?) <<<")
_CHROMIUM = re.compile(
    r"Received signal (?P<number>\d+)(?: (?P<code>[A-Z]+_[A-Z]+|<unknown>))?(?: (?P<address>[0-9a-f]+))?\s*$"
)
_GLOG = re.compile(r"^\*\*\* (?P<name>SIG[A-Z]+) (?:\(@(?P<address>0x[0-9a-f]+)\) )?received (?:by PID|at time)")
_CFI = re.compile(r"CFI: Most likely a control flow integrity violation")
_STOP = re.compile(r"\[end of stack trace\]|Tombstone written|^-{6,}|memory near|^stack:$")
_TITLES = {6: "Abrt", 4: "Ill", 7: "Bus", 8: "Floating-point-exception", 5: "Trap", 31: "Bad system call"}
_NAMES = {4: "SIGILL", 5: "SIGTRAP", 6: "SIGABRT", 7: "SIGBUS", 8: "SIGFPE", 11: "SIGSEGV", 31: "SIGSYS"}
REACH = 60
"""Lines between the first word of a signal and its tombstone."""


def _android(lines: Lines, at: int) -> Report | None:
    matched = _FATAL.search(lines[at]) or _OLD_FATAL.search(lines[at]) or _TOMBSTONE.search(lines[at])
    if not matched:
        return None
    number = int(matched["number"])
    stone = _tombstone(lines, at)
    process = next((found for found in map(_PROCESS.search, lines[max(0, at - 8) : stone + 8]) if found), None)
    stack = stacks.read(lines, stone + 1, reach=REACH, stop=_STOP)
    report = _signal(at, max(stack.end, stone + 1), number, _address(matched["address"] or ""), stack)
    if said := _abort_message(lines, stone):
        report = replace(said, start=at, end=report.end, stack=stack.frames)
    thread = process["thread"] if process else matched.groupdict().get("thread") or ""
    if not stack.frames and process and not report.headline:
        report = replace(report, stack=(Frame(function=_program(process["process"])),))
    return replace(report, thread=thread)


def _tombstone(lines: Lines, at: int) -> int:
    """The line of the tombstone that the first words announce."""
    if _TOMBSTONE.search(lines[at]) and not _FATAL.search(lines[at]):
        return at
    for position in range(at + 1, min(len(lines), at + REACH)):
        if _TOMBSTONE.search(lines[position]) and not _FATAL.search(lines[position]):
            return position
    return at


def _abort_message(lines: Lines, stone: int) -> Report | None:
    """The check that a tombstone quotes as the reason of an abort."""
    for position in range(stone, min(len(lines), stone + 8)):
        if lines[position].lstrip().startswith("Abort message: "):
            return checks.words(lines, position)
    return None


def _program(path: str) -> str:
    name = path.rpartition("/")[2]
    return name[:1].upper() + name[1:]


def _address(text: str) -> str:
    return "" if not text or text.startswith("-") else f"0x{text.removeprefix('0x')}"


def _chromium(lines: Lines, at: int) -> Report | None:
    matched = _CHROMIUM.search(lines[at])
    if not matched:
        return None
    stack = stacks.read(lines, at + 1, reach=8, stop=_STOP)
    report = _signal(at, max(stack.end, at + 1), int(matched["number"]), _address(matched["address"] or ""), stack)
    if any(_CFI.search(line) for line in lines[at : at + 3]):
        return replace(
            report, kind=Kind.SANITIZER, title="Bad-cast", message="control flow integrity violation", address=""
        )
    return report


def _glog(lines: Lines, at: int) -> Report | None:
    matched = _GLOG.search(lines[at])
    number = next((number for number, name in _NAMES.items() if matched and name == matched["name"]), None)
    if matched is None or number is None:
        return None
    stack = stacks.read(lines, at + 1, reach=8, stop=_STOP)
    return _signal(at, max(stack.end, at + 1), number, matched["address"] or "", stack)


def _signal(at: int, end: int, number: int, address: str, stack: stacks.Stack) -> Report:
    name = _NAMES.get(number, f"signal {number}")
    title = _TITLES.get(number) or wild(address, "")
    return Report(
        kind=Kind.CRASH,
        title=title,
        format="signal handler",
        start=at,
        end=end,
        message=name if number != 11 else title,
        stack=stack.frames,
        address=address,
        signal=name,
    )


FORMATS = (
    Format(name="Android", needles=("atal signal ", "), code "), read=_android),
    Format(name="signal handler", needles=("Received signal ",), read=_chromium),
    Format(name="glog's signal handler", needles=("\n*** SIG",), read=_glog),
)
