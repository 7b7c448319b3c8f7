"""`crashfarm results`: how runs ended."""

from collections import Counter
from typing import Annotated

import typer

from crashfarm import console, times
from crashfarm.documents.job import JobResult
from crashfarm.errors import InputError
from server.cli import options
from server.queries import known, moments, totals

PARTS = ("product", "branch", "buildtype", "day", "outcome")


def register(parent: typer.Typer) -> None:
    """Add the command."""
    parent.command("results")(results)


def results(
    product: Annotated[str | None, typer.Option()] = None,
    branch: Annotated[str | None, typer.Option()] = None,
    buildtype: Annotated[str | None, typer.Option()] = None,
    outcome: Annotated[JobResult | None, typer.Option()] = None,
    since: Annotated[
        str | None,
        typer.Option(metavar="TIME", help="Only runs that ended on that day or later: 2026-11-22, 2d, monday."),
    ] = None,
    group: Annotated[list[str] | None, typer.Option(help=f"May be repeated: {', '.join(PARTS)}.")] = None,
    as_json: options.AsJson = False,
    data: options.Data = None,
) -> None:
    """Count runs by any of: product, branch, buildtype, day, outcome.

    Example: crashfarm results --branch 3.13 --since monday --group day --group outcome
    """
    columns = tuple(group or ("branch", "outcome"))
    if unknown := [name for name in columns if name not in PARTS]:
        raise InputError(f"--group takes {', '.join(PARTS)}; not {unknown[0]!r}")
    named = {"product": product, "branch": branch, "buildtype": buildtype, "outcome": outcome}
    parts = {name: value for name, value in named.items() if value is not None}
    first = "" if since is None else times.to_text(moments.read_moment(since, times.utc_now()))[:10]
    farm = options.connect(data)
    found: Counter[tuple[str, ...]] = Counter()
    for run in totals.runs(farm.history):
        if (run.day or "") >= first and all(getattr(run, name) == value for name, value in parts.items()):
            found[tuple(getattr(run, name) or "" for name in columns)] += run.count
    if not found:
        known.check(farm.history, parts)
    console.print_table((*columns, "count"), [(*key, found[key]) for key in sorted(found)], as_json=as_json)
