"""Stacks as people read them: what calls itself a thousand times is told once, and each frame says what it counts."""

import functools
from collections.abc import Sequence
from dataclasses import dataclass

from crashfarm.documents.finding import Finding, Frame
from crashfarm.understand import signatures

LOOKED_AT = 24
"""Frames whose part in the signature is told: those which decide it stand further in."""

_LANGUAGES = {".py": "python", ".go": "go", ".java": "java", ".js": "javascript", ".mjs": "javascript"}


@dataclass(frozen=True)
class Fold:
    """A frame, at which place of the stack it stands first, and how often it stands there in a row.

    `counts` tells that the signature is made of it, `dropped` why it is not; both are empty where nobody asked.
    """

    frame: Frame
    at: int
    times: int
    counts: bool = False
    dropped: str = ""

    @property
    def name(self) -> str:
        """Its function, else its module."""
        return self.frame.function or self.frame.module or "?"

    @property
    def where(self) -> str:
        """Source file and line, else module and offset, as far as they are known."""
        frame = self.frame
        if frame.file:
            return f"{frame.file}:{frame.line}" if frame.line is not None else frame.file
        return f"{frame.module} {frame.offset}".strip() if frame.module and frame.function else ""


@functools.lru_cache(16)
def folded(finding: Finding) -> tuple[Fold, ...]:
    """The finding's frames with equal neighbours folded into one, each with its part in the signature."""
    steps = {step.frame: step for step in signatures.walk(finding.frames[:LOOKED_AT], _language(finding.frames))}
    parts = _parts(finding, [step.frame for step in steps.values() if step.kept])
    found: list[Fold] = []
    for at, frame in enumerate(finding.frames):
        if found and found[-1].frame == frame:
            found[-1] = Fold(frame, found[-1].at, found[-1].times + 1, found[-1].counts, found[-1].dropped)
        else:
            step = steps.get(frame)
            found.append(Fold(frame, at, 1, frame in parts, step.reason if step and not step.kept else ""))
    return tuple(found)


def _parts(finding: Finding, kept: Sequence[Frame]) -> list[Frame]:
    """The kept frames that the signature names: other rules than today's may have made it."""
    return [frame for frame in kept[: signatures.FRAMES] if signatures.name(frame) in finding.signature]


def _language(frames: Sequence[Frame]) -> str:
    """Which lists apply, by the first source file that tells."""
    endings = ("." + frame.file.rpartition(".")[2] for frame in frames if frame.file)
    return next((_LANGUAGES[ending] for ending in endings if ending in _LANGUAGES), "native")
