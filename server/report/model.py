"""What the pages of a report show, as plain values. No page asks the database anything."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import msgspec

from crashfarm.documents.finding import Finding
from crashfarm.documents.job import JobResult
from crashfarm.documents.signature import SignatureNote
from server.report.frames import Fold


@dataclass(frozen=True)
class ReportSummary:
    """What a report tells, in numbers. `runs` are results; `differing` counts signatures that some branches show
    and others, which ran the same input, do not; `new_signatures` were first seen at or after `since`.
    """

    jobs: int
    findings: int
    signatures: int
    differing: int
    new_signatures: int
    index: Path

    def line(self) -> str:
        """The summary as one line of text."""
        return (
            f"{count(self.jobs, 'job')} run, {count(self.findings, 'finding')}, "
            f"{count(self.signatures, 'distinct signature')} ({self.new_signatures} new), "
            f"{self.differing} of them {'differs' if self.differing == 1 else 'differ'} between branches"
        )


def count(number: int, noun: str, plural: str = "") -> str:
    """The number with its noun, in the plural where it must be."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {plural or noun + 's'}"


def signature_href(name: str) -> str:
    """The address of a signature's page, from the report's folder."""
    return f"signature/{name}.html"


@dataclass(frozen=True)
class Line:
    """A signature as lists show it. `name` is its short name; `message` is empty unless it is part of the signature."""

    name: str
    kind: str
    detail: str
    message: str
    title: str
    severity: str
    first_seen: str
    last_seen: str
    findings: int
    tuples: int
    suppressed: bool
    differs: bool
    open_bugs: int
    closed_bugs: int
    new: bool
    branches: tuple[str, ...]

    @property
    def headline(self) -> str:
        """The part of the signature that tells most."""
        return self.message or self.detail

    @property
    def href(self) -> str:
        """The page's address, from the report's folder."""
        return signature_href(self.name)


@dataclass(frozen=True)
class BranchLine:
    """A branch as lists show it."""

    name: str
    product: str
    branch: str
    runs: int
    failures: int
    errors: int
    findings: int
    signatures: int

    @property
    def href(self) -> str:
        """The page's address, from the report's folder."""
        return f"branch/{self.name}.html"

    @property
    def outcomes(self) -> dict[str, int]:
        """Runs by outcome."""
        successes = self.runs - self.failures - self.errors
        return {JobResult.SUCCESS: successes, JobResult.FAILURE: self.failures, JobResult.ERROR: self.errors}


class MachineLink(msgspec.Struct, frozen=True, gc=False):
    """A kind of machine: `name` is of its page, `text` is what it is called."""

    name: str
    text: str

    @property
    def href(self) -> str:
        """The page's address, from the report's folder."""
        return f"machine/{self.name}.html"


@dataclass(frozen=True)
class MachineLine:
    """A kind of machine, an operating system's version on a processor, as lists show it."""

    link: MachineLink
    parts: tuple[str, str, str]
    findings: int
    signatures: int
    workers: int


@dataclass(frozen=True)
class News:
    """What changed since a time: signatures by what became of them, a few of each, and how many there are."""

    title: str
    about: str
    anchor: str
    lines: tuple[Line, ...]
    number: int


@dataclass(frozen=True)
class Table:
    """Numbers with a name for each row and column; what a chart shows, and the text beside it."""

    title: str
    corner: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, tuple[int, ...]], ...]


@dataclass(frozen=True)
class Chart:
    """A picture and the numbers in it. `svg` holds no script and loads nothing."""

    name: str
    table: Table
    svg: str


@dataclass(frozen=True)
class Ask:
    """The command that gives some of a page's numbers; `name` is its place on the page."""

    name: str
    about: str
    command: str


@dataclass(frozen=True)
class Farm:
    """What every page says about the farm: its name, when the report was made, since when things count as new.

    `url` is where the report is published, without a slash at its end; empty where that is not known.
    """

    name: str
    made_at: str
    since: str
    version: str
    url: str = ""


@dataclass(frozen=True)
class Overview:
    """The first page."""

    runs: int
    failures: int
    errors: int
    findings: int
    signatures: int
    tuples: int
    differing: int
    new_count: int
    news: tuple[News, ...]
    top: tuple[Line, ...]
    branches: tuple[BranchLine, ...]
    machines: tuple[MachineLine, ...]
    unfiled: int
    bugs: int
    jobs: Mapping[str, int]
    workers: Mapping[str, int]
    charts: tuple[Chart, ...]
    unreadable: tuple[str, ...]
    unreadable_count: int
    asks: tuple[Ask, ...]


