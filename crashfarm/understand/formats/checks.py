"""Checks that C++ programs make of themselves: Chromium and glog logs, V8, WebKit, GLib, Android, Swift."""

import re
from dataclasses import dataclass

from crashfarm.documents.finding import Kind
from crashfarm.understand import normalise, stacks
from crashfarm.understand.report import Format, Lines, Report

_CHROMIUM = re.compile(
    r"\[(?:[^\[\]\s]*:)?FATAL[:\s](?:[^\s:()]+:)?(?P<file>[^\s:()\]]+?)(?:\((?P<line>\d+)\)"
    r"|:(?P<line2>\d+))\] ?(?P<text>.*)$"
)
_GLOG = re.compile(
    r"(?:^|\s)F(?:\d{4}|\d{8}) \d\d:\d\d:\d+\.\d+\s+\d+ (?P<file>[^\s:]+):(?P<line>\d+)\] ?(?P<text>.*)$"
)
_GLOG_STARTS = ("\nF20", "\nF0000 ", *(f"\nF{month:02}" for month in range(1, 13)))
_CHECK = re.compile(r"^(?P<security>Security )?(?P<what>D?CHECK|Check|Debug check) failed: ?(?P<text>.*)$")
_ASSERT = re.compile(r"^Assert failed: ?(?P<text>.*)$")
_ASSERTED_AT = re.compile(r"assertion failed at (?P<file>\S+?):(?P<line>\d+) in (?P<function>.*?): (?P<text>.*)$")
_VALUES = re.compile(r"\s\((?:.*? )?vs\.(?: .*)?\)?\.?\s*$")
_OPEN_VALUES = re.compile(r"\s\([^()]*$")
_STREAMED = re.compile(r"(?<=[\w)\]'\"])\. .*$|\.\s*$")

_V8 = re.compile(r"#\s*Fatal error in (?P<file>.*?)(?:, line (?P<line>\d+))?\s*$")
_V8_TEXT = re.compile(r"^#\s*(\S.*?)\s*$")
_V8_MEMORY = re.compile(r"#\s*(?P<text>Fatal (?:[Jj]ava[Ss]cript|process) (?:out of memory|OOM).*?)\s*$")
_V8_ABORT = re.compile(r"^\s*abort: (?P<text>.+?) \[(?P<file>[^\[\]]+?):(?P<line>\d+)\]")
_NODE = re.compile(r"FATAL ERROR: (?P<text>.+)$")
_CORRECTNESS = re.compile(r"#\s*V8 correctness (configs|sources|suppression): ?(.*)$")
_OUT_OF_MEMORY = re.compile(r"out of memory|CALL_AND_RETRY|Allocation failed|heap limit|\bOOM\b", re.IGNORECASE)

_ANDROID = re.compile(
    r"(?P<file>[^\s:]+\.(?:cpp|cc|c|h)):(?P<line>\d+) (?P<text>D?CHECK(?:_\w+)?\(.*\) failed)(?:: .*|\.)?$"
)
_CHAKRA = re.compile(r"ASSERTION \d+: \((?P<file>.+?), line (?P<line>\d+)\) (?P<text>.*)$")
_SKIA = re.compile(r"(?P<file>[^\s:()]+)[:(](?P<line>\d+)\)?: (?:fatal error: |failed assertion )\"(?P<text>.+)\"")
_WEBKIT = re.compile(r"ASSERTION FAILED: (?P<text>.+)$|^(?P<text2>SHOULD NEVER BE REACHED)\s*$")
_WEBKIT_PLACE = re.compile(r"^\s*(?P<file>[^\s:()]+)\((?P<line>\d+)\) :")
_GLIB = (
    re.compile(
        r"(?:CRITICAL|ERROR)[^:]*:\s*(?:(?P<file>[^\s:]+):(?P<line>\d+):)?.*?assertion [`'(](?P<text>.*?)[')]? failed"
    ),
    re.compile(r"ERROR:(?P<file>[^\s:]+):(?P<line>\d+):\w+: assertion failed(?: \S+)?: \((?P<text>.+?)\)"),
)
_SWIFT = (
    re.compile(
        r"(?:Fatal error|Assertion failed"
        r"|Precondition failed)(?:: (?P<text>.*?))?: file (?P<file>\S+), line (?P<line>\d+)"
    ),
    re.compile(
        r"(?P<file>\S+\.swift):(?P<line>\d+): (?:Fatal error|Assertion failed|Precondition failed)(?:: (?P<text>.*))?"
    ),
)
_QT = re.compile(r"ASSERT(?: failure in .*?)?: \"(?P<text>.*)\"(?: in|,) file (?P<file>.+?), line (?P<line>\d+)\s*$")
_LIBCXX = re.compile(
    r"(?P<file>[^\s:]+):(?P<line>\d+): (?:libc\+\+ Hardening )?assertion (?P<text>.+?) failed(?:: .*)?$"
)
_STOP = re.compile(r"\w+Sanitizer:(?:DEADLYSIGNAL|SIG\w+)|(?:ERROR|WARNING): (?:\w+Sanitizer|libFuzzer)|ASAN:")
REACH = 40
"""Lines between the words and the stack that the program itself prints."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """What a failed check says of itself; `tail` goes with the file's name to tell checks of the same words apart."""

    title: str
    text: str
    form: str
    file: str = ""
    line: str | None = None
    #: What joins the text and the file's name in the headline; empty when the name is no part of it.
    joint: str = " in "


