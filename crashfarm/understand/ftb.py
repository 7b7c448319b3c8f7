"""FuzzManager's FTB, asked about logs in which no reader of ours sees anything; guarded, for it raises on some."""

from collections.abc import Iterator

from FTB.ProgramConfiguration import ProgramConfiguration
from FTB.Signatures import CrashInfo as crash_info_module
from FTB.Signatures.CrashInfo import CrashInfo

from crashfarm.documents.finding import Frame, Kind
from crashfarm.understand import normalise
from crashfarm.understand.report import Lines, Report
from crashfarm.understand.verdict import Verdict

MAX_LINES = 20000
"""Lines of a log that are shown to it."""

_CONFIGURATION = ProgramConfiguration("program", "x86-64", "linux")


# It prints what it cannot reckon; a library has no business with the output of its program.
vars(crash_info_module)["print"] = lambda *_words, **_options: None


def reports(lines: Lines, end: Verdict) -> Iterator[Report]:
    """What it makes of a log, unless the program ended well."""
    if end.ended_well:
        return
    info = crash_info(lines)
    if info is None or not info.backtrace:
        return
    address = f"0x{info.crashAddress:x}" if info.crashAddress is not None else ""
    title = _title(info)
    yield Report(
        kind=Kind.CRASH,
        title=title,
        format=f"FTB {type(info).__name__}",
        start=0,
        end=len(lines),
        message=normalise.message(title),
        address=address,
        stack=tuple(Frame(function=str(function)) for function in info.backtrace),
        signal="SIGSEGV",
    )


def crash_info(lines: Lines) -> CrashInfo | None:
    """FTB's own view of a log, or None where it has none or raises."""
    try:
        shown = list(lines[:MAX_LINES])
        return CrashInfo.fromRawCrashData([], shown, _CONFIGURATION)
    except Exception:
        return None


def _title(info: CrashInfo) -> str:
    try:
        return str(info.createShortSignature())[:200] or "Crash"
    except Exception:
        return "Crash"
