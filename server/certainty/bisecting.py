"""Finding between which two builds something changed, asking about as few of them as can be."""

from collections.abc import Callable
from enum import StrEnum

import msgspec


class Verdict(StrEnum):
    """What is known of a build."""

    #: The signature shows.
    BAD = "bad"
    #: It does not, as surely as was asked for.
    GOOD = "good"
    #: The build is missing, or cannot be run.
    SKIP = "skip"


class Edge(msgspec.Struct, frozen=True):
    """Positions in a list of builds: the last good and the first bad one, and what could not be judged in between.

    `good` is None where not even the first build that could be judged was good.
    """

    good: int | None
    bad: int
    skipped: tuple[int, ...] = ()


Ask = Callable[[int], Verdict]
Told = Callable[[int], None]


def questions(builds: int) -> int:
    """How many builds can turn out good on the way, at most: the first one, and one for each halving."""
    return 1 + max(0, builds - 1).bit_length()


def first_bad(builds: int, ask: Ask, told: Told = lambda left: None) -> Edge:
    """The first bad of so many builds, the last of which is known to be bad.

    Good builds are taken to stand before all bad ones. `told` hears how many are left to look among.
    """
    skipped: set[int] = set()
    good, bad = _first_judged(builds - 1, ask, skipped)
    while (middle := _middle(good, bad, skipped)) is not None:
        told(bad - (good if good is not None else -1) - 1)
        verdict = ask(middle)
        if verdict is Verdict.SKIP:
            skipped.add(middle)
        elif verdict is Verdict.BAD:
            bad = middle
        else:
            good = middle
    between = range(0 if good is None else good + 1, bad)
    return Edge(good, bad, tuple(at for at in between if at in skipped))


def _first_judged(bad: int, ask: Ask, skipped: set[int]) -> tuple[int | None, int]:
    """Where to begin: if the first build that can be judged is bad, there is nothing to look for behind it."""
    for at in range(bad):
        verdict = ask(at)
        if verdict is not Verdict.SKIP:
            return (at, bad) if verdict is Verdict.GOOD else (None, at)
        skipped.add(at)
    return None, bad


def _middle(good: int | None, bad: int, skipped: set[int]) -> int | None:
    """The build nearest to the middle that may be asked about; None when none is left."""
    if good is None:
        return None
    middle = (good + bad) / 2
    open_ones = [at for at in range(good + 1, bad) if at not in skipped]
    return min(open_ones, key=lambda at: (abs(at - middle), at), default=None)
