"""Virtual machines that tell of their own end: the Java machine's fatal errors, .NET's unhandled exceptions."""

import re

from crashfarm.documents.finding import Frame, Kind
from crashfarm.understand import frames, normalise
from crashfarm.understand.report import Format, Lines, Report

REACH = 400
"""Lines of a fatal error's report in which its stack is looked for."""
MAX_FRAMES = 128

_SIGNAL = re.compile(r"^#\s+(?P<signal>SIG\w+|EXCEPTION_\w+|Internal Error) \((?P<code>[^)]*)\)(?: at pc=\S+)?")
_MEMORY = re.compile(r"^# There is insufficient memory for the Java Runtime Environment")
_INTERNAL = re.compile(
    r"^#\s+(?P<what>(?:fatal error|guarantee\(.*\) failed|assert\(.*\) failed|Error: ShouldNotReachHere).*)$"
)
_PROBLEMATIC = re.compile(r"^# Problematic frame:")
_FRAME = re.compile(r"^#?\s*[CVJjv]\s+(?:\d+ \S+ )?(?P<rest>\S.*?)\s*$")
_NATIVE = re.compile(r"^\[(?P<module>[^\]+]+)\+(?P<offset>0x[0-9a-f]+)\]\s*(?P<function>.*?)(?:\+0x[0-9a-f]+)?$")
_METHOD = re.compile(r"^(?P<function>[\w$.<>]+)(?:\([^)]*\)\S*)?(?:\+\d+.*| @.*|$)")
_STACK = re.compile(r"^(?:Native|Java) frames:")
_DOTNET = re.compile(r"Unhandled [Ee]xception[.:] (?P<name>(?:\w+\.)*\w*Exception)(?:: (?P<text>.*))?$")
_DOTNET_FRAME = re.compile(r"^\s+at (?P<function>[\w.`<>+\[\],]+)\(.*?\)(?: in (?P<file>.+?):line (?P<line>\d+))?\s*$")


def _java_machine(lines: Lines, at: int) -> Report | None:
    """hs_err: signal, problematic frame, native and Java frames."""
    near = lines[at : at + REACH]
    if any(_MEMORY.match(line) for line in near[:8]):
        return _made(at, at + 3, Kind.OOM, "Out-of-memory", "the Java machine's memory", (), "")
    matched = next((found for found in map(_SIGNAL.match, near[:8]) if found), None)
    if matched is None:
        return None
    end, found = _frames(near)
    said = next((found["what"] for found in map(_INTERNAL.match, near[:10]) if found), "")
    name = matched["signal"] if matched["signal"].startswith("SIG") else ""
    title = name or ("Fatal error" if said else matched["signal"])
    return _made(at, at + end, Kind.CRASH, title, normalise.message(said) or title, found, name)


def _made(at: int, end: int, kind: Kind, title: str, message: str, found: tuple[Frame, ...], signal: str) -> Report:
    return Report(
        kind=kind,
        title=title,
        format="JVM",
        start=at,
        end=end,
        message=message,
        stack=found,
        signal=signal,
        announces=True,
    )


def _frames(near: Lines) -> tuple[int, tuple[Frame, ...]]:
    """The frames of the stack if there is one, else the problematic one alone."""
    problem = next((number for number, line in enumerate(near) if _PROBLEMATIC.match(line)), None)
    top = (
        [frame for frame in (_frame(near[problem + 1]),) if frame]
        if problem is not None and problem + 1 < len(near)
        else []
    )
    start = next((number for number, line in enumerate(near) if _STACK.match(line)), None)
    if start is None:
        return (problem or 1) + 2, tuple(top)
    found: list[Frame] = []
    for number in range(start + 1, len(near)):
        if not near[number].strip() or len(found) >= MAX_FRAMES:
            return number, tuple(found or top)
        if frame := _frame(near[number]):
            found.append(frame)
    return len(near), tuple(found or top)


def _frame(line: str) -> Frame | None:
    matched = _FRAME.match(line)
    if not matched:
        return None
    if native := _NATIVE.match(matched["rest"]):
        return frames.frame(native["function"], module=native["module"], offset=native["offset"])
    method = _METHOD.match(matched["rest"])
    return Frame(function=method["function"]) if method else None


def _dotnet(lines: Lines, at: int) -> Report | None:
    matched = _DOTNET.search(lines[at])
    if not matched:
        return None
    found: list[Frame] = []
    end = at + 1
    for position in range(at + 1, min(len(lines), at + MAX_FRAMES)):
        if frame := _DOTNET_FRAME.match(lines[position]):
            line = int(frame["line"]) if frame["line"] else None
            found.append(Frame(function=frame["function"], file=normalise.source_path(frame["file"] or ""), line=line))
            end = position + 1
        elif found and not lines[position].lstrip().startswith("---"):
            break
    name = matched["name"].rpartition(".")[2]
    text = matched["text"] or ""
    return Report(
        kind=Kind.OOM if name == "OutOfMemoryException" else Kind.EXCEPTION,
        title=f"Unhandled exception {name}",
        format=".NET",
        start=at,
        end=end,
        message=normalise.message(f"{name}: {text}" if text else name),
        headline=name,
        stack=tuple(found),
        file=found[0].file if found else "",
        line=found[0].line if found else None,
        announces=True,
    )


FORMATS = (
    Format(
        name="JVM",
        needles=("fatal error has been detected by the Java", "insufficient memory for the Java Runtime"),
        read=_java_machine,
        cost=400,
    ),
    Format(name=".NET", needles=("Unhandled exception. ", "Unhandled Exception: "), read=_dotnet, cost=10),
)
