"""The signature document: what people and the farm found out about a signature as a whole."""

from typing import ClassVar, Self

import msgspec

from crashfarm.documents.base import Document
from crashfarm.documents.finding import Finding, Kind
from crashfarm.documents.history import digest


class Minimal(msgspec.Struct, frozen=True, kw_only=True):
    """The smallest input found that still gives the signature: an attachment of the result it was reduced from.

    `name` is the input's file name. Sizes in bytes; `tests` is how many candidates were tried.
    """

    result: str
    attachment: str
    name: str
    size: int
    original_size: int
    tests: int
    at: str


class BuildRange(msgspec.Struct, frozen=True, kw_only=True):
    """Between which two builds of a branch the signature came in; empty where none is known.

    `skipped` lists builds between the two that could not be judged, oldest first; `runs` is how many jobs it took.
    `first_good` is the build that it was gone with, if that was asked for.
    """

    product: str
    branch: str
    buildtype: str
    last_good: str = ""
    first_bad: str = ""
    last_bad: str = ""
    first_good: str = ""
    skipped: tuple[str, ...] = ()
    runs: int = 0
    at: str = ""


class Reproduction(msgspec.Struct, frozen=True, kw_only=True):
    """Of `ran` repeats on the same build and kind of machine as the first sighting's, `seen` gave the signature."""

    result: str
    seen: int
    ran: int
    at: str = ""


class SignatureNote(Document, frozen=True, kw_only=True):
    """What is known of a signature beyond its sightings: id `signature:<digest>`; no document, nothing known.

    `message` belongs to an assertion, whose detail is only its file; it is empty for all other kinds.
    `variant_of` is the id of the document that leads the group of one bug's signatures, `not_variant_of` lists
    those of which a person said that they are other bugs.
    """

    TYPE: ClassVar[str] = "signature"

    kind: Kind
    detail: str
    message: str = ""
    variant_of: str = ""
    not_variant_of: tuple[str, ...] = ()
    confirmed_by: str = ""
    confirmed_at: str = ""
    minimal: Minimal | None = None
    range: BuildRange | None = None
    reproduction: Reproduction | None = None

    @classmethod
    def new(cls, kind: Kind, message: str, detail: str) -> Self:
        """A document that says nothing yet; `message` is dropped where it does not belong to the signature."""
        own = message if kind is Kind.ASSERTION else ""
        return cls(id=signature_id(kind, message, detail), kind=kind, message=own, detail=detail)

    @classmethod
    def of(cls, finding: Finding) -> Self:
        """The same for a finding's signature."""
        return cls.new(finding.kind, finding.message, finding.detail)


def signature_id(kind: str, message: str, detail: str) -> str:
    """The id of the document about a signature; an assertion's message belongs to it, other kinds' does not."""
    return f"signature:{digest((kind, detail, message if kind == Kind.ASSERTION else ''))}"
