"""Signatures: an ordered list of small rules, each a predicate and an action, run by siggen.

A signature is made of what a report says of itself (the text of an assertion, the name of an exception) and of up to
`FRAMES` frames that tell something, innermost first. `RULES_VERSION` changes whenever a signature may.
"""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources
from itertools import groupby
from typing import Any

import msgspec
from siggen.generator import Result, SignatureGenerator
from siggen.rules import CSignatureTool, Rule, SigFixWhitespace, SigTruncate

from crashfarm.documents.finding import Frame, Kind
from crashfarm.understand import lists
from crashfarm.understand.report import Report


def _digest() -> str:
    """A digest of the lists and of the code of this package: whatever may change a signature changes it."""
    package = resources.files(__package__)
    parts = (package, package.joinpath("formats"), package.joinpath("lists"))
    files = [file for part in parts for file in part.iterdir() if file.name.endswith((".py", ".txt"))]
    whole = hashlib.sha256()
    for file in sorted(files, key=lambda file: file.name):
        whole.update(file.read_bytes())
    return whole.hexdigest()[:8]


RULES_VERSION = f"1.{_digest()}"
"""Version of the rules: results of another version may come out otherwise when they are read again."""
FRAMES = 3
"""Frames that a signature holds."""
DELIMITER = " | "
_DEEP = 64
"""Frames that are looked through for ones that tell something."""
_NEAR = 24
"""Frames among which one by which the program ends itself is looked for."""
_ROUNDS = (4, 2)
"""Times that a stack has to go round to be taken for a recursion: surely, else perhaps."""
_ENTRY = "LLVMFuzzerTestOneInput"
_GO_METHOD = re.compile(r"\.\(\*\w+(?:\[\.\.\.\])?\)\.")
"""Go's way to write the type that a method belongs to, which is no list of arguments."""
_OVERFLOW = re.compile(r"stack.overflow|RecursionError|StackOverflow", re.IGNORECASE)
_LANGUAGES = (
    ("kernel", "kernel"),
    ("Trusty", "kernel"),
    ("Python", "python"),
    ("Go", "go"),
    ("Jazzer.js", "javascript"),
    ("JavaScript", "javascript"),
    ("Jazzer", "java"),
    ("Java", "java"),
    ("Android exception", "java"),
    ("JUnit", "java"),
)

Data = dict[str, Any]


class Step(msgspec.Struct, frozen=True, gc=False):
    """What was decided about one frame: kept, or dropped for a reason."""

    frame: Frame
    kept: bool
    reason: str


@dataclass(frozen=True, slots=True)
class Signature:
    """A signature, what it rests on, and how it came about.

    `parts` are what it is made of as people read it, at most `FRAMES`: the headline, then frames.
    """

    text: str
    parts: tuple[str, ...]
    frames: tuple[Frame, ...]
    steps: tuple[Step, ...]
    rules: tuple[str, ...]


class FramesThatTell(Rule):  # type: ignore[misc]
    """The first frames that are on no list."""

    def predicate(self, data: Data, result: Result) -> bool:
        return bool(data["frames"])

    def action(self, data: Data, result: Result) -> bool:
        names = [name(frame) for frame in data["frames"]]
        result.set_signature(self.name, DELIMITER.join(part for part, _ in groupby(filter(None, names))))
        return True


class Recursion(Rule):  # type: ignore[misc]
    """A stack that went round and round: its members in an order that does not depend on where the stack ended."""

    def predicate(self, data: Data, result: Result) -> bool:
        return bool(data["cycle"])

    def action(self, data: Data, result: Result) -> bool:
        members = [name(frame) for frame in data["cycle"]]
        first = members.index(min(members))
        turned = members[first:] + members[:first]
        result.set_signature(self.name, DELIMITER.join(["recursion", *turned[:FRAMES]]))
        return True


class Headline(Rule):  # type: ignore[misc]
    """What the report says of itself stands before the frames."""

    def predicate(self, data: Data, result: Result) -> bool:
        return bool(data["headline"])

    def action(self, data: Data, result: Result) -> bool:
        words = data["headline"].split("\n")
        result.set_signature(self.name, DELIMITER.join(filter(None, (*words, result.signature))))
        return True


_WORDS = {Kind.HANG: "hang", Kind.OOM: "out of memory"}


class Prefixed(Rule):  # type: ignore[misc]
    """A hang, or memory that ran out, at a place is not the same as a crash at that place."""

    def predicate(self, data: Data, result: Result) -> bool:
        return data["kind"] in _WORDS

    def action(self, data: Data, result: Result) -> bool:
        result.set_signature(self.name, DELIMITER.join(filter(None, (_WORDS[data["kind"]], result.signature))))
        return True


class Place(Rule):  # type: ignore[misc]
    """Without frames the line of the source tells one error from others of its kind."""

    def predicate(self, data: Data, result: Result) -> bool:
        return not result.signature and bool(data["place"])

    def action(self, data: Data, result: Result) -> bool:
        result.set_signature(self.name, f"{data['title']}{DELIMITER}{data['place']}")
        return True


