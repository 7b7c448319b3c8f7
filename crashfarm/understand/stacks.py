"""A stack in a log: where it begins, which frames it has, where it ends."""

import re
from dataclasses import dataclass

from crashfarm.documents.finding import Frame
from crashfarm.understand import frames
from crashfarm.understand.report import Lines

MAX_FRAMES = 256
"""Frames of one stack that are read."""
REACH = 24
"""Lines between a report's first line and its stack."""
_GAP = 3
"""Lines of something else that may stand inside a stack."""

_NUMBER = re.compile(r"^\s*(?:\[[\s\d.]+\] )?#(\d+)")


@dataclass(frozen=True, slots=True)
class Stack:
    """Frames, innermost first, that stand in the lines from `start` up to, not including, `end`."""

    frames: tuple[Frame, ...]
    start: int
    end: int

    @property
    def named(self) -> int:
        """How many frames have a function."""
        return sum(1 for frame in self.frames if frame.function)


def read(lines: Lines, at: int, *, reach: int = REACH, stop: re.Pattern[str] | None = None) -> Stack:
    """The first stack that begins within `reach` lines from `at`; a line that fits `stop` ends the "
    "search and the stack."""
    found: list[Frame] = []
    start = end = at
    gap, number = 0, -1
    for position in range(at, min(len(lines), at + reach + 4 * MAX_FRAMES)):
        line = lines[position]
        if stop and stop.search(line):
            break
        frame = frames.parse(line)
        if frame is None:
            gap += 1
            if _ended(line, gap, bool(found), position - at, reach):
                break
            continue
        counted = _NUMBER.match(line)
        if counted and found and gap and int(counted[1]) <= number:
            break
        if not found:
            start = position
        number = int(counted[1]) if counted else number
        end, gap = position + 1, 0
        if frame.function or frame.module or frame.file:
            found.append(frame)
        if len(found) >= MAX_FRAMES:
            break
    return Stack(tuple(found), start, end)


def _ended(line: str, gap: int, begun: bool, distance: int, reach: int) -> bool:
    if begun:
        return not line.strip() or gap > _GAP
    return distance >= reach
