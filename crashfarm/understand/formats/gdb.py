"""gdb: what it says of a signal, and the back trace that follows."""

import re
from dataclasses import replace

from crashfarm.documents.finding import Kind
from crashfarm.understand import ftb, severity, stacks
from crashfarm.understand.report import Format, Lines, Report

REACH = 120
"""Lines behind a back trace in which registers are looked for."""

_SIGNAL = re.compile(r"(?:received|terminated with) signal (?P<name>SIG\w+)")
_BACKTRACE = re.compile(r"^\s*#0  \S")
_REGISTER = re.compile(r"^\s*(?:[re]ip|pc)\s+0x[0-9a-f]+")
_SIGINFO = re.compile(r"si_addr = (0x[0-9a-f]+)")
_THREAD = re.compile(r'^Thread (\d+(?:\.\d+)?) "([^"]*)" (?:received|hit)|^\[Current thread is (\d+)')
_STOP = re.compile(r"^\((?:gdb|More stack)|^Thread \d+ \(")
_NEXT = re.compile(r"^Thread \d+ \(")


def _signal(lines: Lines, at: int) -> Report | None:
    matched = _SIGNAL.search(lines[at])
    if not matched or (matched["name"] in ("SIGTRAP", "SIGINT", "SIGSTOP") and not _has_stack(lines, at)):
        return None
    return _made(lines, at, matched["name"])


def _has_stack(lines: Lines, at: int) -> bool:
    return any(_BACKTRACE.match(line) for line in lines[at + 1 : at + 12])


def _bare(lines: Lines, at: int) -> Report | None:
    """A back trace without a word of what happened."""
    if not _BACKTRACE.match(lines[at]):
        return None
    report = _made(lines, at, "")
    return replace(report, stack_only=True) if report else None


def _made(lines: Lines, at: int, name: str) -> Report | None:
    stack = stacks.read(lines, at if not name else at + 1, stop=_NEXT)
    end = max(stack.end, at + 1)
    address, access = _address(lines, at, end)
    if not name and not stack.frames:
        return None
    title = name or (f"{'Null-dereference' if severity.near_null(address) else 'UNKNOWN'} {access}".rstrip())
    return Report(
        kind=Kind.CRASH,
        title=title,
        format="gdb",
        start=at,
        end=end,
        message=title,
        stack=stack.frames,
        file=stack.frames[0].file if stack.frames else "",
        line=stack.frames[0].line if stack.frames else None,
        address=address,
        access=access if name in ("", "SIGSEGV", "SIGBUS") else "",
        thread=next(
            (found[2] or found[1] or found[3] for found in map(_THREAD.match, lines[at : at + 1]) if found), ""
        ),
        signal=name or "SIGSEGV",
    )


def _address(lines: Lines, at: int, end: int) -> tuple[str, str]:
    """Address and access: gdb's own account, else what FTB reckons from instruction and registers."""
    near = lines[at : end + REACH]
    if found := next((found for found in map(_SIGINFO.search, near) if found), None):
        return found[1], ""
    if not any(_REGISTER.match(line) for line in near):
        return "", ""
    info = ftb.crash_info(near)
    if info is None or info.crashAddress is None:
        return "", ""
    return f"0x{info.crashAddress & 0xFFFFFFFFFFFFFFFF:x}", _access(near)


def _access(near: Lines) -> str:
    """Whether the instruction at the program counter writes: AT&T syntax names the target last."""
    for line in near:
        if (line.startswith("=> ") and "\t" in line) or (line.startswith("=> ") and ":" in line):
            operands = line.rpartition(":")[2].strip()
            return (
                "WRITE" if operands.endswith(")") and operands.startswith("mov") else "READ" if "(" in operands else ""
            )
    return ""


FORMATS = (
    Format(name="gdb", needles=(" signal SIG",), read=_signal),
    Format(name="gdb back trace", needles=("\n#0  ",), read=_bare),
)