class Message(Rule):  # type: ignore[misc]
    """Without frames, what the report's message says more than its kind of crash tells it from others."""

    def predicate(self, data: Data, result: Result) -> bool:
        return not result.signature and data["title"] not in data["message"]

    def action(self, data: Data, result: Result) -> bool:
        result.set_signature(self.name, f"{data['title']}{DELIMITER}{data['message']}")
        return True


class NothingElse(Rule):  # type: ignore[misc]
    """Without frames and words of its own a report is known by its kind of crash."""

    def predicate(self, data: Data, result: Result) -> bool:
        return not result.signature

    def action(self, data: Data, result: Result) -> bool:
        result.set_signature(self.name, f"{data['title'] or data['kind']}{DELIMITER}no stack")
        return True


RULES: tuple[Rule, ...] = (
    FramesThatTell(),
    Recursion(),
    Headline(),
    Prefixed(),
    Place(),
    Message(),
    NothingElse(),
    SigFixWhitespace(),
    SigTruncate(),
)

_GENERATOR = SignatureGenerator(ruleset=list(RULES))
_NAMES = CSignatureTool(str(resources.files(__package__).joinpath("lists", "siggen")))


def sign(report: Report) -> Signature:
    """The signature of a report; never empty."""
    language = language_of(report)
    steps = tuple(walk(report.stack, language))
    telling = [step.frame for step in steps if step.kept] or ([] if report.headline else _better_than_none(steps))
    round_trip = cycle(telling) if _OVERFLOW.search(report.title) else ()
    frames = list(round_trip[:FRAMES] or telling[:FRAMES])
    data: Data = {
        "kind": report.kind,
        "title": report.title,
        "headline": report.headline,
        "message": report.message,
        "place": f"{report.file}:{report.line}" if report.file else "",
        "frames": frames,
        "cycle": round_trip,
    }
    result = _GENERATOR.generate(data)
    parts = tuple(filter(None, (*report.headline.split("\n"), *map(shown, frames))))
    return Signature(result.signature, parts[:FRAMES], tuple(frames), steps, tuple(result.debug_log))


def language_of(report: Report) -> str:
    """Which language's lists a report's frames are looked up in."""
    return next((language for start, language in _LANGUAGES if report.format.startswith(start)), "native")


def walk(stack: Sequence[Frame], language: str = "native") -> list[Step]:
    """Each frame in turn, with what was decided about it and why."""
    stack = stack[:_DEEP]
    dropped = [lists.why_dropped(frame, language) for frame in stack]
    below = max((number for number, found in enumerate(dropped[:_NEAR]) if found and found.hides), default=-1)
    steps = []
    for number, (frame, found) in enumerate(zip(stack, dropped, strict=True)):
        if found and not (_entry_point(frame)):
            steps.append(Step(frame, False, f"{found.list}: {found.reason} ({found.entry})"))
        elif number < below:
            steps.append(Step(frame, False, f"stands above {stack[below].function}, by which the program ends itself"))
        elif frame.inlined and language == "kernel":
            steps.append(Step(frame, False, "inlined: whether it has a frame differs between compilers"))
        elif not frame.function and not frame.file:
            steps.append(Step(frame, False, "only a module is known"))
        else:
            steps.append(Step(frame, True, "tells something"))
    return steps


def _reports(step: Step) -> bool:
    """Whether a frame is of what wrote the report, which is the same on every stack that it writes."""
    return step.frame.function.startswith(("fuzzer::", "__sanitizer_", "__interceptor_"))


def _better_than_none(steps: Sequence[Step]) -> list[Frame]:
    """Where nothing tells: the first of the program's own frames, else the first that has a function, else a module."""
    own = [step.frame for step in steps if step.reason.startswith("fuzz_drivers") and not _reports(step)]
    own = [frame for frame in own if frame.function]
    named = [step.frame for step in steps if step.frame.function and not _reports(step)]
    return (own or named or [step.frame for step in steps if step.frame.module])[:1]


def _entry_point(frame: Frame) -> bool:
    return frame.function == _ENTRY and bool(frame.file)


def shown(frame: Frame) -> str:
    """A frame as people read it; the entry point of a fuzz target, which all have, by the name of its file."""
    return frame.file.rpartition("/")[2] if _entry_point(frame) else frame.function or frame.module or frame.file


def name(frame: Frame) -> str:
    """A frame in a word: its function less arguments, template arguments and hashes, else its file, else its module."""
    if _entry_point(frame):
        return shown(frame)
    if frame.file.endswith((".py", ">")) and frame.function:
        return f"{frame.function} ({frame.file})"
    # In a plain name there is nothing to leave out.
    if frame.function.isidentifier() or _GO_METHOD.search(frame.function):
        return frame.function
    text: str = _NAMES.normalize_frame(
        module=frame.module or None, function=frame.function or None, file=frame.file or None, line=frame.line
    )
    return text


def cycle(frames: Sequence[Frame]) -> tuple[Frame, ...]:
    """The shortest round that a stack goes several times, from where it first does; or nothing."""
    names = [name(frame) for frame in frames]
    for rounds in _ROUNDS:
        for start in range(len(names)):
            for length in range(1, (len(names) - start) // rounds + 1):
                if names[start : start + length * rounds] == names[start : start + length] * rounds:
                    return tuple(frames[start : start + length])
    return ()
