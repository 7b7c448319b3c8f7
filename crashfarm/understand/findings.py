"""From reports to findings: signed, rated, counted, bounded."""

from collections.abc import Sequence
from dataclasses import replace

import msgspec

from crashfarm.documents.finding import Finding, Kind
from crashfarm.understand import boundaries, severity, signatures
from crashfarm.understand.report import Lines, Report

MAX_FINDINGS = 1000
"""Different findings that one run may have."""
MAX_FRAMES = 64
MAX_EXCERPT = 4000
"""Characters of text that a finding keeps."""
MAX_EXCERPT_LINE = 1200
MANY = 50
"""Findings beyond which they are kept small, so that a result stays a document of reasonable size."""
_SMALL_FRAMES = 8
_SMALL_EXCERPT = 240

Made = tuple[Finding, Report, signatures.Signature]


def make(reports: Sequence[Report], lines: Lines) -> tuple[list[Made], bool]:
    """The findings in the order of the log, the same ones counted together, and whether some were dropped."""
    inputs = boundaries.find(lines) if reports else boundaries.Boundaries((), ())
    order: dict[tuple[Report, str], list[Report]] = {}
    for report in reports:
        line = report.start if report.end else len(lines)
        order.setdefault((_identity(report), inputs.input_at(line)), []).append(report)
    made: list[Made] = []
    for number, ((_, running), same) in enumerate(order.items()):
        if number >= MAX_FINDINGS:
            return made, True
        made.append(_made(same[0], len(same), lines, running, small=number >= MANY))
    return made, False


def _identity(report: Report) -> Report:
    """What makes two reports the same: all but where in the log they stand and what varies."""
    stack = tuple(msgspec.structs.replace(frame, offset="") for frame in report.stack[:8])
    return replace(report, start=0, end=0, address="", thread="", stack=stack)


def _made(report: Report, count: int, lines: Lines, running: str, *, small: bool) -> Made:
    signature = signatures.sign(report)
    rating, reason = severity.estimate(report)
    message = report.message or report.title
    finding = Finding(
        kind=report.kind,
        title=report.title,
        message=message,
        detail=(report.file if report.kind is Kind.ASSERTION else "") or signature.text,
        signature=signature.text,
        file=report.file,
        line=report.line,
        access=report.access,
        size=report.size,
        address=report.address,
        near_null=severity.near_null(report.address),
        frames=report.stack[: _SMALL_FRAMES if small else MAX_FRAMES],
        thread=report.thread[:80],
        severity=rating,
        severity_reason=reason,
        excerpt=_excerpt(report, lines, _SMALL_EXCERPT if small else MAX_EXCERPT),
        count=count,
        input=running,
        rules_version=signatures.RULES_VERSION,
    )
    return finding, report, signature


def _excerpt(report: Report, lines: Lines, limit: int) -> str:
    return "\n".join(line[:MAX_EXCERPT_LINE] for line in lines[report.start : min(report.end, report.start + 80)])[
        :limit
    ]
