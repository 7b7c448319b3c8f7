"""What both trackers share: pages of bugs in the order of their change, and what is read out of a bug's title."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import msgspec
import re2

from crashfarm.documents.base import Json
from crashfarm.documents.bug import Bug, Matcher
from crashfarm.errors import ConfigError
from crashfarm.times import from_text, to_text
from crashfarm.understand.known_bugs import refusal

MAX_TITLE = 1000
"""Characters of a title that are searched and kept."""
MAX_MATCHERS = 50
"""Matchers that are taken from one bug."""

TITLES = (
    r"\[@ *(?P<signature>[^\]]+?) *\]",
    r"[Aa]ssertion failure: (?P<text>.+?), at (?P<file>[^\s:]+)",
    r"###!!! (?:ASSERTION|ABORT): (?P<text>.+?)[,:] file (?P<file>[^\s,]+)",
    r"Assertion [`'\"](?P<text>[^`'\"]+)['\"] failed",
)
"""What is looked for in titles: a signature in the way of crash reports, and assertions as programs print them."""

_GROUPS = frozenset({"text", "file", "signature"})


class Position(msgspec.Struct, frozen=True, kw_only=True):
    """Where the reading of a tracker stands: bugs that changed at `since` or later, of these not the first `skip`.

    `query` tells which bugs were asked for: with another query one begins anew. `etag` is that of the next answer.
    `ordered` is false while one reads a tracker that gives bugs in no order: then `since` must stay where it is.
    """

    query: str = ""
    since: str = ""
    skip: int = 0
    ordered: bool = True
    etag: str = ""


@dataclass(frozen=True, slots=True)
class Page:
    """Bugs that were read, what could not be, where the next page begins, and whether there is one."""

    bugs: tuple[Bug, ...]
    bad: tuple[str, ...]
    next: Position
    more: bool


class Source(Protocol):
    """A tracker that gives bugs in the order of their change."""

    @property
    def tracker(self) -> str:
        """The tracker's name in the ids of its bugs."""

    @property
    def query(self) -> str:
        """Which bugs are asked for, as text."""

    def read(self, position: Position, now: str) -> Page:
        """The page that begins there. Raises TrackerError."""


@dataclass(frozen=True, kw_only=True)
class Rules:
    """How a tracker's bug becomes one of ours.

    `titles` are patterns with the groups text, file or signature: what they find in a title becomes a matcher.
    `fixed` maps what says that a bug is fixed on a branch, such as ("label", "fixed-3.13"), to that branch.
    """

    titles: tuple[str, ...] = TITLES
    fixed: Mapping[tuple[str, str], str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for pattern in self.titles:
            check_title(pattern)

    def matchers(self, title: str) -> Iterator[Matcher]:
        """What a title asks for."""
        for pattern in self.titles:
            for found in re2.finditer(pattern, title[:MAX_TITLE]):
                parts = {name: value.strip() for name, value in found.groupdict().items() if value}
                if parts and not refusal(matcher := Matcher(**parts)):
                    yield matcher

    def branches(self, told: Sequence[tuple[str, str]]) -> tuple[str, ...]:
        """The branches on which a bug is fixed, of which this was told."""
        return tuple(sorted({self.fixed[one] for one in told if one in self.fixed}))


def check_title(pattern: str) -> None:
    """Raises ConfigError for a pattern that cannot be used on titles."""
    try:
        groups = set(re2.compile(pattern).groupindex)
    except re2.error as fault:
        said = fault.args[0]
        raise ConfigError(f"the pattern {pattern!r}: {said.decode() if isinstance(said, bytes) else said}") from fault
    if not groups or groups - _GROUPS:
        raise ConfigError(f"the pattern {pattern!r} has the groups {sorted(groups)}: some of text, file, signature")


def following(position: Position, times: Sequence[str], read: int, now: str, *, more: bool, etag: str = "") -> Position:
    """Where the next page begins, after one of `read` bugs that changed at these times, in their order.

    From the last one's time on, so that a bug that moves to the end while one reads makes none be skipped. Where all
    have the same time, or are in no order, behind as many as were read. A time to come would hide what comes before.
    """
    ordered = position.ordered and list(times) == sorted(times)
    last = min(times[-1], now) if times and ordered else ""
    if last > position.since:
        return msgspec.structs.replace(position, since=last, skip=0, etag="")
    if more:
        return msgspec.structs.replace(position, skip=position.skip + read, ordered=ordered, etag="")
    return msgspec.structs.replace(position, skip=0, ordered=True, etag=etag)


def moment(text: str) -> str:
    """A tracker's time as documents hold it. Raises ValueError for anything else."""
    return to_text(from_text(text))


def tell(position: Position) -> Json:
    """A position as a cursor holds it."""
    told: Json = msgspec.to_builtins(position)
    return told
