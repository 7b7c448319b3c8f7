"""`crashfarm results`: how runs ended, and which of them showed something."""

from collections.abc import Iterator
from typing import Annotated

import typer

from crashfarm.documents.job import JobResult
from crashfarm.settings import Farm
from server.cli import asking, completing, options
from server.cli.spreading import spread
from server.queries import runs
from server.queries.machines import PARTS as MACHINE


def register(parent: typer.Typer) -> None:
    """Add the command."""
    parent.command("results")(spread(results))


def results(
    asked: asking.Asked,
    *,
    worker: options.OfWorker = None,
    outcome: Annotated[JobResult | None, typer.Option(help="Only runs that ended so.")] = None,
    group: Annotated[
        list[str] | None,
        typer.Option(
            metavar="COLUMN",
            help=f"May be repeated: {', '.join(runs.COLUMNS)}.",
            autocompletion=completing.of_words(runs.COLUMNS),
        ),
    ] = None,
    form: asking.Form,
    data: options.Data = None,
) -> None:
    """Count runs, by what they ran on, when, and how they ended; or only those that showed something.

    Example: crashfarm results --branch 3.13 --since monday --group day --group outcome
    """
    columns = asking.columns_of(group or ("branch", "outcome"), runs.COLUMNS)
    shown = asked.shown
    farm = options.connect(data)
    asking.await_index(farm.history, "results", "by_machine")
    where = {**asked.build, **asked.place(farm)}
    ended = asking.given(worker=worker, outcome=outcome)
    counts = runs.group(_runs(farm, shown, where, {*columns, *ended}), columns, {**where, **ended}, shown.since or "")
    if not counts:
        asking.explain_nothing(farm, {**shown.parts, **where, **ended})
    form.write((*columns, "count"), asking.counted(counts))


def _runs(farm: Farm, shown: runs.Shown, where: dict[str, str], columns: set[str]) -> Iterator[tuple[runs.Row, int]]:
    if shown:
        asking.await_findings(farm, shown.since)
        return runs.once(runs.showing(farm.history, shown, where))
    machine = [where[name] for name in MACHINE if name in where]
    whole = machine if len(machine) == len(MACHINE) else ()
    return runs.counted(farm.history, {*columns, *where}, whole)