class TupleRow(msgspec.Struct, frozen=True, gc=False):
    """One tuple of a signature."""

    branch_href: str
    message: str
    product: str
    branch: str
    buildtype: str
    machine: str
    first_seen: str
    last_seen: str
    count: int


class Cell(msgspec.Struct, frozen=True, gc=False):
    """How often a signature was seen on one build and machine, in how many runs of the inputs that show it.

    `ran` is None where that is not known, because not all of its inputs are.
    """

    seen: int
    ran: int | None

    @property
    def heat(self) -> int:
        """From 0, never, to 4, always."""
        if not self.ran:
            return 4 if self.seen else 0
        return min(4, -(-4 * self.seen // self.ran))

    @property
    def score(self) -> str:
        """How reliably it shows, in per cent; never rounded to always or never."""
        share = 100 * self.seen / (self.ran or 1)
        return f"{share:.0f}%" if share in {0, 100} else f"{min(99, max(1, round(share)))}%"


class MatrixRow(msgspec.Struct, frozen=True, gc=False):
    """One build of the matrix; a cell is None where no machine of that kind ran the inputs."""

    branch: str
    branch_href: str
    buildtype: str
    cells: tuple[Cell | None, ...]


class BugLink(msgspec.Struct, frozen=True, gc=False):
    """A known bug. `url` is empty unless it is a plain web address; `name` is of its page; `signatures` tells how many
    of those that were asked about it explains.
    """

    name: str
    id: str
    title: str
    state: str
    resolution: str
    url: str
    signatures: int

    @property
    def href(self) -> str:
        """The page's address, from the report's folder."""
        return f"bug/{self.name}.html"


class Sample(msgspec.Struct, frozen=True, gc=False):
    """The newest run that showed a signature. `stack` are the finding's frames as people read them."""

    result: str
    place: str
    worker: str
    at: str
    branch: str
    finding: Finding
    stack: tuple[Fold, ...]


class Variant(msgspec.Struct, frozen=True, gc=False):
    """Another signature of the same bug. `leads` marks the one that the group is named for."""

    name: str
    headline: str
    leads: bool

    @property
    def href(self) -> str:
        """The page's address, from the report's folder."""
        return signature_href(self.name)


class SignaturePage(msgspec.Struct, frozen=True, gc=False):
    """One signature, with all that is known of it.

    `days` are how often it was seen on each day that it was seen, in their order. `minimal` is the smallest input as
    text, empty where there is none, or none that can be shown.
    """

    line: Line
    rows: tuple[TupleRow, ...]
    rows_left_out: int
    machines: tuple[MachineLink, ...]
    matrix: tuple[MatrixRow, ...]
    places: tuple[str, ...]
    places_left_out: int
    bugs: tuple[BugLink, ...]
    days: tuple[tuple[str, int], ...]
    variants: tuple[Variant, ...]
    note: SignatureNote | None
    minimal: str
    sample: Sample | None


@dataclass(frozen=True)
class BugPage:
    """One known bug and what it explains, as much of it as a page lists. `again` was seen after the bug was closed, on
    a branch where it is fixed; `again_count` tells how many there are.
    """

    link: BugLink
    fixed_on: tuple[str, ...]
    lines: tuple[Line, ...]
    again: tuple[Line, ...]
    again_count: int


@dataclass(frozen=True)
class WorkerRow:
    """A worker as its document describes it."""

    name: str
    state: str
    reason: str
    heartbeat_at: str
    version: str


@dataclass(frozen=True)
class MachinePage:
    """One kind of machine: the workers that are such, and what was seen there, and how often there.

    `only_here` was seen nowhere else, and `only_count` says of how many that is true; None where nothing was seen on
    another machine.
    """

    line: MachineLine
    workers: tuple[WorkerRow, ...]
    workers_left_out: int
    lines: tuple[Line, ...]
    only_here: tuple[Line, ...]
    only_count: int | None
    asks: tuple[Ask, ...]


@dataclass(frozen=True)
class BuildRow:
    """How a branch is run on one platform; `command` is as a shell would take it."""

    buildtype: str
    platform: str
    about: str
    command: str


@dataclass(frozen=True)
class BranchPage:
    """One branch, with its builds and what they showed, and how often there.

    `only_here` did not show on other branches that ran the same input, and `only_count` says of how many that is true.
    """

    line: BranchLine
    enabled: bool
    builds: tuple[BuildRow, ...]
    lines: tuple[Line, ...]
    only_here: tuple[Line, ...]
    only_count: int
    charts: tuple[Chart, ...]
    asks: tuple[Ask, ...]
