"""Lists of known bugs as a browser's fuzzers kept them: texts, one a line, under a comment with their bug's number.

A text is to be found in a message. `, file` or `: file` at its end names the source file, before which the log may have
more folders. A text that is only a path, or a file's name, stands for whatever happens there. `[TMR]` before a text
asks for too much recursion. A comment without a number ends the bug before it.
"""

import re
from collections import defaultdict

from crashfarm.documents.bug import Bug, Matcher
from crashfarm.understand.known_bugs.importing import BadLine, BugList, bug, check_size
from crashfarm.understand.known_bugs.index import refusal

_COMMENT = re.compile(r"^#+\s?(?P<text>.*)$")
_NUMBER = re.compile(r"\b[Bb]ug (?P<number>\d{3,9})\b")
_FILE = re.compile(r"^(?P<text>.*?)(?:[,:] |^)file (?P<file>\S+)\s*$")
_PLAIN_FILE = re.compile(r"^[\w./\\+-]+(?:\.(?:c|cc|cpp|h|hpp|inc|js|jsm|m|mm|rs|cxx)|[/\\])$")
_HEAD = re.compile(r"^(?:###!!! )?(?:ASSERTION|ABORT|Assertion failure|Assertion failed): ?")
_RECURSION = re.compile(r"^\[TMR\] ")


def parse_list(text: str, *, tracker: str) -> BugList:
    """The bugs of a list, and the lines of it that cannot be used. A list of this kind tells no states."""
    bad = [
        BadLine(number, reason)
        for number, line in enumerate(text.splitlines(), start=1)
        if line.strip() and not _COMMENT.match(line) and (reason := refusal(matcher(line)))
    ]
    unusable = {one.line for one in bad}
    lines = ["" if number in unusable else line for number, line in enumerate(text.splitlines(), start=1)]
    bugs = {bug.id: bug for bug in read_list("\n".join(lines), tracker=tracker)}
    return BugList(tuple(bugs.values()), tuple(bad), titled=False)


def read_list(text: str, *, tracker: str) -> tuple[Bug, ...]:
    """The bugs of a list, in the order of the list; texts without a bug's number become bugs of their own."""
    check_size(text)
    matchers: dict[str, list[Matcher]] = defaultdict(list)
    titles: dict[str, str] = {}
    loose: list[Bug] = []
    number = ""
    for line in text.splitlines():
        if comment := _COMMENT.match(line):
            found = _NUMBER.search(comment["text"])
            number = found["number"] if found else ""
            if number:
                titles.setdefault(number, comment["text"].strip())
        elif line.strip() and number:
            matchers[number].append(matcher(line))
        elif line.strip():
            loose.append(bug(tracker, "", [matcher(line)], title=line.strip()[:200]))
    numbered = [bug(tracker, name, found, title=titles[name]) for name, found in matchers.items()]
    return (*numbered, *loose)


def matcher(line: str) -> Matcher:
    """What one line of a list asks for."""
    text = line.strip()
    if _RECURSION.match(text):
        words = re.escape(_RECURSION.sub("", text))
        return Matcher(text=rf"(?is)(?:stack.overflow|recursion).*{words}", how="pattern")
    if _PLAIN_FILE.match(text):
        return Matcher(file=text.replace("\\", "/"))
    kind = "assertion" if _HEAD.match(text) else None
    text = _HEAD.sub("", text)
    if found := _FILE.match(text):
        words = _trimmed(found["text"])
        return Matcher(kind=kind, text=words or None, file=found["file"].replace("\\", "/"))
    return Matcher(kind=kind, text=_trimmed(text))


def _trimmed(text: str) -> str:
    """A text without the punctuation that joins it to what follows in a log."""
    return text.strip().rstrip(",:").strip()
