"""Python: tracebacks (chained, grouped, of threads), syntax errors, faulthandler dumps, fatal errors."""

import re

from crashfarm.documents.finding import Frame, Kind
from crashfarm.understand import normalise
from crashfarm.understand.report import Format, Lines, Report

MAX_LINES = 4000
"""Lines of one traceback that are read."""

_HEADER = re.compile(r"Traceback \((?:most recent call last|innermost last)\):\s*$")
_GROUP_HEADER = re.compile(r"\+ Exception Group Traceback \(most recent call last\):\s*$")
_MARGIN = re.compile(r"^(.*?)(?:\+ Exception Group )?Traceback \(")
_FILE = re.compile(r'^\s*File "([^"]+)", line (\d+)(?:, in (.+?))?\s*$')
_EXCEPTION = re.compile(r"^((?:[A-Za-z_]\w*\.)*[A-Za-z_]\w*)(?::\s?(.*))?$")
_CHAIN = (
    "During handling of the above exception, another exception occurred:",
    "The above exception was the direct cause of the following exception:",
)
_THREAD = re.compile(r"Exception in thread (.+?)(?: \(.*\))?:\s*$")
_DUMP_THREAD = re.compile(
    r"^(Current thread|Thread) (0x[0-9a-f]+)?(?: \[[^\]]*\])? ?\(most recent call first\):"
    r"|^Stack \(most recent call first\):"
)
_DUMP_FILE = re.compile(r'^\s+File "([^"]*)", line (\d+|\?\?\?) in (.+?)\s*$')
_FATAL = re.compile(r"(Fatal Python error|Windows fatal exception): (?:([\w.]+): )?(.*?)\s*$")
_SIGNALS = {
    "segmentation fault": "SIGSEGV",
    "aborted": "SIGABRT",
    "bus error": "SIGBUS",
    "floating point exception": "SIGFPE",
    "floating-point exception": "SIGFPE",
    "illegal instruction": "SIGILL",
    "access violation": "SIGSEGV",
}
_OUT_OF_MEMORY = ("MemoryError", "numpy._core._exceptions._ArrayMemoryError")
_ATHERIS = "=== Uncaught Python exception: ==="


def _traceback(lines: Lines, at: int) -> Report | None:
    if not (_HEADER.search(lines[at]) or _GROUP_HEADER.search(lines[at])):
        return None
    stop = min(len(lines), at + MAX_LINES)
    start, end = at, at
    name, text = "", ""
    frames: tuple[Frame, ...] = ()
    while True:
        found = _one_traceback(lines, at, stop)
        if found is None:
            return None if not name else _exception(lines, start, end, name, text, frames)
        end, name, text, frames = found
        following = _chained(lines, end, stop)
        if following is None:
            return _exception(lines, start, end, name, text, frames)
        at = following


def _one_traceback(lines: Lines, at: int, stop: int) -> tuple[int, str, str, tuple[Frame, ...]] | None:
    """Line behind it, name and text of the exception, frames innermost first."""
    grouped = _GROUP_HEADER.search(lines[at]) is not None
    margin = _margin(lines[at])
    frames: list[Frame] = []
    for number in range(at + 1, stop):
        line = _inside(lines[number], margin)
        if line.startswith((" ", "\t")):
            frames.extend(_frame(line))
        elif matched := _EXCEPTION.match(line):
            end = _group_end(lines, number, stop) if grouped else number + 1
            return end, matched[1], matched[2] or "", tuple(reversed(frames))
        elif line.strip():
            return None
    return None


def _margin(header: str) -> int:
    """How far a traceback stands from the left: behind a log's prefix, or inside a group's bars."""
    matched = _MARGIN.match(header)
    return len(matched[1]) if matched else 0


def _inside(line: str, margin: int) -> str:
    rest = line[margin:]
    return rest[2:] if rest.startswith("| ") else rest


def _frame(line: str) -> list[Frame]:
    matched = _FILE.match(line)
    if not matched:
        return []
    return [Frame(function=matched[3] or "<module>", file=normalise.script_path(matched[1]), line=int(matched[2]))]


def _group_end(lines: Lines, at: int, stop: int) -> int:
    for number in range(at + 1, stop):
        line = lines[number].strip()
        if not line.startswith(("|", "+")):
            return number
    return stop


def _chained(lines: Lines, at: int, stop: int) -> int | None:
    """The line of the next traceback's header, if this one is continued by it."""
    for number in range(at, min(at + 24, stop)):
        line = lines[number].strip().removeprefix("|").strip()
        if line in _CHAIN:
            return next((n for n in range(number + 1, min(number + 4, stop)) if "Traceback (" in lines[n]), None)
        if "Traceback (" in line:
            return None
    return None


