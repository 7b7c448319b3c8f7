"""The order in which people expect names: by the numbers in them."""

import functools
import re

_LONGEST = 100
"""Digits of a number that is read as one: reading a hostile one takes the time of its length squared."""


@functools.lru_cache(4096)
def natural(text: str) -> tuple[tuple[int, int | str], ...]:
    """A key that sorts 3.9 before 3.10."""
    return tuple((0, int(part)) if _is_number(part) else (1, part) for part in re.findall(r"[0-9]+|[^0-9]+", text))


def _is_number(part: str) -> bool:
    return "0" <= part[0] <= "9" and len(part) <= _LONGEST
