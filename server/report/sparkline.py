"""Findings per day as a small picture, and as words: for pages that are too many to draw a chart on each."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

DAYS = 60
"""Days that are drawn: up to the last on which anything was seen."""

HEIGHT = 40
"""Of the highest bar, in the picture's units; a day is 5 wide."""

LISTED = 14
"""Days that are told in words, the last ones."""


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
    known = {day: n for day, n in days if _is_day(day)}
    if len(known) < 2:
        return None
    last = date.fromisoformat(max(known))
    begin = max(date.fromisoformat(min(known)), last - timedelta(days=DAYS - 1))
    numbers = [0] * ((last - begin).days + 1)
    for day, number in known.items():
        if (at := (date.fromisoformat(day) - begin).days) >= 0:
            numbers[at] = number
    highest = max(numbers)
    bars = (f"M{5 * at} {HEIGHT}v{-_height(n, highest)}h4v{_height(n, highest)}z" for at, n in enumerate(numbers) if n)
    words = ", ".join(f"{day}: {n:,}" for day, n in list(known.items())[-LISTED:])
    return Sparkline("".join(bars), 5 * len(numbers), begin.isoformat(), last.isoformat(), words)


def _height(number: int, highest: int) -> int:
    return max(2, round(HEIGHT * number / highest))


def _is_day(text: str) -> bool:
    try:
        return bool(date.fromisoformat(text))
    except ValueError:
        return False
