"""Stacks as people read them: what calls itself a thousand times is told once."""

from collections.abc import Sequence
from dataclasses import dataclass

from crashfarm.documents.finding import Frame


@dataclass(frozen=True)
class Fold:
    """A frame, at which place of the stack it stands first, and how often it stands there in a row."""

    frame: Frame
    at: int
    times: int


def folded(frames: Sequence[Frame]) -> list[Fold]:
    """The frames with equal neighbours folded into one."""
    found: list[Fold] = []
    for at, frame in enumerate(frames):
        if found and found[-1].frame == frame:
            found[-1] = Fold(frame, found[-1].at, found[-1].times + 1)
        else:
            found.append(Fold(frame, at, 1))
    return found
