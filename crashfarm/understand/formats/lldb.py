"""lldb: why it stopped, and the stack that it shows."""

import re

from crashfarm.documents.finding import Frame, Kind
from crashfarm.understand import frames, normalise
from crashfarm.understand.formats.sanitizers import wild
from crashfarm.understand.report import Format, Lines, Report

REACH = 200
"""Lines of one stack that are read."""

_STOPPED = re.compile(r"\* thread #(?P<thread>\d+).*?stop reason = (?P<reason>.+?)\s*$")
_SIGNAL = re.compile(r"signal (?P<signal>SIG\w+)")
_EXCEPTION = re.compile(r"EXC_(?P<name>BAD_ACCESS|BAD_INSTRUCTION|ARITHMETIC|BREAKPOINT|CRASH|GUARD|RESOURCE)\b")
_ADDRESS = re.compile(r"(?:address[=:] ?|fault address: )(?P<address>0x[0-9a-f]+)")
_ASSERTION = re.compile(r"hit program assert")
_FRAME = re.compile(
    r"^\s*(?:\* )?frame #\d+: 0x[0-9a-f]+ (?P<module>[^`\s]+)`(?P<function>.+?)(?P<inlined> \[inlined\] .+?)?"
    r"(?: at (?P<file>[^\s:]+):(?P<line>\d+)(?::\d+)?)?(?: \[opt\])?\s*$"
)
_OFFSET = re.compile(r" \+ \d+$")
_SIGNALS = {
    "BAD_ACCESS": "SIGSEGV",
    "BAD_INSTRUCTION": "SIGILL",
    "ARITHMETIC": "SIGFPE",
    "BREAKPOINT": "SIGTRAP",
    "CRASH": "SIGABRT",
    "GUARD": "SIGKILL",
    "RESOURCE": "SIGKILL",
}
_NOT_FATAL = ("SIGSTOP", "SIGINT", "SIGTERM", "SIGCHLD", "SIGCONT", "SIGPIPE", "SIGALRM", "SIGUSR1", "SIGUSR2")


def _stopped(lines: Lines, at: int) -> Report | None:
    matched = _STOPPED.search(lines[at])
    if not matched:
        return None
    signal = _signal(matched["reason"])
    if not signal or signal in _NOT_FATAL:
        return None
    end, found = _stack(lines, at + 1)
    address = next((told["address"] for told in [_ADDRESS.search(matched["reason"])] if told), "")
    return Report(
        kind=Kind.CRASH,
        title=wild(address, "") if signal == "SIGSEGV" and address else signal,
        format="lldb",
        start=at,
        end=end,
        message=normalise.message(matched["reason"]),
        stack=tuple(found),
        file=found[0].file if found else "",
        line=found[0].line if found else None,
        address=address,
        thread=matched["thread"],
        signal=signal,
    )


def _signal(reason: str) -> str:
    if told := _SIGNAL.search(reason):
        return told["signal"]
    if told := _EXCEPTION.search(reason):
        return _SIGNALS[told["name"]]
    return "SIGABRT" if _ASSERTION.search(reason) else ""


def _stack(lines: Lines, at: int) -> tuple[int, list[Frame]]:
    found: list[Frame] = []
    end = at
    for position in range(at, min(len(lines), at + REACH)):
        matched = _FRAME.match(lines[position])
        if matched:
            found.append(_frame(matched))
            end = position + 1
        elif found and (not lines[position].strip() or "thread #" in lines[position]):
            break
    return end, found


def _frame(matched: re.Match[str]) -> Frame:
    inlined = matched["inlined"]
    name = inlined.removeprefix(" [inlined] ") if inlined else matched["function"]
    made = frames.frame(
        _OFFSET.sub("", name),
        file=matched["file"] or "",
        line=int(matched["line"]) if matched["line"] else None,
        module=matched["module"],
    )
    return Frame(
        function=made.function, file=made.file, line=made.line, module=made.module, inlined=inlined is not None
    )


FORMATS = (Format(name="lldb", needles=("stop reason = ",), read=_stopped),)
