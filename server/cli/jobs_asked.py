"""`crashfarm jobs`: which jobs there are, by any of their parts or by what their runs showed."""

import itertools
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated

import typer

from crashfarm import console
from crashfarm.database import Database
from crashfarm.documents.job import Job, JobState
from crashfarm.errors import InvalidDocument
from crashfarm.settings import Farm
from server.cli import asking, options
from server.queries import known, paging, runs

COLUMNS = (
    "id",
    "state",
    "result",
    "product",
    "branch",
    "buildtype",
    "os_name",
    "os_version",
    "cpu_name",
    "input",
    "priority",
    "worker",
    "source",
    "created_at",
)
KEY = ("state", "product", "branch", "buildtype")
"""The leading parts of the view that is read."""

PAGE = 500
"""Jobs that one request brings."""


def register(parent: typer.Typer) -> None:
    """Add the command."""
    parent.command("jobs")(jobs)


def jobs(
    state: Annotated[JobState | None, typer.Option(help="Only jobs in this state.")] = None,
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
    source: Annotated[str | None, typer.Option(help="Only jobs that were queued by that name.")] = None,
    since: Annotated[
        str | None, typer.Option(metavar="TIME", help="Only jobs that were queued since: 2026-11-22, 3h, 2d, monday.")
    ] = None,
    new: Annotated[bool, typer.Option("--new", help="Only jobs whose runs showed what was first seen since.")] = False,
    regressed: asking.Regressed = False,
    group: Annotated[list[str] | None, typer.Option(help=f"Count, by any of: {', '.join(COLUMNS)}.")] = None,
    limit: Annotated[int, typer.Option(help="List at most so many.", min=1)] = 1000,
    as_json: options.AsJson = False,
    as_csv: asking.AsCsv = False,
    data: options.Data = None,
) -> None:
    """List jobs, or count them. The machine is the one that a job asks for.

    With --kind, --message, --detail, --new or --regressed only jobs whose runs showed that.

    Example: crashfarm jobs --state pending --branch 3.13 --group priority
    """
    columns = asking.columns_of(group, COLUMNS)
    moment = asking.moment(since)
    farm = options.connect(data)
    build = asking.named(farm, None, product=product, branch=branch, buildtype=buildtype)
    asks = asking.named(farm, machine, os_name=os_name, os_version=os_version, cpu_name=cpu_name)
    others = asking.named(farm, None, state=state, worker=worker, source=source)
    shown = runs.Shown(parts=asking.shown(kind, message, detail), since=moment, new=new, regressed=regressed)
    parts = {**build, **asks, **others}
    found = _showing(farm, _rows(farm.status, parts, "" if shown else moment or ""), shown, build)
    rows = _counted(found, columns) if columns else [tuple(row.values()) for row in itertools.islice(found, limit + 1)]
    if not rows:
        known.check_jobs(farm.status, parts)
    if columns:
        asking.answer((*columns, "count"), rows, as_json=as_json, as_csv=as_csv)
        return
    asking.answer(COLUMNS, rows[:limit], as_json=as_json, as_csv=as_csv)
    if len(rows) > limit:
        console.say(f"these are the first {limit}: see more with --limit")


def _counted(rows: Iterator[runs.Row], columns: Sequence[str]) -> list[tuple[object, ...]]:
    counts = Counter(tuple(row[name] for name in columns) for row in rows)
    return [(*key, number) for key, number in sorted(counts.items())]


def _showing(farm: Farm, rows: Iterator[runs.Row], shown: runs.Shown, build: dict[str, str]) -> Iterator[runs.Row]:
    """The jobs whose runs showed what was asked for; all, if nothing was."""
    if not shown:
        return rows
    ids = {row["job"] for row in runs.showing(farm.history, shown, build)}
    return (row for row in rows if row["id"] in ids)


def _rows(status: Database, parts: Mapping[str, str], since: str) -> Iterator[runs.Row]:
    """The jobs with these parts, by state, product, branch and build type, then by their time of making."""
    prefix = [*itertools.takewhile(lambda value: value is not None, (parts.get(name) for name in KEY))]
    for row in paging.rows(status, "jobs", "by_state", prefix, include_docs=True, page=PAGE):
        try:
            found = _row(Job.from_doc(row.doc or {}))
        except InvalidDocument:
            # Gone since, or somebody is in the middle of editing it.
            continue
        if found["created_at"] >= since and all(found[name] == value for name, value in parts.items()):
            yield found


def _row(job: Job) -> runs.Row:
    worker = job.claim.worker if job.claim else job.attempts[-1].worker if job.attempts else ""
    asks = job.requires
    machine = (asks.os_name or "", asks.os_version or "", asks.cpu_name or "")
    where = (job.product, job.branch, job.buildtype, *machine)
    about = (job.input.name, str(int(job.priority)), worker, job.source, job.created_at)
    return dict(zip(COLUMNS, (job.id, job.state, job.result or "", *where, *about), strict=True))
