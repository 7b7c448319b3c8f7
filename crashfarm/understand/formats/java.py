"""Java and its kin, and JavaScript: exceptions that nobody caught, and what Jazzer and test runners say of them."""

import re

from crashfarm.documents.finding import Frame, Kind
from crashfarm.understand import normalise
from crashfarm.understand.report import Format, Lines, Report

MAX_LINES = 600
"""Lines of one exception that are read."""

_NAME = r"(?P<name>(?:[a-zA-Z_$][\w$]*\.)*[A-Z_$][\w$]*)"
_HEADERS = (
    (re.compile(r"== Java (?:Exception|Assertion Error): " + _NAME + r"(?:: (?P<text>.*))?$"), "Jazzer"),
    (re.compile(r"Exception in thread \"(?P<thread>[^\"]*)\" " + _NAME + r"(?:: (?P<text>.*))?$"), "Java"),
    (re.compile(r"FATAL EXCEPTION: (?P<thread>.*)$"), "Android exception"),
)
_JAVASCRIPT = re.compile(r"Uncaught [Ee]xception: (?P<text>.*)$")
_CAUSE = re.compile(r"^\s*(?:Caused by|Suppressed): ")
_FRAME = re.compile(r"^\s*(?:E/?\s*AndroidRuntime\S*\s+)?at (?P<function>[\w$.<>/@-]+)\((?P<place>[^()]*)\)")
_JS_FRAME = re.compile(
    r"^\s+at (?:async )?(?:(?P<function>\S.*?) \()?(?:file://)?(?P<file>[^()\s]+?):(?P<line>\d+):\d+\)?\s*$"
)
_PLACE = re.compile(r"^(?P<file>[^:]+)(?::(?P<line>\d+))?$")
_LOGCAT = re.compile(r"^.*\bAndroidRuntime[^:]*: ")
_ANDROID_NAME = re.compile(_NAME + r"(?:: (?P<text>.*))?$")
_JUNIT = re.compile(r"^\d+\) (?P<test>\w+\((?P<class>[\w.$]+)\))\s*$")
_JS_ERROR = re.compile(r"^(?:Uncaught )?(?P<name>(?:[A-Z]\w*)?(?:Error|Exception))(?: \[\w+\])?: (?P<text>.*)$")
_CODE = re.compile(r"^(?P<file>(?:/|file://|node:|[A-Za-z]:\\)?[^\s:()]*[/\\:][^\s:()]*):(?P<line>\d+)(?::\d+)?\s*$")
_MEMORY = ("OutOfMemoryError",)
_SECURITY = re.compile(r"FuzzerSecurityIssue")
_HUMAN = {"java.lang.StackOverflowError": "Stack-overflow"}


def _exception(lines: Lines, at: int) -> Report | None:
    for pattern, tool in _HEADERS:
        if matched := pattern.search(lines[at]):
            return _java(lines, at, matched, tool)
    return None


def _java(lines: Lines, at: int, matched: re.Match[str], tool: str) -> Report | None:
    parts = matched.groupdict()
    begin = at + 1
    if tool == "Android exception":
        begin, parts = _android_name(lines, at, parts)
    name, text = parts.get("name") or "", parts.get("text") or ""
    end, frames = _stack(lines, begin)
    if not name:
        return None
    return _made(at, end, name, text, frames, tool, parts.get("thread") or "")


def _android_name(lines: Lines, at: int, parts: dict[str, str | None]) -> tuple[int, dict[str, str | None]]:
    for position in range(at + 1, min(at + 5, len(lines))):
        found = _ANDROID_NAME.search(_LOGCAT.sub("", lines[position]))
        if found and "Process:" not in lines[position]:
            return position + 1, {**parts, **found.groupdict()}
    return at + 1, parts


def _made(at: int, end: int, name: str, text: str, frames: list[Frame], tool: str, thread: str) -> Report:
    plain = name.rpartition(".")[2]
    security = bool(_SECURITY.search(name))
    kind = Kind.OOM if plain in _MEMORY else Kind.EXCEPTION
    title = (
        "Fatal Exception"
        if tool == "Android exception"
        else _HUMAN.get(name)
        or ("Security exception" if security else "Out-of-memory" if kind is Kind.OOM else "Uncaught exception")
    )
    return Report(
        kind=kind,
        title=title,
        format=tool,
        start=at,
        end=end,
        message=normalise.message(f"{name}: {text}" if text else name),
        stack=tuple(frames),
        file=frames[0].file if frames else "",
        line=frames[0].line if frames else None,
        thread=thread,
        announces=True,
    )


