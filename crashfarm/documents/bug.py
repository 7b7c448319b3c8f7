"""The bug document: a bug that some tracker knows, and how to tell its findings."""

from enum import StrEnum
from typing import ClassVar

import msgspec

from crashfarm.documents.base import Document


class BugState(StrEnum):
    """Whether work on a bug is done."""

    OPEN = "open"
    CLOSED = "closed"


class Matcher(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Which findings a bug explains: those that fit every part which is given.

    `text` is sought in a finding's message as `how` says: `exact`, `contains` or `pattern` (a regular expression).
    """

    kind: str | None = None
    text: str | None = None
    how: str = "contains"
    file: str | None = None
    signature: str | None = None
    product: str | None = None
    branch: str | None = None
    version: str | None = None


class Bug(Document, frozen=True, kw_only=True):
    """A known bug: id `bug:<tracker>:<number>`.

    `fixed_on` lists the branches on which a closed bug is fixed, `*` being all of them. A bug that is a duplicate of
    another, or has moved to another tracker, has that one's id in `moved_to`. `matched` is the digest of the matchers
    that the farm's tuples have been compared with; whoever changes the matchers leaves it alone.
    """

    TYPE: ClassVar[str] = "bug"

    tracker: str
    number: str
    title: str = ""
    state: BugState = BugState.OPEN
    resolution: str = ""
    url: str = ""
    matchers: tuple[Matcher, ...] = ()
    fixed_on: tuple[str, ...] = ()
    updated_at: str = ""
    closed_at: str = ""
    moved_to: str = ""
    matched: str = ""


def bug_id(tracker: str, number: str) -> str:
    """The id of that bug."""
    return f"bug:{tracker}:{number}"
