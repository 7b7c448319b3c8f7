"""Several reports can tell of one event: an assertion's text, then the stack of the abort that it led to."""

from collections.abc import Iterable
from dataclasses import replace

from crashfarm.documents.finding import Kind
from crashfarm.understand.report import Report

REACH = 400
"""Lines between a report that announces the end and the stack of that end."""

_ABORTS = ("SIGABRT", "SIGTRAP", "SIGILL", "SIGSEGV", "SIGBUS")


def join(reports: Iterable[Report]) -> tuple[Report, ...]:
    """The reports with those of one event made one."""
    events: list[Report] = []
    for report in reports:
        if events and _same_event(events[-1], report):
            events[-1] = _joined(events[-1], report)
        else:
            events.append(report)
    told = [event for event in events if not event.weak]
    return tuple(told or events)


def _same_event(first: Report, second: Report) -> bool:
    if second.start - first.end > REACH:
        return False
    if second.weak:
        return bool(first.signal or first.announces) or first.kind in (Kind.CRASH, Kind.SANITIZER)
    return first.announces and second.signal in _ABORTS and second.kind in (Kind.CRASH, Kind.SANITIZER)


def _joined(first: Report, second: Report) -> Report:
    """The words of the first, and a stack from whichever has the better one."""
    stack = first.stack if len(first.stack) >= len(second.stack) else second.stack
    return replace(
        first,
        end=max(first.end, second.end),
        stack=stack,
        signal=first.signal or second.signal,
        file=first.file or second.file,
        line=first.line if first.file else second.line,
        address=first.address or second.address,
        thread=first.thread or second.thread,
    )
