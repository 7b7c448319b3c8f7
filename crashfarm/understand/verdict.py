"""What exit code, signal and limits say before any line of output is read."""

import signal as signals
from dataclasses import dataclass

from crashfarm.documents.finding import Kind
from crashfarm.understand.report import Report

FATAL = ("SIGSEGV", "SIGABRT", "SIGBUS", "SIGFPE", "SIGILL", "SIGTRAP", "SIGSYS", "SIGSTKFLT")
"""Signals by which a program that went wrong ends."""
FROM_OUTSIDE = ("SIGTERM", "SIGINT", "SIGHUP", "SIGQUIT", "SIGPIPE", "SIGALRM", "SIGUSR1", "SIGUSR2")
"""Signals that somebody sent."""
_NTSTATUS = {
    0xC0000005: "SIGSEGV",
    0xC000001D: "SIGILL",
    0xC0000094: "SIGFPE",
    0xC00000FD: "SIGSEGV",
    0xC0000409: "SIGABRT",
    0xC0000374: "SIGABRT",
    0x80000003: "SIGTRAP",
}
_LIMITS = {
    "time": (Kind.HANG, "Hang", "ended after its time limit"),
    "memory": (Kind.OOM, "Out-of-memory", "ended at its memory limit"),
    "output": (Kind.HANG, "Output without end", "ended at its output limit"),
    "processes": (Kind.OOM, "Processes without end", "ended at its limit of processes"),
}


@dataclass(frozen=True, slots=True)
class Verdict:
    """How the process ended: `signal` names a fatal one, `bare` is the report for when the log explains nothing."""

    ended_well: bool
    known: bool
    signal: str = ""
    limit: str = ""
    bare: Report | None = None
    note: str = ""


def judge(*, exit_status: int | None, signal: int | None, timed_out: bool, killed_for: str) -> Verdict:
    """The verdict on how a process ended; a status above 128 is read as a shell means it."""
    limit = killed_for if killed_for in _LIMITS else "time" if timed_out or killed_for else ""
    if limit:
        return Verdict(False, True, limit=limit, bare=_limit_report(limit), note=_LIMITS[limit][2])
    name = _signal_name(exit_status, signal)
    if name in FATAL:
        return Verdict(False, True, signal=name, bare=_signal_report(name), note=f"ended by {name}")
    if name == "SIGKILL":
        return Verdict(False, True, bare=_killed_report(), note="ended by SIGKILL, and not by a limit of the farm")
    if name:
        return Verdict(False, True, note=f"ended by {name}, which somebody sent")
    if exit_status is None:
        return Verdict(False, False)
    return Verdict(exit_status == 0, True, note=f"ended with exit status {exit_status}")


def _signal_name(exit_status: int | None, signal: int | None) -> str:
    if signal:
        return _name(abs(signal))
    if exit_status is None:
        return ""
    if exit_status & 0xFFFFFFFF in _NTSTATUS:
        return _NTSTATUS[exit_status & 0xFFFFFFFF]
    number = -exit_status if exit_status < 0 else exit_status - 128
    return _name(number) if 0 < number <= 64 and _name(number) in (*FATAL, "SIGKILL", *FROM_OUTSIDE) else ""


def _name(number: int) -> str:
    try:
        return signals.Signals(number).name
    except ValueError:
        return f"signal {number}"


def _signal_report(name: str) -> Report:
    return Report(kind=Kind.CRASH, title=name, format="exit", start=0, end=0, message=name, signal=name)


def _killed_report() -> Report:
    return Report(
        kind=Kind.OOM,
        title="SIGKILL",
        format="exit",
        start=0,
        end=0,
        headline="SIGKILL",
        message="SIGKILL from outside the farm: most likely the system ran out of memory",
        signal="SIGKILL",
    )


def _limit_report(limit: str) -> Report:
    kind, title, text = _LIMITS[limit]
    return Report(kind=kind, title=title, format="exit", start=0, end=0, message=text)
