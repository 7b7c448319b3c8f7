"""What readers of bug lists share: what a list gives, the error for one that is unreadable, the making of a bug."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from crashfarm.documents.bug import Bug, BugState, Matcher, bug_id
from crashfarm.errors import InputError

MAX_SIZE = 64 << 20
"""Characters of a list that is read; a larger one is refused."""
MAX_NAME = 200
"""Characters of a tracker's name, and of a bug's number."""


class InvalidList(InputError):
    """The list of bugs cannot be read."""


@dataclass(frozen=True, slots=True)
class BadLine:
    """A line that cannot be used, and why."""

    line: int
    reason: str

    def __str__(self) -> str:
        return f"line {self.line}: {self.reason}"


@dataclass(frozen=True, slots=True)
class BugList:
    """What a list gives: bugs, lines that cannot be used, and the ids of those bugs whose state it tells.

    Without `titled` its titles are no more than remarks: good enough for a bug that has none.
    """

    bugs: tuple[Bug, ...]
    bad: tuple[BadLine, ...] = ()
    stated: frozenset[str] = frozenset()
    titled: bool = True

    def must_be_good(self) -> tuple[Bug, ...]:
        """The bugs of a list without a bad line. Raises InvalidList for the first one."""
        if self.bad:
            raise InvalidList(str(self.bad[0]))
        return self.bugs


def check_size(text: str) -> None:
    """Raises InvalidList for a text that is larger than a list of bugs can be."""
    if len(text) > MAX_SIZE:
        raise InvalidList(f"{len(text)} characters are more than the {MAX_SIZE} that a list of bugs may have")


def check_name(what: str, name: str) -> None:
    """Raises InvalidList for what cannot be a part of a bug's id."""
    if not name or len(name) > MAX_NAME or not name.isprintable() or " " in name:
        raise InvalidList(f"{what} is {name[:40]!r}, not 1 to {MAX_NAME} characters without spaces")
    if what == "tracker" and ":" in name:
        raise InvalidList(f"tracker is {name!r}, and must not have a colon")


def bug(
    tracker: str, number: str, matchers: Sequence[Matcher], *, title: str = "", state: str = "open", url: str = ""
) -> Bug:
    """A bug; one without a number gets one that is made of what it matches."""
    name = number or "list-" + hashlib.sha256(repr(matchers).encode()).hexdigest()[:12]
    return Bug(
        id=bug_id(tracker, name),
        tracker=tracker,
        number=name,
        title=title,
        state=BugState(state),
        url=url,
        matchers=tuple(dict.fromkeys(matchers)),
    )
