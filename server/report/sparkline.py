"""Findings per day as a small picture, and as words: for pages that are too many to draw a chart on each."""

import functools
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

DAYS = 60
"""Days that are drawn: up to the last on which anything was seen."""

HEIGHT = 40
"""Of the highest bar, in the picture's units; a day is 5 wide."""

LISTED = 14
"""Days that are told in words, the last ones."""

_DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)


@dataclass(frozen=True)
class Sparkline:
    """`path` is what SVG draws, in a picture `width` wide and `HEIGHT` high."""

    path: str
    width: int
    first: str
    last: str
    words: str


def sparkline(days: Sequence[tuple[str, int]]) -> Sparkline | None:
    """Draw days and numbers, in the order of the days; None where there are less than two days to compare."""
    known = [(at, day, number) for day, number in days if (at := _at(day))]
    if len(known) < 2:
        return None
    last = known[-1][0]
    begin = max(known[0][0], last - DAYS + 1)
    shown = [(at - begin, number) for at, _, number in known[-DAYS:] if at >= begin]
    words = ", ".join([f"{day}: {number:,}" for _, day, number in known[-LISTED:]])
    return Sparkline(_path(shown), 5 * (last - begin + 1), _day(begin), _day(last), words)


def _path(shown: Sequence[tuple[int, int]]) -> str:
    scale = HEIGHT / max([number for _, number in shown])
    return "".join([_bar(at, round(scale * number)) for at, number in shown if number])


@functools.lru_cache(DAYS * HEIGHT)
def _bar(at: int, height: int) -> str:
    high = max(2, height)
    return f"M{5 * at} {HEIGHT}v-{high}h4v{high}z"


@functools.lru_cache(4096)
def _day(at: int) -> str:
    return date.fromordinal(at).isoformat()


@functools.lru_cache(4096)
def _at(day: str) -> int:
    """The day's number since the calendar's first, or 0 for a text that is no day as documents have them."""
    try:
        return date.fromisoformat(day).toordinal() if _DAY.fullmatch(day) else 0
    except ValueError:
        return 0
