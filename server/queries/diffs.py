"""What differs between two sides, branches, builds or periods, and how likely chance alone would make it."""

import math
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Literal

from crashfarm.documents.job import JobResult
from crashfarm.errors import InputError
from crashfarm.keys import PARTS
from server.queries import paging, totals, tuples
from server.queries.signatures import Signature, kind_of, signature

_WEEK = re.compile(r"\d{4}-W\d\d")

Change = Literal["new", "gone", "more", "less", "same"]


@dataclass(frozen=True)
class Side:
    """One side of a comparison: parts of the tuple, and the days from `first` on and before `end`."""

    text: str
    parts: Mapping[str, str] = field(default_factory=dict)
    first: str = ""
    end: str = ""

    def within(self, when: str) -> bool:
        """Whether a time, or a day, is in the period."""
        return self.first <= when[:10] and (not self.end or when[:10] < self.end)


@dataclass(frozen=True)
class Difference:
    """How often a signature was seen on each side, in how many runs, and the chance of a difference as large or larger.

    `chance` is the p-value of Fisher's exact test, two-sided, which knows nothing of the other signatures.
    """

    signature: Signature
    before: int
    after: int
    chance: float
    change: Change


@dataclass(frozen=True)
class Comparison:
    """All signatures of both sides, the surest difference first, and the runs that could begin on each."""

    runs_before: int
    runs_after: int
    differences: tuple[Difference, ...]


def read_side(text: str, parts: Mapping[str, str]) -> Side:
    """A side from `BRANCH`, `BRANCH/BUILDTYPE`, a week `2026-W47`, or a period `2026-11-15..2026-11-22`, whose last
    day is not in it. Raises InputError for days that cannot be read, or that leave no time between them."""
    if _WEEK.fullmatch(text):
        monday = date.fromisoformat(_day(f"{text}-1"))
        return Side(text, parts, monday.isoformat(), (monday + timedelta(days=7)).isoformat())
    first, dots, end = text.partition("..")
    if dots:
        side = Side(text, parts, _day(first), _day(end))
        if side.first >= side.end:
            raise InputError(f"there is no day in {text!r}: the first day comes first, and the last is not in it")
        return side
    branch, slash, buildtype = text.partition("/")
    named = {"branch": branch} | ({"buildtype": buildtype} if slash else {})
    return Side(text, {**parts, **named})


def compare(history: paging.Viewed, before: Side, after: Side) -> Comparison:
    """Count both sides and compare them, signature by signature."""
    runs = list(totals.runs(history))
    runs_before, runs_after = _runs(runs, before), _runs(runs, after)
    seen_before, seen_after = _seen(history, before), _seen(history, after)
    found = [
        _difference(one, seen_before[one], seen_after[one], runs_before, runs_after)
        for one in {*seen_before, *seen_after}
    ]
    return Comparison(runs_before, runs_after, tuple(sorted(found, key=lambda one: (one.chance, one.signature))))


def fisher(seen_before: int, runs_before: int, seen_after: int, runs_after: int) -> float:
    """The p-value of Fisher's exact test, two-sided: the chance of a table as unlikely as this one or more so."""
    total, seen = runs_before + runs_after, seen_before + seen_after
    lowest, highest = max(0, seen - runs_after), min(seen, runs_before)
    logs = [_log_choose(runs_before, k) + _log_choose(runs_after, seen - k) for k in range(lowest, highest + 1)]
    observed = logs[seen_before - lowest]
    everything = _log_choose(total, seen)
    # Equal terms differ in their last digits.
    return min(1.0, sum(math.exp(term - everything) for term in logs if term <= observed + 1e-7))


def _difference(one: Signature, before: int, after: int, runs_before: int, runs_after: int) -> Difference:
    # A run can show a signature twice; the test counts runs.
    showed_before, showed_after = min(before, runs_before), min(after, runs_after)
    chance = fisher(showed_before, runs_before, showed_after, runs_after) if runs_before and runs_after else 1.0
    return Difference(one, before, after, chance, _change(before * runs_after, after * runs_before, before, after))


def _change(rate_before: int, rate_after: int, before: int, after: int) -> Change:
    if not before or not after:
        return "gone" if before else "new"
    if rate_before == rate_after:
        return "same"
    return "more" if rate_after > rate_before else "less"


def _seen(history: paging.Viewed, side: Side) -> Counter[Signature]:
    """How often each signature was seen on a side. Memory grows with the signatures, not with the findings."""
    group = len(PARTS) if side.first else 3
    seen: Counter[Signature] = Counter()
    for count in tuples.counts(history, tuples.Question(parts=side.parts, since=side.first or None, group=group)):
        type_name, message, detail = count.parts[:3]
        if not side.first or side.within(count.parts[tuples.WHEN]):
            seen[signature(kind_of(type_name), message, detail)] += count.count
    return seen


def _runs(runs: list[totals.Runs], side: Side) -> int:
    return sum(run.count for run in _of_side(runs, side) if run.outcome != JobResult.ERROR)


def _of_side(runs: list[totals.Runs], side: Side) -> Iterator[totals.Runs]:
    known = {name: value for name, value in side.parts.items() if name in {"product", "branch", "buildtype"}}
    for run in runs:
        if side.within(run.day) and all(getattr(run, name) == value for name, value in known.items()):
            yield run


def _day(text: str) -> str:
    try:
        return date.fromisoformat(text.strip()).isoformat()
    except ValueError as exc:
        raise InputError(
            f"cannot read {text!r} as a day: write a period as 2026-11-15..2026-11-22, or a week as 2026-W47"
        ) from exc


def _log_choose(n: int, k: int) -> float:
    return math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)
