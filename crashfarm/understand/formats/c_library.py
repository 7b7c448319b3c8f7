"""What the C and C++ libraries say before they abort: assertions, heap checks, stack guards, uncaught exceptions."""

import re

from crashfarm.documents.finding import Kind
from crashfarm.understand import normalise
from crashfarm.understand.report import Format, Lines, Report

_ASSERTIONS = (
    # glibc: program: file.c:12: function: Assertion `expression' failed.
    re.compile(
        r"(?:^|[\s:])(?P<file>[^\s:]+):(?P<line>\d+): (?:(?P<function>.{0,400}?): )?"
        r"[Aa]ssertion [`'\"](?P<text>.*?)['\"]? failed\.?(?:$|\s)"
    ),
    # glibc of itself: Fatal glibc error: file.c:12 (function): assertion failed: expression
    re.compile(r"(?P<file>[^\s:]+):(?P<line>\d+) \((?P<function>[^)]*)\): assertion failed: (?P<text>.+)$"),
    # BSD, macOS: Assertion failed: (expression), function f, file f.c, line 12.
    # musl:       Assertion failed: expression (f.c: function: 12)
    re.compile(
        r"[Aa]ssertion failed: \(?(?P<text>.+?)\)?,? (?:function:? (?P<function>[^,]+), )?"
        r"\(?(?:file )?(?P<file>(?:[A-Za-z]:)?[^\s,:()]+)(?:, line |: (?:[\w~]+: )?)(?P<line>\d+)"
    ),
)
_HEAP = re.compile(
    r"((?:double free or corruption|free\(\): (?:invalid|double|corrupt|too many)|(?:malloc|calloc|realloc)\(\): "
    r"|malloc_consolidate\(\): |munmap_chunk\(\): |corrupted (?:size vs|double-linked|increasing)"
    r"|invalid fastbin).*)$"
)
_GUARD = re.compile(
    r"\*\*\* ((?:stack smashing|buffer overflow|invalid %N\$ use) detected) \*\*\*"
    r"|\*\*\* (%n in writable segments? detected) \*\*\*"
)
_TERMINATE = re.compile(
    r"terminate called after throwing an instance of '(?P<gnu>.+?)'"
    r"|terminating (?:due to|with) uncaught exception of type (?P<llvm>.+?)(?:: (?P<what>.*))?$"
    r"|terminat(?:e called|ing) without an active exception|terminate called recursively"
)
_PURE = re.compile(r"pure virtual (?:method|function) call(?:ed)?")


def _assertion(lines: Lines, at: int) -> Report | None:
    for pattern in _ASSERTIONS:
        if matched := pattern.search(lines[at]):
            return _asserted(at, matched)
    return None


def _asserted(at: int, matched: re.Match[str]) -> Report:
    text = normalise.expression(matched["text"])
    return Report(
        kind=Kind.ASSERTION,
        title="ASSERT",
        format="C assertion",
        start=at,
        end=at + 1,
        message=text,
        headline=text,
        file=normalise.source_path(matched["file"]),
        line=int(matched["line"]),
        announces=True,
    )


def _heap(lines: Lines, at: int) -> Report | None:
    matched = _HEAP.search(lines[at]) or _GUARD.search(lines[at])
    if not matched:
        return None
    text = normalise.message(next(part for part in matched.groups() if part).removesuffix(" ***"))
    return Report(
        kind=Kind.CRASH,
        title="Abrt",
        format="C library check",
        start=at,
        end=at + 1,
        message=text,
        headline=text,
        signal="SIGABRT",
        announces=True,
    )


def _terminate(lines: Lines, at: int) -> Report | None:
    if matched := _TERMINATE.search(lines[at]):
        name = matched["gnu"] or matched["llvm"] or ""
        end, what = _what(lines, at + 1)
        return _terminated(at, end, name, what or matched["what"] or "")
    return _terminated(at, at + 1, "", "pure virtual call") if _PURE.search(lines[at]) else None


def _what(lines: Lines, at: int) -> tuple[int, str]:
    """Line behind, and the text of, what an exception says of itself."""
    line = lines[at].strip() if at < len(lines) else ""
    return (at + 1, line.removeprefix("what():").strip()) if line.startswith("what():") else (at, "")


def _terminated(at: int, end: int, name: str, what: str) -> Report:
    headline = normalise.message(name or what or "terminate without an exception")
    return Report(
        kind=Kind.EXCEPTION if name else Kind.CRASH,
        title="Abrt",
        format="C++ terminate",
        start=at,
        end=end,
        message=normalise.message(f"{name}: {what}") if name and what else headline,
        signal="SIGABRT",
        announces=True,
    )


FORMATS = (
    Format(
        name="C assertion",
        needles=("ssertion `", "ssertion '", "ssertion failed: ", 'ssertion "'),
        read=_assertion,
        cost=1,
    ),
    Format(
        name="C library check",
        needles=(
            "free or corruption",
            "free(): ",
            "alloc(): ",
            "consolidate(): ",
            "munmap_chunk(): ",
            "corrupted size",
            "corrupted double",
            "corrupted increasing",
            "smashing detected",
            "overflow detected ***",
            "use detected ***",
            "invalid fastbin",
            "in writable segment",
        ),
        read=_heap,
        cost=1,
    ),
    Format(
        name="C++ terminate",
        needles=("terminate called", "terminating due to", "terminating with", "terminating without", "pure virtual "),
        read=_terminate,
        cost=1,
    ),
)
