"""What fuzzers and their wrappers say: libFuzzer, honggfuzz, AFL, and detectors of what a program must not do."""

import re
import signal as signals

from crashfarm.documents.finding import Kind
from crashfarm.understand import frames, normalise, stacks
from crashfarm.understand.report import Format, Lines, Report

_HEADER = re.compile(r"ERROR: libFuzzer: (?P<what>.+?)\s*$")
_STOP = re.compile(r"SUMMARY: |NOTE: libFuzzer|^MS: \d|artifact_prefix=|^stat::")
_HONGGFUZZ = re.compile(r"^SIGNAL ?: (?P<signal>SIG[A-Z]+) \(\d+\)")
_HONGGFUZZ_ADDRESS = re.compile(r"^FAULT ADDRESS ?: (?P<address>0x[0-9a-f]+)")
_HONGGFUZZ_FRAME = re.compile(
    r"^\s*<0x[0-9a-f]+> \[(?P<function>[^\]]*?)(?:\(\))?(?::(?P<line>\d+))?(?: at (?P<file>[^\]]+))?\]"
)
_HONGGFUZZ_PARTS = re.compile(
    r"^\s*<0x[0-9a-f]+> \[func:(?P<function>.*?) file:(?P<file>.*?) line:(?P<line>\d+) module:.*?\]"
)
_AFL = re.compile(r"[Pp]rogram (?:was )?(?:killed|crashed|terminated) (?:by|with) signal (?P<number>\d{1,2})\b")
_DETECTED = re.compile(r"===BUG DETECTED: (?P<what>.+?)===")
_CENTIPEDE = re.compile(
    r"=+ (?:(?P<slow>(?:Per-\w+ timeout|Timeout of|Per-batch|Per-input timeout).*)|RSS limit) exceeded.*"
)
_DETECTED_AS = {"arbitrary domain name resolution": "Arbitrary DNS resolution"}
_KINDS = (
    (re.compile(r"^timeout"), Kind.HANG, "Timeout", ""),
    (re.compile(r"^out-of-memory"), Kind.OOM, "Out-of-memory", ""),
    (re.compile(r"^deadly signal"), Kind.CRASH, "Fatal-signal", "SIGABRT"),
    (re.compile(r"^fuzz target exited"), Kind.CRASH, "Unexpected-exit", ""),
    (re.compile(r"^fuzz target overwrites its const input"), Kind.SANITIZER, "Overwrites-const-input", ""),
    (re.compile(r"^not enough memory"), Kind.OOM, "Out-of-memory", ""),
)


def _error(lines: Lines, at: int) -> Report | None:
    matched = _HEADER.search(lines[at])
    if not matched:
        return None
    what = matched["what"]
    kind, title, signal = next(
        ((kind, title, signal) for pattern, kind, title, signal in _KINDS if pattern.search(what)),
        (Kind.CRASH, normalise.message(what).capitalize(), ""),
    )
    stack = stacks.read(lines, at + 1, stop=_STOP)
    return Report(
        kind=kind,
        title=title,
        format="libFuzzer",
        start=at,
        end=max(stack.end, at + 1),
        message=normalise.message(f"libFuzzer: {what}"),
        stack=stack.frames,
        signal=signal,
        stack_only=title in ("Fatal-signal", "Unexpected-exit"),
    )


def _detected(lines: Lines, at: int) -> Report | None:
    matched = _DETECTED.search(lines[at])
    if not matched:
        return None
    what = matched["what"].strip()
    title = _DETECTED_AS.get(what.lower(), what)
    return Report(
        kind=Kind.SANITIZER, title=title, format="detector", start=at, end=at + 1, message=title, announces=True
    )


def _honggfuzz(lines: Lines, at: int) -> Report | None:
    """The report that honggfuzz keeps of a crash."""
    matched = _HONGGFUZZ.match(lines[at])
    if not matched:
        return None
    near = lines[at : at + 200]
    address = next((found["address"] for found in map(_HONGGFUZZ_ADDRESS.match, near) if found), "")
    rows = [(number, found) for number, line in enumerate(near) if (found := _honggfuzz_frame(line))]
    stack = tuple(
        frames.frame(
            row["function"].removeprefix("UNKNOWN"),
            file=row["file"] or "",
            line=int(row["line"]) if row["line"] else None,
        )
        for _, row in rows
    )
    end = rows[-1][0] if rows else 0
    name = matched["signal"]
    return Report(
        kind=Kind.CRASH,
        title=name,
        format="honggfuzz",
        start=at,
        end=at + end + 1,
        message=name,
        stack=stack,
        address=address,
        signal=name,
    )


def _honggfuzz_frame(line: str) -> re.Match[str] | None:
    return _HONGGFUZZ_PARTS.match(line) or _HONGGFUZZ_FRAME.match(line)


def _afl(lines: Lines, at: int) -> Report | None:
    """What AFL's tools say of the program that they ran."""
    matched = _AFL.search(lines[at])
    if not matched:
        return None
    try:
        name = signals.Signals(int(matched["number"])).name
    except ValueError:
        return None
    return Report(kind=Kind.CRASH, title=name, format="AFL", start=at, end=at + 1, message=name, signal=name, weak=True)


def _centipede(lines: Lines, at: int) -> Report | None:
    matched = _CENTIPEDE.search(lines[at])
    if not matched:
        return None
    slow = matched["slow"] is not None
    return Report(
        kind=Kind.HANG if slow else Kind.OOM,
        title="Timeout" if slow else "Out-of-memory",
        format="Centipede",
        start=at,
        end=at + 1,
        message=normalise.message(matched[0].lstrip("= ")),
    )


FORMATS = (
    Format(name="libFuzzer", needles=("ERROR: libFuzzer: ",), read=_error),
    Format(name="honggfuzz", needles=("\nSIGNAL: SIG", "\nSIGNAL : SIG"), read=_honggfuzz, cost=200),
    Format(
        name="AFL", needles=("killed by signal ", "crashed with signal ", "terminated by signal "), read=_afl, cost=1
    ),
    Format(
        name="Centipede",
        needles=("timeout exceeded", "RSS limit exceeded", "seconds exceeded"),
        read=_centipede,
        cost=1,
    ),
    Format(name="detector", needles=("===BUG DETECTED: ",), read=_detected, cost=1),
)
