"""`crashfarm jobs`: which jobs there are, by any of their parts or by what their runs showed."""

import itertools
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Annotated

import typer

from crashfarm import console
from crashfarm.database import Database
from crashfarm.documents.job import Job, JobState
from crashfarm.errors import InvalidDocument
from crashfarm.settings import Farm
from server.cli import asking, completing, options
from server.cli.spreading import spread
from server.queries import known, machines, paging, runs

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

Row = Mapping[str, object]

PAGE = 500
"""Jobs that one request brings."""


def register(parent: typer.Typer) -> None:
    """Add the command."""
    parent.command("jobs")(spread(jobs))


def jobs(
    asked: asking.Asked,
    *,
    state: Annotated[JobState | None, typer.Option(help="Only jobs in this state.")] = None,
    worker: options.OfWorker = None,
    source: Annotated[str | None, typer.Option(metavar="TEXT", help="Only jobs that were queued by that name.")] = None,
    group: Annotated[
        list[str] | None,
        typer.Option(
            metavar="COLUMN",
            help=f"Count, by any of: {', '.join(COLUMNS)}.",
            autocompletion=completing.of_words(COLUMNS),
        ),
    ] = None,
    limit: Annotated[int, typer.Option(help="List at most so many.", min=1)] = 1000,
    form: asking.Form,
    data: options.Data = None,
) -> None:
    """List jobs, or count them. The machine is the one that a job asks for.

    With --kind, --message, --detail, --new or --regressed only jobs whose runs showed that.

    Example: crashfarm jobs --state pending --branch 3.13 --group priority
    """
    columns, shown = asking.columns_of(group, COLUMNS), asked.shown
    farm = options.connect(data)
    asking.await_index(farm.status, "jobs", "by_state")
    others = asking.given(state=state, worker=worker, source=source)
    met = known.Met({**asked.build, **asked.place(farm), **others})
    if columns:
        rows = _counted(_in_numbers(farm, met, shown, asked.build, columns), columns)
    else:
        found = _each(farm, met, shown, asked.build)
        rows = [tuple(row.values()) for row in itertools.islice(found, limit + 1)]
    if not rows:
        _explain_nothing(farm, met)
    form.write((*columns, "count") if columns else COLUMNS, rows if columns else rows[:limit])
    if len(rows) > limit and not columns:
        console.say(f"these are the first {limit}: see more with --limit")


def _explain_nothing(farm: Farm, met: known.Met) -> None:
    met.check({"worker": machines.worker_names(farm.status)})
    if paging.total(farm.status, "jobs", "by_state"):
        console.say("nothing found")
    else:
        console.say("nothing found: there are no jobs. Queue some with 'crashfarm job add'")


def _each(farm: Farm, met: known.Met, shown: runs.Shown, build: dict[str, str]) -> Iterator[Row]:
    return _showing(farm, _rows(farm.status, met, "" if shown else shown.since or ""), shown, build)


def _in_numbers(
    farm: Farm, met: known.Met, shown: runs.Shown, build: dict[str, str], columns: Sequence[str]
) -> Iterator[tuple[Row, int]]:
    """The jobs, each with the number 1, or how many there are of each kind where that tells all that is asked."""
    if {*columns, *met.asked} <= {*KEY} and not shown and not shown.since:
        return _classes(farm.status, met)
    return runs.once(_each(farm, met, shown, build))


def _counted(rows: Iterable[tuple[Row, int]], columns: Sequence[str]) -> list[tuple[object, ...]]:
    counts: Counter[tuple[object, ...]] = Counter()
    for row, number in rows:
        counts[tuple(row[name] for name in columns)] += number
    return asking.counted(counts)


def _classes(status: Database, met: known.Met) -> Iterator[tuple[Row, int]]:
    """How many jobs there are of each state, product, branch and build type: no job is read for that."""
    for key, number in paging.groups(status, "jobs", "by_state", len(KEY), _prefix(met)):
        row = dict(zip(KEY, (part or "" for part in key), strict=True))
        if met.fits(row):
            yield row, number


def _prefix(met: known.Met) -> list[str | None]:
    return [*itertools.takewhile(lambda value: value is not None, (met.asked.get(name) for name in KEY))]


def _showing(farm: Farm, rows: Iterator[Row], shown: runs.Shown, build: dict[str, str]) -> Iterator[Row]:
    """The jobs whose runs showed what was asked for; all, if nothing was."""
    if not shown:
        return rows
    ids = {row["job"] for row in runs.showing(farm.history, shown, build)}
    return (row for row in rows if row["id"] in ids)


def _rows(status: Database, met: known.Met, since: str) -> Iterator[Row]:
    """The jobs with the parts asked for, by state, product, branch and build type, then by their time of making."""
    for row in paging.rows(status, "jobs", "by_state", _prefix(met), include_docs=True, page=PAGE):
        try:
            found = _row(Job.from_doc(row.doc or {}))
        except InvalidDocument:
            # Gone since, or somebody is in the middle of editing it.
            continue
        if met.fits(found) and str(found["created_at"]) >= since:
            yield found


def _row(job: Job) -> Row:
    worker = job.claim.worker if job.claim else job.attempts[-1].worker if job.attempts else ""
    asks = job.requires
    machine = (asks.os_name or "", asks.os_version or "", asks.cpu_name or "")
    where = (job.product, job.branch, job.buildtype, *machine)
    about = (job.input.name, int(job.priority), worker, job.source, job.created_at)
    return dict(zip(COLUMNS, (job.id, job.state, job.result or "", *where, *about), strict=True))