def _exception(lines: Lines, start: int, end: int, name: str, text: str, frames: tuple[Frame, ...]) -> Report | None:
    before = lines[start - 1] if start else ""
    thread = _THREAD.search(before)
    fuzzed = any(_ATHERIS in line for line in lines[max(0, start - 2) : start])
    ignored = "Exception ignored in" in before
    if ignored:
        return None
    plain = name.rpartition(".")[2]
    return Report(
        kind=Kind.OOM if name in _OUT_OF_MEMORY else Kind.EXCEPTION,
        title="Uncaught exception" if fuzzed else f"Unhandled exception {plain}",
        format="Python traceback",
        start=start - 1 if thread else start,
        end=end,
        message=normalise.message(f"{plain}: {text}" if text else plain),
        headline="" if fuzzed else plain,
        stack=frames,
        file=frames[0].file if frames else "",
        line=frames[0].line if frames else None,
        thread=thread[1] if thread else "",
        announces=fuzzed,
        may_be_handled=not (thread or fuzzed),
    )


def _syntax_error(lines: Lines, at: int) -> Report | None:
    """A script that does not compile: there is no header, as nothing was running."""
    for number in range(at, max(at - 6, -1), -1):
        matched = _FILE.match(lines[number])
        if matched and not matched[3]:
            break
        if "Traceback (" in lines[number]:
            return None
    else:
        return None
    name, _, text = lines[at].strip().partition(":")
    return _exception(lines, number, at + 1, name, text.strip(), tuple(_frame(lines[number])))


def _fatal(lines: Lines, at: int) -> Report | None:
    matched = _FATAL.search(lines[at])
    if not matched:
        return None
    signal = _SIGNALS.get(matched[3].lower(), "")
    end, thread, frames = _dump(lines, at + 1)
    return Report(
        kind=Kind.CRASH,
        title=signal or "Fatal Python error",
        format="Python fatal error",
        start=at,
        end=end,
        message=signal or normalise.message(f"Fatal Python error: {matched[3]}"),
        headline="" if signal else normalise.message(matched[3]),
        stack=frames,
        file=frames[0].file if frames else "",
        line=frames[0].line if frames else None,
        thread=thread,
        signal=signal,
        announces=not signal,
    )


def _timeout(lines: Lines, at: int) -> Report | None:
    """What faulthandler.dump_traceback_later writes."""
    if not re.search(r"Timeout \(\d+:\d\d:\d\d(?:\.\d+)?\)!\s*$", lines[at]):
        return None
    end, thread, frames = _dump(lines, at + 1)
    return Report(
        kind=Kind.HANG,
        title="Hang",
        format="Python timeout dump",
        start=at,
        end=end,
        message="timed out",
        stack=frames,
        thread=thread,
    )


def _dump(lines: Lines, at: int) -> tuple[int, str, tuple[Frame, ...]]:
    """Line behind a dump of threads, and the name and frames of the current one, innermost first."""
    stop = min(len(lines), at + MAX_LINES)
    stacks: list[tuple[str, bool, list[Frame]]] = []
    end, blanks = at, 0
    for number in range(at, stop):
        line = lines[number]
        if header := _DUMP_THREAD.match(line):
            stacks.append((header[2] or "", header[1] == "Current thread", []))
        elif stacks and (matched := _DUMP_FILE.match(line)):
            stacks[-1][2].append(_dump_frame(matched))
        elif not line.strip() and blanks < 2:
            blanks += 1
            continue
        elif not (stacks and line.startswith("  ")) and not line.startswith("Python runtime state:"):
            break
        end, blanks = number + 1, 0
    thread, _, frames = next((s for s in stacks if s[1]), stacks[-1] if stacks else ("", False, []))
    return max(end, at), thread, tuple(frames)


def _dump_frame(matched: re.Match[str]) -> Frame:
    line = int(matched[2]) if matched[2].isdigit() else None
    return Frame(function=matched[3], file=normalise.script_path(matched[1]), line=line)


FORMATS = (
    Format(
        name="Python traceback",
        needles=("Traceback (most recent call last)", "Traceback (innermost last)"),
        read=_traceback,
        cost=10,
    ),
    Format(
        name="Python syntax error",
        needles=("SyntaxError:", "IndentationError:", "TabError:"),
        read=_syntax_error,
        cost=6,
    ),
    Format(name="Python fatal error", needles=("Fatal Python error: ", "Windows fatal exception: "), read=_fatal),
    Format(name="Python timeout dump", needles=("Timeout (",), read=_timeout),
)
