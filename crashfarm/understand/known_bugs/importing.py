"""What readers of bug lists share: the error for a list that cannot be read, and the making of a bug."""

import hashlib
from collections.abc import Sequence

from crashfarm.documents.bug import Bug, BugState, Matcher, bug_id
from crashfarm.errors import InputError

MAX_SIZE = 64 << 20
"""Characters of a list that is read; a larger one is refused."""


class InvalidList(InputError):
    """The list of bugs cannot be read."""


def check_size(text: str) -> None:
    """Raises InvalidList for a text that is larger than a list of bugs can be."""
    if len(text) > MAX_SIZE:
        raise InvalidList(f"{len(text)} characters are more than the {MAX_SIZE} that a list of bugs may have")


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
        matchers=tuple(matchers),
    )
