"""Gecko and SpiderMonkey: assertions that end the process and ones that do not, ABORT, MOZ_CRASH."""

import re

from crashfarm.documents.finding import Kind
from crashfarm.understand import normalise, stacks
from crashfarm.understand.report import Format, Lines, Report

_PLACE = r"(?:[:,] ?|(?<=: ))(?:'(?P<expression>.*?)', )?file (?P<file>.+?), line (?P<line>\d+).*"
_NON_FATAL = (
    re.compile(rf"###!!! (?P<what>ASSERTION|ABORT|BREAK): (?P<text>.*?)(?:{_PLACE})?$"),
    re.compile(rf"(?:^|[\s\]])(?P<what>ASSERTION|ABORT): (?P<text>.*?){_PLACE}$"),
)
_FATAL = re.compile(
    r"Assertion failure: (?P<text>.*?)(?:,? at (?P<file>(?:[A-Za-z]:)?[^\s:]+(?: [^\s:]+)*?):(?P<line>\d+))?\s*$"
)
_CRASH = re.compile(r"Hit MOZ_CRASH\((?P<text>.*?)\) at (?P<file>(?:[A-Za-z]:)?[^\s:]+):(?P<line>\d+)")
_REASON = re.compile(r"MOZ_(?:RELEASE|DIAGNOSTIC)?_?ASSERT\((?P<text>.*)\)")
_STOP = re.compile(r"\w+Sanitizer:|ASAN:|###!!! |Assertion failure: ")


def _non_fatal(lines: Lines, at: int) -> Report | None:
    matched = _NON_FATAL[0].search(lines[at]) or _NON_FATAL[1].search(lines[at])
    if not matched:
        return None
    text = matched["text"]
    if matched["expression"]:
        text = f"{text}: '{matched['expression']}'"
    fatal = matched["what"] == "ABORT"
    return _made(
        lines, at, text, matched["file"] or "", matched["line"], title="ABORT" if fatal else "Assertion", fatal=fatal
    )


def _fatal(lines: Lines, at: int) -> Report | None:
    if matched := _CRASH.search(lines[at]):
        return _made(
            lines, at, matched["text"] or "MOZ_CRASH", matched["file"], matched["line"], title="MOZ_CRASH", fatal=True
        )
    if matched := _FATAL.search(lines[at]):
        text = _REASON.sub(r"\1", matched["text"])
        return _made(lines, at, text, matched["file"] or "", matched["line"], title="Assertion failure", fatal=True)
    return None


def _made(lines: Lines, at: int, text: str, file: str, line: str | None, *, title: str, fatal: bool) -> Report:
    words = normalise.expression(text)
    stack = stacks.read(lines, at + 1, reach=3, stop=_STOP)
    return Report(
        kind=Kind.ASSERTION,
        title=title,
        format="Gecko",
        start=at,
        end=max(stack.end, at + 1) if stack.frames else at + 1,
        message=words or title,
        headline=words,
        stack=stack.frames,
        file=normalise.source_path(file),
        line=int(line) if line else None,
        announces=fatal,
    )


FORMATS = (
    Format(
        name="Gecko assertion",
        needles=("ASSERTION: ", "###!!! ABORT", "###!!! BREAK", "ABORT: "),
        read=_non_fatal,
        cost=4,
    ),
    Format(name="Gecko crash", needles=("Assertion failure: ", "Hit MOZ_CRASH("), read=_fatal, cost=4),
)
