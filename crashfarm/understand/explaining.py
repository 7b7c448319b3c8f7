"""An explanation in words, line by line, for people."""

from collections.abc import Iterator

from crashfarm.documents.finding import Finding, Frame
from crashfarm.understand.understanding import Explained, Explanation


def describe(explanation: Explanation) -> Iterator[str]:
    """What was found, which frames were dropped and why, which rules made the signature, what did not count."""
    seen = explanation.understanding
    yield f"outcome: {seen.outcome}"
    for note in seen.notes:
        yield f"note: {note}"
    if seen.truncated:
        yield "note: not everything was looked at or kept"
    for number, one in enumerate(explanation.explained, start=1):
        yield ""
        yield f"finding {number}: {one.finding.kind}: {one.finding.title}"
        yield from (f"  {line}" for line in _about(one))
    for report, reason in explanation.set_aside:
        yield ""
        yield f"not counted: {report.title} (read as {report.format}, line {report.start + 1}): {reason}"


def _about(one: Explained) -> Iterator[str]:
    finding, report = one.finding, one.report
    read = f"lines {report.start + 1} to {report.end}" if report.end else "how the process ended"
    yield f"read as {report.format}, from {read}"
    yield from (f"{name}: {value}" for name, value in _fields(finding) if value)
    for step in one.signature.steps:
        yield f"{'kept   ' if step.kept else 'dropped'} {_place(step.frame)}: {step.reason}"
    for line in one.signature.rules:
        yield f"rule {line}"


def _fields(finding: Finding) -> tuple[tuple[str, str], ...]:
    near = " (near null)" if finding.near_null else ""
    return (
        ("message", finding.message),
        ("detail", finding.detail),
        ("signature", finding.signature),
        ("place", f"{finding.file}:{finding.line}" if finding.line else finding.file),
        ("access", " ".join(filter(None, (finding.access, str(finding.size) if finding.size is not None else "")))),
        ("address", f"{finding.address}{near}" if finding.address else ""),
        ("thread", finding.thread),
        ("input", finding.input),
        ("severity", f"{finding.severity}: {finding.severity_reason}"),
        ("seen", f"{finding.count} times" if finding.count > 1 else ""),
        ("rules", finding.rules_version),
    )


def _place(frame: Frame) -> str:
    where = f"{frame.file}:{frame.line}" if frame.file and frame.line else frame.file or frame.module
    return " ".join(filter(None, (frame.function or "?", f"({where})" if where else "")))
