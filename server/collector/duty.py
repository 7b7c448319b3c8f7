"""What a duty is: work that new and changed documents of one sort ask for."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from crashfarm.documents.base import Json


@dataclass(frozen=True, slots=True)
class Changed:
    """A document that is new, changed or gone since the duty looked last: its id, and how it is now (None: deleted)."""

    id: str
    doc: Json | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Duty:
    """Work that documents ask for whose ids begin with `prefix`.

    `do` is given such documents, at most a page at a time, each as it is now, and returns how many things it did.
    It must bear being given the same documents again: after a restart, or because somebody else has the same duty.
    DatabaseError means "later": the same page is given again. Any other exception is logged; the documents are given
    once more, one by one, and those that raise again are passed over.
    """

    #: Names the duty's cursor, `cursor:collector-<name>`.
    name: str
    #: The prefix of the ids it is about, such as "history_" or "bug:".
    prefix: str
    do: Callable[[Sequence[Changed]], int]
    #: Called when `do` has been given all there is; what it raises is treated alike. For work that wants no pages.
    finish: Callable[[], int] | None = None
    #: Whether the documents are in the history database, or else in the status database.
    of_history: bool = True
    #: Whether a farm that never had this duty begins with what comes from now on, or with all there is.
    from_now: bool = False
