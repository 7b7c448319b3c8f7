"""`crashfarm results`: how runs ended, and which of them showed something."""

from collections.abc import Iterator
from typing import Annotated

import typer

from crashfarm.documents.job import JobResult
from crashfarm.settings import Farm
from server.cli import asking, options
from server.queries import known, runs
from server.queries.machines import PARTS as MACHINE


def register(parent: typer.Typer) -> None:
    """Add the command."""
    parent.command("results")(results)


def results(
    kind: asking.FindingKind = None,
    message: asking.Message = None,
    detail: asking.Detail = None,
    product: asking.Product = None,
    branch: asking.Branch = None,
    buildtype: asking.Buildtype = None,
    os_name: asking.OsName = None,
    os_version: asking.OsVersion = None,
    cpu_name: asking.CpuName = None,
    machine: asking.Machine = None,
    worker: asking.WorkerName = None,
    outcome: Annotated[JobResult | None, typer.Option(help="Only runs that ended so.")] = None,
    since: Annotated[
        str | None,
        typer.Option(metavar="TIME", help="Only runs that ended on that day or later: 2026-11-22, 2d, monday."),
    ] = None,
    new: Annotated[bool, typer.Option("--new", help="Only runs that showed what was first seen since.")] = False,
    regressed: asking.Regressed = False,
    group: Annotated[list[str] | None, typer.Option(help=f"May be repeated: {', '.join(runs.COLUMNS)}.")] = None,
    as_json: options.AsJson = False,
    as_csv: asking.AsCsv = False,
    data: options.Data = None,
) -> None:
    """Count runs, by what they ran on, when, and how they ended; or only those that showed something.

    Example: crashfarm results --branch 3.13 --since monday --group day --group outcome
    """
    columns = asking.columns_of(group or ("branch", "outcome"), runs.COLUMNS)
    moment = asking.moment(since)
    farm = options.connect(data)
    build = {"product": product, "branch": branch, "buildtype": buildtype}
    where = asking.named(farm, machine, **build, os_name=os_name, os_version=os_version, cpu_name=cpu_name)
    ended = asking.named(farm, None, worker=worker, outcome=outcome)
    shown = runs.Shown(parts=asking.shown(kind, message, detail), since=moment, new=new, regressed=regressed)
    counts = runs.group(_runs(farm, shown, where, {*columns, *ended}), columns, {**where, **ended}, moment or "")
    if not counts:
        known.check(farm.history, {**shown.parts, **where, **ended})
    rows = [(*key, number) for key, number in sorted(counts.items())]
    asking.answer((*columns, "count"), rows, as_json=as_json, as_csv=as_csv)


def _runs(farm: Farm, shown: runs.Shown, where: dict[str, str], columns: set[str]) -> Iterator[tuple[runs.Row, int]]:
    if shown:
        return runs.once(runs.showing(farm.history, shown, where))
    machine = [where[name] for name in MACHINE if name in where]
    whole = machine if len(machine) == len(MACHINE) else ()
    return runs.counted(farm.history, {*columns, *where}, whole)
