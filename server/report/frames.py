"""Stacks as people read them: what calls itself a thousand times is told once, and each frame says what it counts."""

from collections.abc import Sequence

import msgspec

from crashfarm.documents.finding import Finding, Frame
from crashfarm.understand import signatures

LOOKED_AT = 24
"""Frames whose part in the signature is told: those which decide it stand further in."""

_LANGUAGES = {"py": "python", "go": "go", "java": "java", "js": "javascript", "mjs": "javascript"}


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
    frames = finding.frames
    steps = signatures.walk(frames[:LOOKED_AT], _language(frames))
    parts = _parts(finding.signature, steps)
    # What is looked at is told frame by frame; of what stands further in, as it was told of the first frame like it.
    further = {step.frame: at for at, step in reversed([*enumerate(steps)])} if len(frames) > len(steps) else {}
    found, at = [], 0
    while at < len(frames):
        frame, first = frames[at], at
        at += 1
        while at < len(frames) and frames[at] == frame:
            at += 1
        known = first if first < len(steps) else further.get(frame, -1)
        dropped = "" if known < 0 or steps[known].kept else steps[known].reason
        name = frame.function or frame.module or "?"
        found.append(Fold(first, at - first, name, _where(frame), frame.inlined, frame in parts, dropped))
    return tuple(found)


def _where(frame: Frame) -> str:
    if frame.file:
        return f"{frame.file}:{frame.line}" if frame.line is not None else frame.file
    return f"{frame.module} {frame.offset}".strip() if frame.module and frame.function else ""


def _parts(signature: str, steps: Sequence[signatures.Step]) -> list[Frame]:
    """The kept frames that a signature names: other rules than today's may have made it."""
    kept: list[Frame] = []
    for step in steps:
        if step.kept and step.frame not in kept:
            kept.append(step.frame)
        if len(kept) == signatures.FRAMES:
            break
    return [frame for frame in kept if signatures.name(frame) in signature]


def _language(frames: Sequence[Frame]) -> str:
    """Which lists apply, by the first source file that tells."""
    # Plainly, for stacks are many.
    for frame in frames:
        if (ending := frame.file.rpartition(".")[2]) in _LANGUAGES:
            return _LANGUAGES[ending]
    return "native"
