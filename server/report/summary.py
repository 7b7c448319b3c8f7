"""summary.json: a report's numbers for other programs, and the schema that describes them."""

from collections.abc import Sequence
from typing import Annotated, Any

import msgspec

from server.report.model import Farm, Line, Overview


def _says(description: str) -> msgspec.Meta:
    return msgspec.Meta(description=description)


Name = Annotated[str, _says("16 hex digits that stay the same in every report and every farm.")]
Kind = Annotated[str, _says("assertion, crash, exception, hang, oom, sanitizer or valgrind.")]
Badness = Annotated[str, _says("critical, high, medium, low or unknown: the worst of its tuples; or empty.")]
Time = Annotated[str, _says("RFC 3339 in UTC, as in 2026-11-22T06:10:03.123Z.")]
Page = Annotated[str, _says("Its page, relative to this file.")]
Findings = Annotated[int, _says("How often anything was found, or this was.")]
Runs = Annotated[int, _says("Results.")]
Failures = Annotated[int, _says("Runs that found something.")]
Errors = Annotated[int, _says("Runs that could not be made.")]
Signatures = Annotated[int, _says("Different things that were found.")]


class SignatureSummary(msgspec.Struct, frozen=True, kw_only=True):
    """One signature in summary.json."""

    name: Name
    kind: Kind
    headline: Annotated[str, _says("What tells most of it: an assertion's message, else the detail.")]
    detail: Annotated[str, _says("An assertion's source file, else the signature.")]
    title: Annotated[str, _says("What it is called; may be empty.")]
    severity: Badness
    findings: Findings
    branches: Annotated[tuple[str, ...], _says("Where it was seen; with their products, if these are several.")]
    first_seen: Time
    last_seen: Time
    new: Annotated[bool, _says("First seen at or after `since`.")]
    differs: Annotated[
        bool, _says("Not seen on some branch of the product that ran an input which shows it elsewhere.")
    ]
    suppressed: Annotated[bool, _says("Somebody wants to hear no more of it.")]
    open_bugs: Annotated[int, _says("Known bugs that explain it and are open.")]
    closed_bugs: Annotated[int, _says("Those that are closed.")]
    page: Page


class BranchSummary(msgspec.Struct, frozen=True, kw_only=True):
    """One branch in summary.json."""

    product: str
    branch: str
    runs: Runs
    failures: Failures
    errors: Errors
    findings: Findings
    signatures: Signatures
    page: Page


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    """summary.json: the report's numbers."""

    format: Annotated[int, _says("Grows when a member changes its meaning or goes; new members come without that.")] = 1
    farm: str
    made_at: Time
    since: Annotated[str, _says("A time, or empty where nothing can be new, as in a first report.")]
    runs: Runs
    failures: Failures
    errors: Errors
    findings: Findings
    tuples: Annotated[int, _says("Signatures by message, product, branch, build type and kind of machine.")]
    signatures: Signatures
    new_signatures: Annotated[int, _says("Those first seen at or after `since`.")]
    differing: Annotated[int, _says("Those that some branches show and others, which ran the same input, do not.")]
    branches: tuple[BranchSummary, ...]
    listed: Annotated[tuple[SignatureSummary, ...], _says("The commonest first, suppressed ones last; at most 5,000.")]
    left_out: Annotated[int, _says("Signatures beyond these.")]


def schema() -> dict[str, Any]:
    """What describes every member, as JSON Schema."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema"} | msgspec.json.schema(Summary)


def of(overview: Overview, farm: Farm, listed: Sequence[Line]) -> Summary:
    """The summary of a report; `listed` are the signatures that it tells one by one."""
    return Summary(
        farm=farm.name,
        made_at=farm.made_at,
        since=farm.since,
        runs=overview.runs,
        failures=overview.failures,
        errors=overview.errors,
        findings=overview.findings,
        tuples=overview.tuples,
        signatures=overview.signatures,
        new_signatures=overview.new_count,
        differing=overview.differing,
        branches=tuple(_pick(BranchSummary, line, page=line.href) for line in overview.branches),
        listed=tuple(_pick(SignatureSummary, line, page=line.href) for line in listed),
        left_out=overview.signatures - len(listed),
    )


def _pick(kind: Any, line: Any, **others: Any) -> Any:
    """A struct of that kind, whose fields are the line's attributes of the same names."""
    names = [name for name in kind.__struct_fields__ if name not in others]
    return kind(**{name: getattr(line, name) for name in names}, **others)