def _stack(lines: Lines, at: int) -> tuple[int, list[Frame]]:
    """Frames in the order of the text, those of the causes behind the others."""
    found: list[Frame] = []
    end, gap = at, 0
    for position in range(at, min(len(lines), at + MAX_LINES)):
        line = lines[position]
        if matched := _FRAME.match(line):
            found.append(_frame(matched))
            end, gap = position + 1, 0
        elif _CAUSE.match(line) or line.lstrip().startswith("... "):
            end, gap = position + 1, 0
        elif gap >= 4 or (found and not line.strip()):
            break
        else:
            gap += 1
    return end, found


def _frame(matched: re.Match[str]) -> Frame:
    function = matched["function"].rpartition("/")[2]
    place = _PLACE.match(matched["place"])
    known = place is not None and place["file"] not in ("Unknown Source", "Native Method", "<generated>")
    return Frame(
        function=function,
        file=place["file"] if place and known else "",
        line=int(place["line"]) if place and place["line"] else None,
    )


def _jazzer_js(lines: Lines, at: int) -> Report | None:
    matched = _JAVASCRIPT.search(lines[at])
    if not matched:
        return None
    text = matched["text"].removeprefix("Jazzer.js: ")
    end, frames = _js_stack(lines, at + 1)
    return Report(
        kind=Kind.EXCEPTION,
        title="Uncaught exception",
        format="JavaScript",
        start=at,
        end=end,
        message=normalise.message(text) or "Uncaught exception",
        stack=tuple(frames),
        file=frames[0].file if frames else "",
        line=frames[0].line if frames else None,
        announces=True,
    )


def _javascript(lines: Lines, at: int) -> Report | None:
    """Node's account of an error that nobody caught: place, code, error, stack."""
    matched = _JS_ERROR.match(lines[at])
    if not matched:
        return None
    place = next((found for found in map(_CODE.match, reversed(lines[max(0, at - 6) : at])) if found), None)
    end, frames = _js_stack(lines, at + 1)
    if place is None and not lines[at].startswith("Uncaught "):
        return None
    name = matched["name"]
    return Report(
        kind=Kind.EXCEPTION,
        title=f"Unhandled exception {name}",
        format="JavaScript",
        start=at,
        end=end,
        message=normalise.message(f"{name}: {matched['text']}"),
        headline=name,
        stack=tuple(frames),
        file=frames[0].file if frames else normalise.script_path(place["file"]) if place else "",
        line=frames[0].line if frames else int(place["line"]) if place else None,
        may_be_handled=place is None,
    )


def _js_stack(lines: Lines, at: int) -> tuple[int, list[Frame]]:
    found: list[Frame] = []
    end = at
    for position in range(at, min(len(lines), at + 64)):
        if matched := _JS_FRAME.match(lines[position]):
            file = matched["file"] if matched["file"].startswith("node:") else normalise.script_path(matched["file"])
            found.append(Frame(function=matched["function"] or "", file=file, line=int(matched["line"])))
            end = position + 1
        elif found or position > at + 3:
            break
    return end, found


def _junit(lines: Lines, at: int) -> Report | None:
    """The first failed test of JUnit's list stands for the list."""
    for position in range(at + 1, min(len(lines), at + 3)):
        if matched := _JUNIT.match(lines[position]):
            return Report(
                kind=Kind.EXCEPTION,
                title="Wycheproof error" if ".wycheproof." in matched["class"] else "Test failure",
                format="JUnit",
                start=at,
                end=position + 1,
                message=normalise.message(matched["test"]),
                headline=matched["test"],
            )
    return None


FORMATS = (
    Format(name="Java", needles=("== Java ", 'Exception in thread "', "FATAL EXCEPTION: "), read=_exception),
    Format(name="Jazzer.js", needles=("Uncaught Exception: ", "Uncaught exception: "), read=_jazzer_js),
    Format(name="JavaScript", needles=("Error: ", "Exception: "), read=_javascript, cost=6, common=True),
    Format(name="JUnit", needles=("There was 1 failure", "There were "), read=_junit),
)
