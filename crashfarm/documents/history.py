"""History documents: one for every distinct tuple ever seen, merged by all who see it."""

import hashlib
from typing import ClassVar, Self

import msgspec

from crashfarm.documents.base import Document
from crashfarm.documents.environment import Environment
from crashfarm.documents.finding import Finding, Severity

MAX_PLACES = 20
"""How many places a history document lists; which ones there are beyond that, the results tell."""

MAX_EXCERPT = 800
"""Characters of a finding's text that a history document keeps: enough to compare it with known bugs."""

_SEVERITIES = ("", *reversed(Severity))


class BugLists(msgspec.Struct, frozen=True, kw_only=True):
    """The ids of the known bugs that explain a finding."""

    open: tuple[str, ...] = ()
    closed: tuple[str, ...] = ()


class Sighting(msgspec.Struct, frozen=True, kw_only=True):
    """One finding of one run: what, where, when, and at which place (an input's name or URL)."""

    finding: Finding
    environment: Environment
    seen_at: str
    place: str


class History(Document, frozen=True, kw_only=True):
    """What is known of one tuple: id `history_<kind>:<digest of the tuple>`.

    Merging is the union: the earlier first_seen, the later last_seen, the first title in order of text (signature,
    file and excerpt likewise), the worst severity, all places (the first in order of text, when there are too many),
    all bugs; of two decisions to suppress it or not, the later one. It gives the same document in whatever order, and
    however often, it is done.

    Which bugs explain the tuple, and which of these are back though fixed (`regressed`), follows from the bugs'
    documents: the collector decides it anew whenever this document or a bug changes, so that what a merge brings back
    does not stay.
    """

    kind: ClassVar[str] = ""

    message: str
    detail: str
    product: str
    branch: str
    buildtype: str
    os_name: str
    os_version: str
    cpu_name: str
    first_seen: str
    last_seen: str
    title: str = ""
    severity: str = ""
    places: tuple[str, ...] = ()
    bugs: BugLists = BugLists()
    suppressed: bool = False
    suppressed_at: str = ""
    regressed: tuple[str, ...] = ()
    signature: str = ""
    file: str = ""
    excerpt: str = ""

    @property
    def tuple_key(self) -> tuple[str, ...]:
        """The first nine parts of the key tuple."""
        return (self.TYPE, self.message, self.detail, *Environment.of(self).parts())

    @classmethod
    def of(cls, sighting: Sighting) -> Self:
        """The document that this sighting alone would make."""
        finding, environment = sighting.finding, sighting.environment
        key = (cls.TYPE, finding.message, finding.detail, *environment.parts())
        return cls(
            id=f"{cls.TYPE}:{digest(key)}",
            message=finding.message,
            detail=finding.detail,
            **msgspec.structs.asdict(environment),
            first_seen=sighting.seen_at,
            last_seen=sighting.seen_at,
            title=finding.title,
            severity=finding.severity,
            places=(sighting.place,),
            signature=finding.signature,
            file=finding.file,
            excerpt=finding.excerpt[:MAX_EXCERPT],
        )

    def merge(self, other: Self) -> Self:
        """This document with all that the other one of the same id knows."""
        suppressed_at, suppressed = max(one._decision for one in (self, other))
        bugs = _merge_bugs(self.bugs, other.bugs)
        return self.evolve(
            first_seen=min(self.first_seen, other.first_seen),
            last_seen=max(self.last_seen, other.last_seen),
            title=_first(self.title, other.title),
            severity=max(self.severity, other.severity, key=_badness),
            places=tuple(sorted({*self.places, *other.places})[:MAX_PLACES]),
            bugs=bugs,
            suppressed=suppressed,
            suppressed_at=suppressed_at,
            regressed=tuple(sorted({*self.regressed, *other.regressed} - {*bugs.open})),
            signature=_first(self.signature, other.signature),
            file=_first(self.file, other.file),
            excerpt=_first(self.excerpt, other.excerpt),
        )

    @property
    def _decision(self) -> tuple[str, bool]:
        return self.suppressed_at, self.suppressed


class HistoryAssertion(History, frozen=True, kw_only=True):
    """An assertion that failed; `detail` is its source file."""

    TYPE: ClassVar[str] = "history_assertion"


class HistoryCrash(History, frozen=True, kw_only=True):
    """A crash; `detail` is its signature."""

    TYPE: ClassVar[str] = "history_crash"


class HistorySanitizer(History, frozen=True, kw_only=True):
    """A sanitizer's report; `detail` is its signature."""

    TYPE: ClassVar[str] = "history_sanitizer"


class HistoryValgrind(History, frozen=True, kw_only=True):
    """A valgrind error; `detail` is its signature."""

    TYPE: ClassVar[str] = "history_valgrind"


class HistoryHang(History, frozen=True, kw_only=True):
    """A run that its time limit ended; `detail` is its signature."""

    TYPE: ClassVar[str] = "history_hang"


class HistoryOom(History, frozen=True, kw_only=True):
    """A run that ran out of memory; `detail` is its signature."""

    TYPE: ClassVar[str] = "history_oom"


class HistoryException(History, frozen=True, kw_only=True):
    """An exception that nobody handled; `detail` is its signature."""

    TYPE: ClassVar[str] = "history_exception"


HISTORY_TYPES: dict[str, type[History]] = {
    cls.TYPE: cls
    for cls in (
        HistoryAssertion,
        HistoryCrash,
        HistorySanitizer,
        HistoryValgrind,
        HistoryHang,
        HistoryOom,
        HistoryException,
    )
}


def history_of(sighting: Sighting) -> History:
    """The history document that this sighting makes, of the class of its kind."""
    return HISTORY_TYPES[f"history_{sighting.finding.kind}"].of(sighting)


def digest(key: tuple[str, ...]) -> str:
    """A name for a tuple: the first 32 hex digits of the SHA-256 of its JSON."""
    return hashlib.sha256(msgspec.json.encode(key)).hexdigest()[:32]


def _badness(severity: str) -> tuple[int, str]:
    """Sorts severities; a word that only a newer version knows comes between none and the least."""
    return (_SEVERITIES.index(severity), "") if severity in _SEVERITIES else (0, severity)


def _first(*texts: str) -> str:
    """The first in order of text of those that are not empty."""
    return min(filter(None, texts), default="")


def _merge_bugs(ours: BugLists, theirs: BugLists) -> BugLists:
    """The union; a bug that one side has closed and the other open counts as open until somebody looks again."""
    opened = {*ours.open, *theirs.open}
    closed = {*ours.closed, *theirs.closed} - opened
    return BugLists(open=tuple(sorted(opened)), closed=tuple(sorted(closed)))