def _report(lines: Lines, at: int, check: Check) -> Report:
    stack = stacks.read(lines, at + 1, reach=REACH, stop=_STOP)
    path = normalise.source_path(check.file)
    words = normalise.expression(check.text)
    tail = check.joint + path.rpartition("/")[2] if check.joint and path and words else ""
    return Report(
        kind=Kind.ASSERTION,
        title=check.title,
        format=check.form,
        start=at,
        end=stack.end if stack.frames else at + 1,
        message=words or check.title,
        headline=words + tail,
        stack=stack.frames,
        file=path,
        line=int(check.line) if check.line and check.line != "0" else None,
        announces=True,
    )


def _memory(at: int, text: str) -> Report:
    """A program that says that memory ran out, and ends in an orderly way."""
    return Report(
        kind=Kind.OOM,
        title="Out-of-memory",
        format="out of memory",
        start=at,
        end=at + 1,
        message=normalise.message(text) or "out of memory",
        announces=True,
        orderly=True,
    )


def expression(text: str) -> str:
    """What was checked, without the values that were found and the words that were streamed behind it."""
    return _STREAMED.sub("", _OPEN_VALUES.sub("", _VALUES.sub("", text.strip()))).strip()


def _failed(matched: re.Match[str]) -> tuple[str, str]:
    """Title and expression of a CHECK."""
    if matched["what"] == "Debug check":
        return "DCHECK failure", expression(matched["text"])
    title = f"Security {matched['what'].upper()} failure" if matched["security"] else "CHECK failure"
    return title, expression(matched["text"])


def _fatal_log(lines: Lines, at: int) -> Report | None:
    matched = _CHROMIUM.search(lines[at]) or _GLOG.search(lines[at])
    if not matched:
        return None
    parts = matched.groupdict()
    file, line, text = parts["file"], parts["line"] or parts.get("line2"), parts["text"]
    if found := _CHECK.match(text):
        title, words = _failed(found)
        return _report(lines, at, Check(title=title, text=words, file=file, line=line, form="check"))
    if found := _ASSERT.match(text):
        return _report(
            lines, at, Check(title="ASSERT", text=found["text"], file=file, line=line, form="check", joint="")
        )
    if found := _ASSERTED_AT.search(text):
        return _report(lines, at, Check(title="ASSERT", form="check", joint="", **_place(found)))
    if _OUT_OF_MEMORY.search(text):
        return _memory(at, text)
    title = "Fatal error" if matched.re is _GLOG else "CHECK failure"
    return _report(lines, at, Check(title=title, text=expression(text), file=file, line=line, form="fatal log"))


def _place(matched: re.Match[str]) -> dict[str, str]:
    return {name: matched[name] or "" for name in ("text", "file", "line")}


def _v8(lines: Lines, at: int) -> Report | None:
    matched = _V8.search(lines[at])
    if not matched:
        return None
    file, line = matched["file"].strip(), matched["line"]
    text = next((found[1] for found in map(_V8_TEXT.match, lines[at + 1 : at + 3]) if found), "")
    if _OUT_OF_MEMORY.search(f"{file} {text}"):
        return _memory(at, text)
    place = file if line and line != "0" else ""
    found = _CHECK.match(text)
    title, words = _failed(found) if found else ("Fatal error", text or file)
    if words.lower() == "unreachable code" and place:
        return _report(lines, at, Check(title="Unreachable code", text=place.rpartition("/")[2], form="V8", joint=""))
    return _report(lines, at, Check(title=title, text=words, file=place, line=line, form="V8"))


def _v8_memory(lines: Lines, at: int) -> Report | None:
    matched = _V8_MEMORY.search(lines[at])
    return _memory(at, matched["text"]) if matched else None


