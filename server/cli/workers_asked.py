"""`crashfarm workers`: which machines there are, and what each of them ran or saw."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Annotated

import typer

from crashfarm.documents.base import plain_name
from crashfarm.documents.job import JobResult
from crashfarm.documents.worker import Worker, WorkerState
from crashfarm.settings import Farm
from server import workers as farm_workers
from server.cli import asking, options
from server.queries import known, runs
from server.queries.machines import PARTS as MACHINE

Row = Mapping[str, object]

COLUMNS = ("name", "state", *MACHINE, "wish", "heartbeat", "runs", "failures")


def register(parent: typer.Typer) -> None:
    """Add the command."""
    parent.command("workers")(workers)


def workers(
    state: Annotated[WorkerState | None, typer.Option(help="Only workers in this state.")] = None,
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
    since: Annotated[
        str | None, typer.Option(metavar="TIME", help="Count runs of that day and later: 2026-11-22, 2d, monday.")
    ] = None,
    new: Annotated[bool, typer.Option("--new", help="Count only runs that showed what was first seen since.")] = False,
    regressed: asking.Regressed = False,
    group: Annotated[
        list[str] | None, typer.Option(help=f"Count workers, by any of: {', '.join(COLUMNS[:7])}.")
    ] = None,
    as_json: options.AsJson = False,
    as_csv: asking.AsCsv = False,
    data: options.Data = None,
) -> None:
    """List workers, with how many runs each has done and how many of these failed.

    With parts of what was run or seen, only the workers that ran or saw that, and only these runs are counted.

    Example: crashfarm workers --kind crash --branch 3.13 --since monday
    """
    columns = asking.columns_of(group, COLUMNS[:7])
    moment = asking.moment(since)
    farm = options.connect(data)
    what = asking.named(farm, None, product=product, branch=branch, buildtype=buildtype)
    where = asking.named(farm, machine, os_name=os_name, os_version=os_version, cpu_name=cpu_name)
    shown = runs.Shown(parts=asking.shown(kind, message, detail), since=moment, new=new, regressed=regressed)
    asked = where if state is None else {**where, "state": state}
    rows = [row for row in _rows(farm, shown, what) if all(row[name] == value for name, value in asked.items())]
    if not rows:
        known.check(farm.history, {**shown.parts, **what, **where})
    asking.answer(*_table(rows, columns), as_json=as_json, as_csv=as_csv)


def _table(rows: list[Row], columns: Sequence[str]) -> tuple[Sequence[str], list[tuple[object, ...]]]:
    """Columns and rows as they are printed: counted, if there are columns to count by."""
    if not columns:
        return COLUMNS, [tuple(row.values()) for row in rows]
    counts = Counter(tuple(str(row[name]) for name in columns) for row in rows)
    return (*columns, "count"), [(*key, number) for key, number in sorted(counts.items())]


def _rows(farm: Farm, shown: runs.Shown, what: dict[str, str]) -> list[Row]:
    """A row for each worker, or, where something was asked of their runs, for each that has such runs."""
    found = runs.once(runs.showing(farm.history, shown, what)) if shown else runs.counted(farm.history, ("worker",))
    counts = runs.group(found, ("worker", "outcome"), what, shown.since or "")
    rows = [_row(worker, counts) for worker in farm_workers.load(farm.status)]
    return [row for row in rows if row["runs"]] if what or shown else rows


def _row(worker: Worker, counts: runs.Counts) -> Row:
    name = plain_name(worker.id)
    done = {outcome: number for (who, outcome), number in counts.items() if who in {name, worker.id}}
    machine = (worker.os_name, worker.os_version, worker.cpu_name)
    about = (worker.control.desired, worker.heartbeat_at, sum(done.values()), done.get(JobResult.FAILURE, 0))
    return dict(zip(COLUMNS, (name, worker.state, *machine, *about), strict=True))
