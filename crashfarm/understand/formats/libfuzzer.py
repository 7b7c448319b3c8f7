"""What fuzzers and their wrappers say: libFuzzer, honggfuzz, AFL, and detectors of what a program must not do."""

import re

from crashfarm.documents.finding import Kind
from crashfarm.understand import normalise, stacks
from crashfarm.understand.report import Format, Lines, Report

_HEADER = re.compile(r"ERROR: libFuzzer: (?P<what>.+?)\s*$")
_STOP = re.compile(r"SUMMARY: |NOTE: libFuzzer|^MS: \d|artifact_prefix=|^stat::")
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
    Format(name="Centipede", needles=("timeout exceeded", "RSS limit exceeded", "seconds exceeded"), read=_centipede),
    Format(name="detector", needles=("===BUG DETECTED: ",), read=_detected),
)
