"""From how a run ended and what it wrote to what went wrong."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from crashfarm.documents.finding import Finding, Kind
from crashfarm.understand import encodings, events, findings, ftb, last_words, signatures, text, verdict
from crashfarm.understand.formats import NEEDLES
from crashfarm.understand.report import Report
from crashfarm.understand.scan import Scan, scan

_LESSER = (("Indirect-leak", 4), ("leak", 3), ("Leak", 3), ("WARNING", 2))
"""Words in titles of findings that others go before."""
_UNDEFINED = "UndefinedBehaviorSanitizer"
_LEADS_TO: dict[str, tuple[str, ...]] = {
    "SIGSEGV": ("Null-dereference", "Index-out-of-bounds", "Object-size", "Misaligned", "Pointer-overflow", "Bad-cast"),
    "SIGBUS": ("Misaligned",),
    "SIGFPE": ("Divide-by-zero", "Integer-overflow"),
}
"""Undefined behaviour that leads to a signal; the program goes on after the report of it."""
_GOES_ON = ("ThreadSanitizer", "LeakSanitizer", "valgrind", "kernel")
"""Tools that report and let the program go on."""
SUCCESS = "success"
FAILURE = "failure"


@dataclass(frozen=True, slots=True)
class Understanding:
    """What a run showed.

    `outcome` is "success" or "failure". `truncated` says that not everything was looked at or kept, `notes` what else
    is to be known about how this came about.
    """

    findings: tuple[Finding, ...]
    outcome: str
    truncated: bool
    notes: tuple[str, ...]

    @property
    def primary(self) -> Finding | None:
        """The finding that tells most of what went wrong."""
        return gravest(self.findings)


def gravest(findings: Iterable[Finding]) -> Finding | None:
    """Of a run's findings the one that tells most of what went wrong: the first one of the gravest kind."""
    return min(findings, key=_gravity, default=None)


@dataclass(frozen=True, slots=True)
class Explained:
    """One finding with the report it was read from and how its signature came about."""

    finding: Finding
    report: Report
    signature: signatures.Signature


@dataclass(frozen=True, slots=True)
class Explanation:
    """Everything that led to an understanding."""

    understanding: Understanding
    explained: tuple[Explained, ...]
    #: Reports that were read and did not count, each with the reason.
    set_aside: tuple[tuple[Report, str], ...]


def understand(
    *,
    exit_status: int | None = None,
    signal: int | None = None,
    timed_out: bool = False,
    output: bytes = b"",
    core_text: bytes = b"",
    killed_for: str = "",
) -> Understanding:
    """What a run showed. `core_text` is a debugger's account of its core. Never raises."""
    return explain(
        exit_status=exit_status,
        signal=signal,
        timed_out=timed_out,
        output=output,
        core_text=core_text,
        killed_for=killed_for,
    ).understanding


def explain(
    *,
    exit_status: int | None = None,
    signal: int | None = None,
    timed_out: bool = False,
    output: bytes = b"",
    core_text: bytes = b"",
    killed_for: str = "",
) -> Explanation:
    """The same, with every step that led to it."""
    end = verdict.judge(exit_status=exit_status, signal=signal, timed_out=timed_out, killed_for=killed_for)
    try:
        if end.limit == "time":
            output, core_text = last_words.told(output, core_text)
        output = encodings.to_utf8(output)
        return _explain(end, text.read(output + b"\n" + core_text if core_text else output, NEEDLES))
    except Exception as fault:
        notes = (f"reading the output failed: {type(fault).__name__}: {fault}",)
        return _explanation(end, text.Text((), False), [end.bare] if end.bare else [], notes, (), False)


def _explain(end: verdict.Verdict, log: text.Text) -> Explanation:
    found = scan(log.lines)
    joined = events.join(found.reports)
    if not found.reports:
        joined = tuple(ftb.reports(log.lines, end))
    kept, aside = _weigh(end, joined)
    notes = _notes(end, log, found)
    return _explanation(end, log, kept, notes, aside, found.flooded)


def _notes(end: verdict.Verdict, log: text.Text, found: Scan) -> tuple[str, ...]:
    notes = [end.note] if end.note else []
    if log.truncated:
        notes.append("the output is large: only its head, its tail and what looks like reports were read")
    if found.flooded:
        notes.append("a flood of reports, or of what looks like them: only the first ones are read")
    return (*notes, *found.notes)


def _weigh(end: verdict.Verdict, reports: Sequence[Report]) -> tuple[list[Report], tuple[tuple[Report, str], ...]]:
    """Which reports count, given how the process ended."""
    kept: list[Report] = []
    aside: list[tuple[Report, str]] = []
    for report in reports:
        if reason := _against(end, report):
            aside.append((report, reason))
        else:
            kept.append(report)
    if end.limit:
        kept = _at_limit(end, kept)
    elif end.bare and not any(_explains(end, report) for report in kept):
        kept.append(end.bare)
    return kept, tuple(aside)


def _gravity(finding: Finding) -> int:
    """Rank of a finding among those of one run: what was seen at work, before what the program said or "
    "did of itself."""
    if finding.kind in (Kind.SANITIZER, Kind.VALGRIND):
        return next((rank for word, rank in _LESSER if word in finding.title), 0)
    return {Kind.ASSERTION: 1, Kind.CRASH: 1, Kind.EXCEPTION: 2}.get(finding.kind, 2)


def _against(end: verdict.Verdict, report: Report) -> str:
    if report.orderly and (not end.known or end.ended_well):
        return "an orderly end for want of memory, and nothing says that the process ended badly"
    if end.ended_well and report.may_be_handled:
        return "the program ended well, so this was handled"
    if end.ended_well and report.weak:
        return "the program ended well, so this is about another one"
    if end.signal and end.signal != "SIGABRT" and report.may_be_handled:
        return f"{end.signal} ended the program, not this"
    return ""


def _explains(end: verdict.Verdict, report: Report) -> bool:
    """Whether a report can be about the signal that ended the process: what lets programs go on is not."""
    if report.announces or report.signal:
        return True
    if report.format == _UNDEFINED:
        return end.signal in ("SIGABRT", "SIGILL", "SIGTRAP") or report.title.startswith(_LEADS_TO.get(end.signal, ()))
    return report.kind in (Kind.SANITIZER, Kind.CRASH, Kind.OOM) and report.format not in _GOES_ON


def _at_limit(end: verdict.Verdict, reports: Iterable[Report]) -> list[Report]:
    """A run that the farm ended: what tells where it was gives its stack to the one finding about the limit."""
    bare = end.bare
    assert bare is not None  # noqa: S101
    kept = []
    for report in reports:
        if report.kind is bare.kind or report.stack_only or report.title.endswith("KeyboardInterrupt"):
            bare = replace(report, kind=bare.kind, title=bare.title, message=bare.message, headline="")
        else:
            kept.append(report)
    return [*kept, bare]


def _explanation(
    end: verdict.Verdict,
    log: text.Text,
    reports: Sequence[Report],
    notes: tuple[str, ...],
    aside: tuple[tuple[Report, str], ...],
    flooded: bool,
) -> Explanation:
    made, cut = findings.make(reports, log.lines)
    explained = tuple(Explained(finding, report, signature) for finding, report, signature in made)
    outcome = SUCCESS if not made and (end.ended_well or not end.known) else FAILURE
    understanding = Understanding(
        tuple(one.finding for one in explained), outcome, log.truncated or flooded or cut, notes
    )
    return Explanation(understanding, explained, aside)