def _v8_abort(lines: Lines, at: int) -> Report | None:
    matched = _V8_ABORT.search(lines[at])
    return _report(lines, at, Check(title="ASSERT", form="V8", joint="\n", **_place(matched))) if matched else None


def _node(lines: Lines, at: int) -> Report | None:
    matched = _NODE.search(lines[at])
    if not matched:
        return None
    if _OUT_OF_MEMORY.search(matched["text"]):
        return _memory(at, matched["text"])
    return _report(lines, at, Check(title="Fatal error", text=matched["text"], form="V8"))


def _correctness(lines: Lines, at: int) -> Report | None:
    told = [found[0].lstrip("# ") for found in map(_CORRECTNESS.search, lines[at : at + 8]) if found]
    if not told:
        return None
    words = [line.removeprefix("V8 correctness ") for line in told]
    return Report(
        kind=Kind.ASSERTION,
        title="V8 correctness failure",
        format="V8",
        start=at,
        end=at + 1 + len(told),
        message=normalise.expression(" ".join(words)),
        headline="\n".join(words),
        announces=True,
    )


def _sandbox(lines: Lines, at: int) -> Report | None:
    return Report(
        kind=Kind.SANITIZER,
        title="V8 sandbox violation",
        format="V8",
        start=at,
        end=at + 1,
        message="V8 sandbox violation",
        renames=True,
    )


def _harmless(lines: Lines, at: int) -> Report | None:
    """What V8's sandbox testing says of a fault that it caught and that counts for nothing."""
    return Report(kind=Kind.CRASH, title="", format="V8", start=at, end=at + 1, retracts=True)


def _plain(lines: Lines, at: int) -> Report | None:
    if matched := _ANDROID.search(lines[at]):
        return _report(lines, at, Check(title="CHECK failure", form="check", **_place(matched)))
    for pattern, form in (
        (_SKIA, "Skia"),
        (_CHAKRA, "ChakraCore"),
        (_SWIFT[0], "Swift"),
        (_SWIFT[1], "Swift"),
        (_GLIB[0], "GLib"),
        (_GLIB[1], "GLib"),
        (_QT, "Qt"),
        (_LIBCXX, "libc++"),
    ):
        if matched := pattern.search(lines[at]):
            return _report(lines, at, Check(title="ASSERT", form=form, joint="", **_place(matched)))
    if matched := _WEBKIT.search(lines[at]):
        found = _WEBKIT_PLACE.match(lines[at + 1]) if at + 1 < len(lines) else None
        place = {"file": found["file"], "line": found["line"]} if found else {}
        return _report(
            lines, at, Check(title="ASSERT", text=matched["text"] or matched["text2"], form="WebKit", joint="", **place)
        )
    return None


FORMATS = (
    Format(
        name="fatal log",
        needles=(":FATAL:", "[FATAL:", "[FATAL ", "] Check failed", "assertion failed at", *_GLOG_STARTS),
        read=_fatal_log,
    ),
    Format(name="V8 fatal error", needles=("# Fatal error in", "#Fatal error in"), read=_v8),
    Format(
        name="V8 out of memory",
        needles=("# Fatal JavaScript out of memory", "# Fatal javascript OOM", "# Fatal JavaScript OOM"),
        read=_v8_memory,
    ),
    Format(name="V8 abort", needles=("abort: ",), read=_v8_abort),
    Format(name="V8 correctness", needles=("V8 correctness failure",), read=_correctness),
    Format(name="V8 sandbox", needles=("V8 sandbox violation detected",), read=_sandbox),
    Format(name="V8 harmless fault", needles=("Caught harmless ",), read=_harmless),
    Format(name="Node fatal error", needles=("FATAL ERROR: ",), read=_node),
    Format(
        name="check",
        needles=(
            "ASSERTION FAILED: ",
            "ASSERTION ",
            "SHOULD NEVER BE REACHED",
            "assertion '",
            "assertion `",
            "ssertion failed",
            'failed assertion "',
            'ASSERT: "',
            "ASSERT failure in ",
            ": assertion ",
            "Hardening assertion ",
        ),
        read=_plain,
    ),
    Format(
        name="check macro",
        needles=("CHECK(", "CHECK_", "Fatal error: ", "Precondition failed"),
        read=_plain,
        common=True,
    ),
)


def words(lines: Lines, at: int) -> Report | None:
    """What a line says of a failed check, in any of these ways, or None."""
    return next(
        (report for report in (form.read(lines, at) for form in FORMATS if "V8 " not in form.name) if report), None
    )
