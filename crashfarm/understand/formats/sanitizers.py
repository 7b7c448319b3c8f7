"""Sanitizers in user space: address, hardware address, memory, thread, leak, and what they say of fatal signals."""

import re

from crashfarm.documents.finding import Frame, Kind
from crashfarm.understand import normalise, severity, stacks
from crashfarm.understand.report import Format, Lines, Report

_HEADER = re.compile(
    r"(?:ERROR|WARNING): (?P<tool>(?:Address|HWAddress|Memory|Thread|Leak|UndefinedBehavior|RealtimeS?"
    r"|Type|DataFlow|Numerical"
    r"Stability)Sanitizer)(?:: (?P<what>.+?)| (?P<failed>failed to allocate .*))\s*$"
)
_ADDRESS = re.compile(
    r"(?:on (?:unknown )?address|address(?:es)?:?|malloc\(\)-ed:|double-free on|free on) (0x[0-9a-fA-F]+)"
)
_ACCESS = re.compile(
    r"\b(READ|WRITE|ACCESS|Read|Write|Atomic read|Atomic write) of size (\d+|\{\*\})"
    r"(?: at (0x[0-9a-fA-F]+))?(?:.*? thread (T\d+))?"
)
_CAUSED = re.compile(r"The signal is caused by a (READ|WRITE)")
_THREAD = re.compile(r"\b(T\d+)\)\s*$|\bthread (T\d+)\b")
_CHECK = re.compile(r"(\w+Sanitizer):? CHECK failed: (\S+?):(\d+) (.*?)(?: \([^()]*\)(?: \(.*\))?)?\s*$")
_STOP = re.compile(
    r"(?:previously allocated|freed|allocated) by thread|can not (?:provide|describe)|^\s*(?:0x[0-9a-f]+"
    r"|Address 0x\S+|\[0x\S+\)) is "
    r"|SUMMARY: |Thread T\d+ .*created by|Uninitialized value was|^Shadow (?:bytes|memory)|HINT: "
    r"|^(?:Direct|Indirect) leak of"
    r"|created by thread|^\s+Previous |^\s+Mutex M\d+|^\s+As if synchronized|^=====.*diff|Unsymbolized Stacktrace"
)
_STOP_LOCKS = re.compile(r"SUMMARY: |^\s+Mutex M\d+ previously acquired|Hint: ")
"""Where the first stack of a lock order ends: it is the one of a mutex."""
_LEAK = re.compile(r"^\s*(Direct|Indirect) leak of (\d+) byte\(s\) in (\d+) object\(s\) allocated from:")

_SIGNALS = {
    "ABRT": ("Abrt", "SIGABRT"),
    "ILL": ("Ill", "SIGILL"),
    "illegal-instruction": ("Ill", "SIGILL"),
    "BUS": ("Bus", "SIGBUS"),
    "in-page-error": ("Bus", "SIGBUS"),
    "FPE": ("Floating-point-exception", "SIGFPE"),
    "flt-divide-by-zero": ("Floating-point-exception", "SIGFPE"),
    "int-divide-by-zero": ("Divide-by-zero", "SIGFPE"),
    "int-overflow": ("Integer-overflow", "SIGFPE"),
    "TRAP": ("Trap", "SIGTRAP"),
    "breakpoint": ("Breakpoint", "SIGTRAP"),
    "stack-overflow": ("Stack-overflow", "SIGSEGV"),
}
_WILD = ("SEGV", "access-violation", "unknown-crash", "wild-jump", "wild-addr", "datatype-misalignment")
_SENTENCES = (
    (re.compile(r"attempting double-free"), "Heap-double-free"),
    (re.compile(r"attempting free on address which was not malloc"), "Invalid-free"),
    (re.compile(r"attempting to call malloc_usable_size"), "Invalid-malloc_usable_size"),
    (re.compile(r"alloc-dealloc-mismatch"), "Alloc-dealloc-mismatch"),
    (re.compile(r"new-delete-type-mismatch"), "New-delete-type-mismatch"),
    (re.compile(r"(\w+)-param-overlap"), "{}-param-overlap"),
    (re.compile(r"negative-size-param"), "Negative-size-param"),
    (re.compile(r"calloc(?: parameters)?[ -]overflow|calloc-overflow"), "Calloc-overflow"),
    (re.compile(r"out[ -]of[ -]memory|failed to allocate|(?:soft|hard) rss limit exhausted"), "Out-of-memory"),
    (
        re.compile(r"requested allocation size|allocation-size-too-big|max.imum supported size"),
        "Allocation-size-too-big",
    ),
    (re.compile(r"invalid-(?:aligned-alloc|posix-memalign|pvalloc|allocation)-?\w*"), "Invalid-allocation-alignment"),
    (re.compile(r"initialization-order-fiasco"), "Initialization-order-fiasco"),
    (re.compile(r"odr-violation"), "Odr-violation"),
    (re.compile(r"bad parameters to __sanitizer_annotate"), "Bad-annotation"),
    (re.compile(r"data race"), "Data race"),
    (re.compile(r"lock-order-inversion"), "Lock-order-inversion"),
    (re.compile(r"heap-use-after-free"), "Heap-use-after-free"),
    (re.compile(r"signal-unsafe call"), "Signal-unsafe-call"),
    (re.compile(r"thread leak"), "Thread leak"),
    (
        re.compile(r"(?:unlock|destroy|double lock|read lock|read unlock)\b.*?mutex|mutex.*(?:unlock|destroy|invalid)"),
        "Mutex misuse",
    ),
)
_PLAIN_SIZES = (1, 2, 4, 8, 10, 16, 32, 64)
"""Sizes of accesses that single instructions make; others are lengths of block copies, which vary."""


