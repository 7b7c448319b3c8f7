"""Stacks of programs that ran out of stack: they end anywhere, but go round and round the same functions."""

from collections.abc import Sequence

LONGEST = 40
"""Functions in one round at most."""

ROUNDS = 5
"""So many rounds make a recursion."""


def start(names: Sequence[str]) -> int:
    """Where to begin reading a stack, given its functions, innermost first: 0, or within the rounds of a recursion.

    What the program happened to call when its stack was full is passed over, and of the round's members that one is
    the first which does not depend on where the round was cut.
    """
    for period in range(1, LONGEST + 1):
        first = _first(names, period)
        if len(names) - first >= ROUNDS * period + period:
            return min(range(first, first + period), key=lambda at: (tuple(names[at : at + period]), at))
    return 0


def _first(names: Sequence[str], period: int) -> int:
    """From where on the names repeat themselves with that period, up to the end."""
    at = len(names) - period
    while at > 0 and names[at - 1] == names[at - 1 + period]:
        at -= 1
    return max(0, at)
