"""What differs between two sides, branches, builds or periods, and how likely chance alone would make it."""

import itertools
import math
import re
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any, Literal

from crashfarm.documents.job import JobResult
from crashfarm.errors import InputError
from server.queries import paging, totals, tuples
from server.queries.signatures import Signature, kind_of, signature

_WEEK = re.compile(r"\d{4}-W\d\d")

_BRANCH = ("product", "branch")
_BUILD = ("product", "branch", "build", "buildtype", "outcome")

Change = Literal["new", "gone", "more", "less", "same"]


@dataclass(frozen=True)
class Side:
    """One side of a comparison: parts of the tuple, and the days from `first` on and before `end`, or an older build.

    Without one, what the branch's experiments showed does not count.
    """

    text: str
    parts: Mapping[str, str] = field(default_factory=dict)
    first: str = ""
    end: str = ""
    build: str = ""

    def within(self, when: str) -> bool:
        """Whether a time, or a day, is in the period."""
        return self.first <= when[:10] and (not self.end or when[:10] < self.end)

    def overlaps(self, other: "Side") -> bool:
        """Whether a run can count on both sides."""
        alike = all(other.parts.get(name, value) == value for name, value in self.parts.items())
        ends = [end for end in (self.end, other.end) if end]
        return alike and self.build == other.build and (not ends or max(self.first, other.first) < min(ends))


@dataclass(frozen=True)
class Difference:
    """How many runs of each side showed a signature, and the chance of a difference as large or larger.

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


def read_side(text: str, parts: Mapping[str, str], branches: Collection[str] = ()) -> Side:
    """A side from `BRANCH`, `BRANCH/BUILDTYPE`, either with an older build's name as in `BRANCH@BUILD`, a week
    `2026-W47`, or a period `2026-11-15..2026-11-22`, whose last day is not in it. What is one of the known branches,
    whatever its name is like, is that. Raises InputError for days that cannot be read, or that leave no time between
    them."""
    if text in branches:
        return Side(text, {**parts, "branch": text})
    if _WEEK.fullmatch(text):
        monday = date.fromisoformat(_day(f"{text}-1"))
        return Side(text, parts, monday.isoformat(), (monday + timedelta(days=7)).isoformat())
    first, dots, end = text.partition("..")
    if dots:
        side = Side(text, parts, _day(first), _day(end))
        if side.first >= side.end:
            raise InputError(f"there is no day in {text!r}: the first day comes first, and the last is not in it")
        return side
    named, _, build = text.rpartition("@") if "@" in text else (text, "", "")
    if "@" in text and not build:
        raise InputError(f"{text!r} names no build behind the @: write BRANCH@BUILD")
    branch, slash, buildtype = (named, "", "") if named in branches else named.rpartition("/")
    told = {"branch": branch, "buildtype": buildtype} if slash else {"branch": named}
    return Side(text, {**parts, **told}, build=build)


def branches(history: paging.Viewed) -> set[str]:
    """The names of all branches that have results."""
    return {key[1] for key, _ in paging.groups(history, "results", "by_branch_day", 2)}


def builds(history: paging.Viewed, parts: Mapping[str, str]) -> list[str]:
    """The names of the older builds of which there are results, of a branch."""
    keys = (key for key, _ in paging.groups(history, "shown", "runs_of_build", 3))
    return sorted({key[2] for key in keys if _fits(dict(zip(_BUILD, key, strict=False)), parts, _BRANCH)})


def compare(history: paging.Viewed, before: Side, after: Side) -> Comparison:
    """Count both sides and compare them, signature by signature."""
    runs = None if before.build and after.build else totals.runs(history)
    runs_before, runs_after = (
        _runs_of_build(history, side) if side.build else _runs(runs or [], side) for side in (before, after)
    )
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
    # A view may be ahead of another while results come in.
    seen_before, seen_after = min(before, runs_before), min(after, runs_after)
    chance = fisher(seen_before, runs_before, seen_after, runs_after) if runs_before and runs_after else 1.0
    return Difference(one, before, after, chance, _change(before * runs_after, after * runs_before, before, after))


def _change(rate_before: int, rate_after: int, before: int, after: int) -> Change:
    if not before or not after:
        return "gone" if before else "new"
    if rate_before == rate_after:
        return "same"
    return "more" if rate_after > rate_before else "less"


def _seen(history: paging.Viewed, side: Side) -> Counter[Signature]:
    """How many runs of a side showed each signature. Memory grows with the signatures, in a period with its runs."""
    return _seen_in_period(history, side) if side.first else _seen_on_build(history, side)


def _seen_on_build(history: paging.Viewed, side: Side) -> Counter[Signature]:
    """From a view that has a signature once for each run."""
    seen: Counter[Signature] = Counter()
    for start, _ in paging.groups(history, "shown", "by_build", 2):
        if _fits(dict(zip(_BUILD, start, strict=False)), side.parts, _BRANCH):
            for key, count in paging.groups(history, "shown", "by_build", 7, [*start, side.build]):
                if key[3] == side.parts.get("buildtype", key[3]):
                    kind, detail, message = (part or "" for part in key[4:])
                    seen[kind, detail, message] += count
    return seen


def _seen_in_period(history: paging.Viewed, side: Side) -> Counter[Signature]:
    """From the rows of all findings: the same run counts once, whichever messages it showed."""
    runs: dict[Signature, set[int]] = defaultdict(set)
    question = tuples.Question(parts=side.parts, since=side.first)
    few = tuples.late(history, question, side.end)
    every = (paging.rows(history, "crash_type", "results", [name]) for name in tuples.types(history, "result"))
    for row in itertools.chain.from_iterable(every) if few is None else few:
        if question.fits(row.key) and side.within(row.key[tuples.WHEN] or ""):
            runs[signature(kind_of(row.key[0]), row.key[1] or "", row.key[2] or "")].add(hash(row.id))
    return Counter({one: len(found) for one, found in runs.items()})


def _runs_of_build(history: paging.Viewed, side: Side) -> int:
    found = paging.groups(history, "shown", "runs_of_build", 5)
    rows = ((dict(zip(_BUILD, key, strict=True)), count) for key, count in found)
    return sum(
        count
        for row, count in rows
        if row["build"] == side.build
        and row["outcome"] != JobResult.ERROR
        and _fits(row, side.parts, ("product", "branch", "buildtype"))
    )


def _fits(row: Mapping[str, Any], parts: Mapping[str, str], names: Iterable[str]) -> bool:
    return all(row[name] == parts.get(name, row[name]) for name in names)


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