def _header(lines: Lines, at: int) -> Report | None:
    matched = _HEADER.search(lines[at])
    if not matched:
        return None
    what = matched["what"] or matched["failed"]
    if "detected memory leaks" in what:
        return _leaks(lines, at)
    return _error(lines, at, matched["tool"], what)


def _error(lines: Lines, at: int, tool: str, what: str) -> Report:
    stack = stacks.read(lines, at + 1, stop=_STOP_LOCKS if "lock-order" in what else _STOP)
    head = lines[at : max(stack.start, at + 1)][:16]
    access, size, address, thread = _accessed(head)
    kind, title, signal = _kind_and_title(what, access, address, size)
    top = next((frame for frame in stack.frames if frame.file), Frame())
    return Report(
        kind=kind,
        title=title,
        format=tool,
        start=at,
        end=max(stack.end, at + 1),
        message=f"{tool}: {title}",
        stack=stack.frames,
        file=top.file,
        line=top.line,
        access=access,
        size=size,
        address=address,
        thread=thread,
        signal=signal,
    )


def _accessed(head: Lines) -> tuple[str, int | None, str, str]:
    """Access, size, address and thread from the lines above the stack."""
    access, size, address, thread = "", None, "", ""
    for line in head:
        if not address and (found := _ADDRESS.search(line)):
            address = found[1]
        if not thread and (found := _THREAD.search(line)):
            thread = found[1] or found[2]
        if found := _ACCESS.search(line):
            access = found[1].upper().removeprefix("ATOMIC ") if found[1] != "ACCESS" else access
            size = int(found[2]) if found[2].isdigit() else None
            address = address or found[3] or ""
        elif found := _CAUSED.search(line):
            access = found[1]
    return access, size, address.lower(), thread


def _kind_and_title(what: str, access: str, address: str, size: int | None) -> tuple[Kind, str, str]:
    word = what.split()[0].rstrip(":")
    if word in _SIGNALS:
        title, signal = _SIGNALS[word]
        return Kind.SANITIZER if title == "Stack-overflow" else Kind.CRASH, title, signal
    if word in _WILD:
        return Kind.SANITIZER, wild(address, access if word != "unknown-crash" else ""), "SIGSEGV"
    for pattern, title in _SENTENCES:
        if matched := pattern.search(what):
            title = title.format(matched[1].capitalize()) if "{}" in title else title
            return (
                Kind.OOM if title in ("Out-of-memory", "Allocation-size-too-big") else Kind.SANITIZER,
                sized(title, access, size),
                "",
            )
    return Kind.SANITIZER, sized(word[:1].upper() + word[1:], access, size), ""


def wild(address: str, access: str) -> str:
    """The title of an access to an address where nothing is."""
    name = "Null-dereference" if severity.near_null(address) else "UNKNOWN"
    return f"{name} {access}".rstrip()


def sized(title: str, access: str, size: int | None) -> str:
    """A title with what was accessed; sizes that vary with the input are not told apart."""
    if not access:
        return title
    return f"{title} {access} {size if size in _PLAIN_SIZES else '{*}'}" if size is not None else f"{title} {access}"


def _leaks(lines: Lines, at: int) -> Report | None:
    """A list of leaks: the first direct one with a stack of its own program stands for all."""
    found: list[tuple[bool, int, re.Match[str], stacks.Stack]] = []
    end = at + 1
    for position in range(at + 1, min(len(lines), at + 4000)):
        if matched := _LEAK.match(lines[position]):
            stack = stacks.read(lines, position + 1, reach=2, stop=_STOP)
            found.append((matched[1] != "Direct", position, matched, stack))
            end = max(stack.end, position + 1)
        elif "SUMMARY:" in lines[position] or _HEADER.search(lines[position]):
            break
    if not found:
        return None
    _, position, matched, stack = min(found, key=lambda one: one[:2])
    return _leak(at, end, matched, stack)


def _leak(at: int, end: int, matched: re.Match[str], stack: stacks.Stack) -> Report:
    title = f"{matched[1]}-leak"
    return Report(
        kind=Kind.SANITIZER,
        title=title,
        format="LeakSanitizer",
        start=at,
        end=end,
        message=f"LeakSanitizer: {title}",
        stack=stack.frames,
        size=int(matched[2]) // max(1, int(matched[3])),
    )


def _own_check(lines: Lines, at: int) -> Report | None:
    """A check of the sanitizer's own."""
    matched = _CHECK.search(lines[at])
    if not matched:
        return None
    stack = stacks.read(lines, at + 1, stop=_STOP)
    text = normalise.expression(matched[4].strip('"()'))
    return Report(
        kind=Kind.ASSERTION,
        title="Sanitizer CHECK failure",
        format=matched[1],
        start=at,
        end=max(stack.end, at + 1),
        message=f"{matched[1]} CHECK failed: {text}",
        headline=text,
        stack=stack.frames,
        file=normalise.source_path(matched[2]),
        line=int(matched[3]),
        announces=True,
    )


FORMATS = (
    Format(name="sanitizer", needles=("Sanitizer: ", "Sanitizer failed to allocate"), read=_header),
    Format(
        name="sanitizer's own check", needles=("Sanitizer CHECK failed", "Sanitizer: CHECK failed"), read=_own_check
    ),
)
