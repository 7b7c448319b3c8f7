"""Words in passing about a signal: what a shell prints when a command ends by one."""

import re

from crashfarm.documents.finding import Kind
from crashfarm.understand.report import Format, Lines, Report

_SHELL = re.compile(
    r"(?:^|[\s:])(Segmentation fault|Aborted|Bus error|Illegal instruction|Floating point exception"
    r"|Trace/breakpoint trap)"
    r"(?: \(core dumped\)|: \d+)?(?:\s{2,}\S.*)?\s*$"
)
_NAMES = {
    "Segmentation fault": "SIGSEGV",
    "Aborted": "SIGABRT",
    "Bus error": "SIGBUS",
    "Illegal instruction": "SIGILL",
    "Floating point exception": "SIGFPE",
    "Trace/breakpoint trap": "SIGTRAP",
}


def _shell(lines: Lines, at: int) -> Report | None:
    matched = _SHELL.search(lines[at])
    if not matched:
        return None
    name = _NAMES[matched[1]]
    return Report(
        kind=Kind.CRASH,
        title=name,
        format="shell",
        start=at,
        end=at + 1,
        message=name,
        signal=name,
        weak=True,
    )


FORMATS = (Format(name="shell", needles=tuple(_NAMES), read=_shell, cost=1, common=True),)
