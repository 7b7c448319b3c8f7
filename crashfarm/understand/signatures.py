"""Signatures: an ordered list of small rules, each a predicate and an action, run by siggen.

A signature is made of what a report says of itself (the text of an assertion, the name of an exception) and of up to
`FRAMES` frames that tell something, innermost first. `RULES_VERSION` changes whenever a signature may.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from siggen.generator import Result, SignatureGenerator
from siggen.rules import CSignatureTool, Rule, SigFixWhitespace, SigTruncate

from crashfarm.documents.finding import Frame, Kind
from crashfarm.understand import lists
from crashfarm.understand.report import Report

RULES_VERSION = "1"
FRAMES = 3
"""Frames that a signature holds."""
DELIMITER = " | "
_DEEP = 40
"""Frames that are looked through for ones that tell something."""

Data = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Step:
    """What was decided about one frame: kept, or dropped for a reason."""

    frame: Frame
    kept: bool
    reason: str


@dataclass(frozen=True, slots=True)
class Signature:
    """A signature, the frames it rests on, and how it came about."""

    text: str
    frames: tuple[Frame, ...]
    steps: tuple[Step, ...]
    rules: tuple[str, ...]


class FramesThatTell(Rule):  # type: ignore[misc]
    """The first frames that are on no list."""

    def predicate(self, data: Data, result: Result) -> bool:
        return bool(data["frames"])

    def action(self, data: Data, result: Result) -> bool:
        names = [name(frame) for frame in data["frames"]]
        result.set_signature(self.name, DELIMITER.join(dict.fromkeys(part for part in names if part)))
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
        result.set_signature(self.name, DELIMITER.join(filter(None, (data["headline"], result.signature))))
        return True


_WORDS = {Kind.HANG: "hang", Kind.OOM: "out of memory"}


class Prefixed(Rule):  # type: ignore[misc]
    """A hang, or memory that ran out, at a place is not the same as a crash at that place."""

    def predicate(self, data: Data, result: Result) -> bool:
        return data["kind"] in _WORDS

    def action(self, data: Data, result: Result) -> bool:
        result.set_signature(self.name, DELIMITER.join(filter(None, (_WORDS[data["kind"]], result.signature))))
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
    NothingElse(),
    SigFixWhitespace(),
    SigTruncate(),
)

_GENERATOR = SignatureGenerator(ruleset=list(RULES))
_NAMES = CSignatureTool()


def sign(report: Report) -> Signature:
    """The signature of a report; never empty."""
    steps = tuple(walk(report.stack))
    telling = [step.frame for step in steps if step.kept]
    data: Data = {
        "kind": report.kind,
        "title": report.title,
        "headline": report.headline,
        "frames": telling[:FRAMES],
        "cycle": cycle(telling) if "overflow" in report.title.lower() or "Recursion" in report.title else (),
    }
    result = _GENERATOR.generate(data)
    return Signature(result.signature, tuple(telling[:FRAMES]), steps, tuple(result.debug_log))


def walk(stack: Sequence[Frame]) -> list[Step]:
    """Each frame in turn, until enough of them tell something."""
    steps = []
    for frame in stack[:_DEEP]:
        dropped = lists.why_dropped(frame)
        reason = f"{dropped.list}: {dropped.reason} ({dropped.entry})" if dropped else "tells something"
        steps.append(Step(frame, dropped is None, reason))
    return steps


def name(frame: Frame) -> str:
    """A frame in a word: its function less arguments, template arguments and hashes, else its file, else its module."""
    if frame.file.endswith((".py", ">")) and frame.function:
        return f"{frame.function} ({frame.file})"
    text: str = _NAMES.normalize_frame(
        module=frame.module or None,
        function=frame.function or None,
        file=frame.file or None,
        line=frame.line,
    )
    return text


def cycle(frames: Sequence[Frame]) -> tuple[Frame, ...]:
    """The shortest round that a stack repeats at least twice somewhere near its top, or nothing."""
    names = [name(frame) for frame in frames]
    for skip in range(min(4, len(names))):
        for length in range(1, (len(names) - skip) // 2 + 1):
            if names[skip : skip + length] == names[skip + length : skip + 2 * length]:
                return tuple(frames[skip : skip + length])
    return ()
