"""From reports to findings: signed, rated, counted, bounded."""

from collections.abc import Sequence
from dataclasses import replace

import msgspec

from crashfarm.documents.finding import Finding, Kind
from crashfarm.understand import severity, signatures
from crashfarm.understand.report import Lines, Report

MAX_FINDINGS = 1000
"""Different findings that one run may have."""
MAX_FRAMES = 64
MAX_EXCERPT = 4000
"""Characters of text that a finding keeps."""
MANY = 50
"""Findings beyond which they are kept small, so that a result stays a document of reasonable size."""
_SMALL_FRAMES = 8
_SMALL_EXCERPT = 240

Made = tuple[Finding, Report, signatures.Signature]


def make(reports: Sequence[Report], lines: Lines) -> tuple[list[Made], bool]:
    """The findings in the order of the log, the same ones counted together, and whether some were dropped."""
    order: dict[Report, list[Report]] = {}
    for report in reports:
        order.setdefault(_identity(report), []).append(report)
    made: list[Made] = []
    for number, same in enumerate(order.values()):
        if number >= MAX_FINDINGS:
            return made, True
        made.append(_made(same[0], len(same), lines, small=number >= MANY))
    return made, False


def _identity(report: Report) -> Report:
    """What makes two reports the same: all but where in the log they stand and what varies."""
    stack = tuple(msgspec.structs.replace(frame, offset="") for frame in report.stack[:8])
    return replace(report, start=0, end=0, address="", thread="", stack=stack)


def _made(report: Report, count: int, lines: Lines, *, small: bool) -> Made:
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
        rules_version=signatures.RULES_VERSION,
    )
    return finding, report, signature


def _excerpt(report: Report, lines: Lines, limit: int) -> str:
    return "\n".join(line[:400] for line in lines[report.start : min(report.end, report.start + 80)])[:limit]
