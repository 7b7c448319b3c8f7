"""`crashfarm workers`: which machines there are, and what each of them ran or saw."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Annotated

import typer

from crashfarm import console
from crashfarm.documents.base import plain_name
from crashfarm.documents.job import JobResult
from crashfarm.documents.worker import Worker, WorkerState
from crashfarm.ordering import natural
from crashfarm.settings import Farm
from server import workers as farm_workers
from server.cli import asking, completing, options
from server.cli.spreading import spread
from server.queries import machines, runs
from server.queries.machines import PARTS as MACHINE

Row = Mapping[str, object]

COLUMNS = ("name", "state", *MACHINE, "wish", "since", "heartbeat", "runs", "failures")
GROUPS = COLUMNS[:6]
"""The columns that can be counted by."""


def register(parent: typer.Typer) -> None:
    """Add the command."""
    parent.command("workers")(spread(workers))


def workers(
    asked: asking.Asked,
    *,
    state: Annotated[WorkerState | None, typer.Option(help="Only workers in this state.")] = None,
    group: Annotated[
        list[str] | None,
        typer.Option(
            metavar="COLUMN",
            help=f"Count workers, by any of: {', '.join(GROUPS)}.",
            autocompletion=completing.of_words(GROUPS),
        ),
    ] = None,
    form: asking.Form,
    data: options.Data = None,
) -> None:
    """List workers, with how many runs each has done and how many of these failed.

    With parts of what was run or seen, only the workers that ran or saw that, and only these runs are counted.

    Example: crashfarm workers --kind crash --branch 3.13 --since monday
    """
    columns, shown = asking.columns_of(group, GROUPS), asked.shown
    farm = options.connect(data)
    asking.await_index(farm.history, "results", "by_machine")
    where = asked.place(farm)
    wanted = {**where, **asking.given(state=state)}
    rows = [row for row in _rows(farm, shown, asked.build) if all(row[name] == wanted[name] for name in wanted)]
    if not rows:
        _explain_nothing(farm, {**shown.parts, **asked.build, **where})
    form.write(*_table(rows, columns))


def _explain_nothing(farm: Farm, parts: dict[str, str]) -> None:
    if machines.worker_names(farm.status):
        asking.explain_nothing(farm, parts)
    else:
        console.say("nothing found: no worker has registered. Start one with 'crashfarm-worker run'")


def _table(rows: list[Row], columns: Sequence[str]) -> tuple[Sequence[str], list[tuple[object, ...]]]:
    """Columns and rows as they are printed: counted, if there are columns to count by."""
    if not columns:
        return COLUMNS, [tuple(row.values()) for row in rows]
    counts = Counter(tuple(str(row[name]) for name in columns) for row in rows)
    return (*columns, "count"), asking.counted(counts)


def _rows(farm: Farm, shown: runs.Shown, what: dict[str, str]) -> list[Row]:
    """A row for each worker, or, where something was asked of their runs, for each that has such runs."""
    if shown:
        asking.await_findings(farm, shown.since)
    found = runs.once(runs.showing(farm.history, shown, what)) if shown else runs.counted(farm.history, ("worker",))
    counts = runs.group(found, ("worker", "outcome"), what, shown.since or "")
    rows = [_row(worker, counts) for worker in farm_workers.load(farm.status)]
    rows.sort(key=lambda row: natural(str(row["name"])))
    return [row for row in rows if row["runs"]] if what or shown else rows


def _row(worker: Worker, counts: runs.Counts) -> Row:
    name = plain_name(worker.id)
    done = {outcome: number for (who, outcome), number in counts.items() if who in {name, worker.id}}
    machine = (worker.os_name, worker.os_version, worker.cpu_name)
    stands = (worker.control.desired, worker.state_since, worker.heartbeat_at)
    ran = (sum(done.values()), done.get(JobResult.FAILURE, 0))
    return dict(zip(COLUMNS, (name, worker.state, *machine, *stands, *ran), strict=True))
