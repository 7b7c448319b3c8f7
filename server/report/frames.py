"""Stacks as people read them: what calls itself a thousand times is told once, and each frame says what it counts."""

import itertools
from collections.abc import Sequence

import msgspec

from crashfarm.documents.finding import Finding, Frame
from crashfarm.understand import signatures

LOOKED_AT = 24
"""Frames whose part in the signature is told: those which decide it stand further in."""

_LANGUAGES = {".py": "python", ".go": "go", ".java": "java", ".js": "javascript", ".mjs": "javascript"}


class Fold(msgspec.Struct, frozen=True, gc=False):
    """A frame, at which place of the stack it stands first, and how often it stands there in a row.

    `name` is its function, else its module; `where` source file and line, else module and offset, as far as they are
    known. `counts` tells that the signature is made of it, `dropped` why it is not; both are empty where nobody asked.
    """

    at: int
    times: int
    name: str
    where: str = ""
    inlined: bool = False
    counts: bool = False
    dropped: str = ""


def folded(finding: Finding) -> tuple[Fold, ...]:
    """The finding's frames with equal neighbours folded into one, each with its part in the signature."""
    steps = {step.frame: step for step in signatures.walk(finding.frames[:LOOKED_AT], _language(finding.frames))}
    parts = _parts(finding, [step.frame for step in steps.values() if step.kept])
    found, at = [], 0
    for frame, same in itertools.groupby(finding.frames):
        step, times = steps.get(frame), sum(1 for _ in same)
        dropped = step.reason if step and not step.kept else ""
        name = frame.function or frame.module or "?"
        found.append(Fold(at, times, name, _where(frame), frame.inlined, frame in parts, dropped))
        at += times
    return tuple(found)


def _where(frame: Frame) -> str:
    if frame.file:
        return f"{frame.file}:{frame.line}" if frame.line is not None else frame.file
    return f"{frame.module} {frame.offset}".strip() if frame.module and frame.function else ""


def _parts(finding: Finding, kept: Sequence[Frame]) -> list[Frame]:
    """The kept frames that the signature names: other rules than today's may have made it."""
    return [frame for frame in kept[: signatures.FRAMES] if signatures.name(frame) in finding.signature]


def _language(frames: Sequence[Frame]) -> str:
    """Which lists apply, by the first source file that tells."""
    endings = ("." + frame.file.rpartition(".")[2] for frame in frames if frame.file)
    return next((_LANGUAGES[ending] for ending in endings if ending in _LANGUAGES), "native")
