"""Several reports can tell of one event: an assertion's text, then the stack of the abort that it led to."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from crashfarm.documents.finding import Frame, Kind
from crashfarm.understand import severity
from crashfarm.understand.report import Report

REACH = 1200
"""Lines between a report that announces the end and the stack of that end."""

_ENDS = ("SIGABRT", "SIGTRAP", "SIGILL", "SIGBUS")
"""Signals by which programs end themselves."""
_OWN_ADDRESSES = ("0xbbadbeef", "0x0fbadbeef", "0xdeadbeef", "0xb", "0x1337", "0xe5e5e5e5", "0xfbadbeef", "0xabbadcaf")
"""Addresses that programs write to in order to end themselves."""


def join(reports: Iterable[Report]) -> tuple[Report, ...]:
    """The reports with those of one event made one, and those that only echo another left out."""
    events: list[Report] = []
    covered = False
    for report in reports:
        last = _last_that_tells(events)
        if report.retracts:
            events = events[:last]
            continue
        if last is not None and _same_event(events[last], report):
            events[last] = _joined(events[last], report)
        elif not (covered and not report.covers_rest and report.kind in (Kind.CRASH, Kind.HANG)):
            events.append(report)
        covered = covered or report.covers_rest
    told = [event for event in events if not event.weak]
    return tuple(told or events[:1])


def _last_that_tells(events: Sequence[Report]) -> int | None:
    return next((place for place in range(len(events) - 1, -1, -1) if not events[place].weak), None)


def _same_event(first: Report, second: Report) -> bool:
    if second.start - first.end > REACH:
        return False
    if second.renames:
        return True
    if second.weak:
        return bool(first.signal or first.announces) or first.kind in (Kind.CRASH, Kind.SANITIZER)
    if first.covers_rest and second.covers_rest:
        return second.title.startswith("Kernel failure") and second.start - first.end < 200
    if second.stack_only and first.format == second.format == "gdb":
        return True
    if first.announces and _ends_itself(second):
        return True
    return _echo(first, second)


def _ends_itself(report: Report) -> bool:
    """Whether this is how a program ends that decided to."""
    if report.stack_only or report.signal in _ENDS:
        return True
    near = severity.near_null(report.address) and report.access != "READ"
    return report.signal == "SIGSEGV" and (near or report.address in _OWN_ADDRESSES or _in_an_abort(report.stack))


def _in_an_abort(stack: Sequence[Frame]) -> bool:
    names = ("abort", "MOZ_Crash", "mozalloc_abort", "WTFCrash", "CrashOnPurpose", "raise", "rust_panic")
    return any(name in frame.function for frame in stack[:4] for name in names)


def _echo(first: Report, second: Report) -> bool:
    """A debugger or a handler tells of the signal that was told of before."""
    return (
        bool(first.signal)
        and first.signal == second.signal
        and first.kind in (Kind.CRASH, Kind.SANITIZER)
        and second.kind is Kind.CRASH
        and first.format != second.format
    )


def _joined(first: Report, second: Report) -> Report:
    """The words of the first, and a stack from whichever has the better one."""
    if second.renames:
        return replace(
            first, title=second.title, message=second.message, kind=second.kind, end=max(first.end, second.end)
        )
    if first.covers_rest and second.covers_rest:
        return replace(first, end=max(first.end, second.end), stack=first.stack or second.stack)
    better = second.stack if _named(second.stack) > _named(first.stack) and not _manages(first) else first.stack
    return replace(
        first,
        end=max(first.end, second.end),
        stack=better,
        signal=first.signal or second.signal,
        file=first.file or second.file,
        line=first.line if first.file else second.line,
        address=first.address or ("" if first.announces else second.address),
        thread=first.thread or second.thread,
    )


def _manages(report: Report) -> bool:
    """Whether a runtime gave the stack in its own language's terms, which a native stack does not better."""
    return bool(report.stack) and report.format.startswith(("Go", "Java", "Jazzer", "Python", "Android exception"))


def _named(stack: Sequence[Frame]) -> int:
    """Frames with a function, those with a file counted twice."""
    return sum(1 + bool(frame.file) for frame in stack if frame.function)
