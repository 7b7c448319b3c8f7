"""`crashfarm reproduce`: does it happen again, and where."""

import json
import time
from typing import Annotated

import msgspec
import typer

from crashfarm import console, times
from crashfarm.documents.job import Job
from crashfarm.documents.signature import SignatureNote
from crashfarm.errors import NotFound
from crashfarm.settings import Farm
from server.certainty import cases, notes, reproducing, runs
from server.certainty.cases import Case
from server.certainty.machines import Cell
from server.certainty.reproducing import Outcome
from server.cli import options
from server.cli.grouping import RunByDefault

app = typer.Typer(
    cls=RunByDefault,
    help="Run what crashed again: on its own place, and on every other.\n\n"
    "Example: crashfarm reproduce result:20261122T061003123Z-7f3a9c21d4 --wait",
)


def register(parent: typer.Typer) -> None:
    """Add the commands of this room."""
    parent.add_typer(app, name="reproduce")


@app.command("run")
def run(
    result: options.ResultId,
    repeats: Annotated[int, typer.Option(help="Runs on its own place.", min=0, max=1000)] = reproducing.REPEATS,
    signature: options.OfSignature = "",
    preview: Annotated[bool, typer.Option("--preview", help="Only show what would be queued.")] = False,
    wait: Annotated[bool, typer.Option("--wait", help="Wait until all have ended, and show what came of it.")] = False,
    data: options.Data = None,
    as_json: options.AsJson = False,
) -> None:
    """Queue the input of a result again, with the highest priority, and print the jobs' ids.

    N repeats on its own place, and one run on every other enabled branch, build type and kind of machine.
    Example: crashfarm reproduce result:20261122T061003123Z-7f3a9c21d4 --wait
    """
    farm = options.connect(data)
    case = cases.load(farm, result, signature)
    jobs = reproducing.plan_for(farm, case, repeats, times.utc_now)
    if preview:
        _print_plan(jobs, as_json)
        return
    queued = reproducing.begin(farm, case, jobs, times.utc_now)
    console.say(f"queued {queued} jobs; {len(jobs) - queued} of them were there already")
    if wait:
        _wait(farm, case, jobs)
        _show(farm, case.result.id, case.signature, as_json)
    else:
        console.print_table(("job",), [(job.id,) for job in jobs], as_json=as_json)


@app.command("show")
def show(
    name: Annotated[str, typer.Argument(metavar="SIGNATURE|RESULT", help="As the report names it, or a result's id.")],
    data: options.Data = None,
    as_json: options.AsJson = False,
) -> None:
    """Show how surely a finding happens again, and the matrix of where it happens."""
    farm = options.connect(data)
    if name.startswith(("result:", "job:")):
        case = cases.load(farm, name)
        _show(farm, case.result.id, case.signature, as_json)
        return
    note = notes.find(farm.history, name)
    if note.reproduction is None:
        raise NotFound(f"{note.id} was not reproduced yet: crashfarm reproduce RESULT does it")
    _show(farm, note.reproduction.result, note.id, as_json)


def _wait(farm: Farm, case: Case, jobs: list[Job]) -> None:
    watched = runs.Runs(farm, case.shown_by, time.sleep)
    watched.start(jobs)
    with console.progress("reproducing", len(jobs)) as advance:
        for done, job in enumerate(jobs, 1):
            watched.wait([job.id])
            advance(done)


def _show(farm: Farm, result: str, signature: str, as_json: bool) -> None:
    first = cases.load_result(farm, result)
    found = reproducing.outcome(farm, first, signature)
    for finding in first.findings:
        empty = SignatureNote.of(finding)
        if empty.id == signature:
            reproducing.keep_score(farm, empty, found, times.utc_now)
    _print(found, as_json)


def _print(found: Outcome, as_json: bool) -> None:
    if as_json:
        low, high = found.own.interval
        extra = {"rate": found.own.rate, "low": low, "high": high}
        console.tell(json.dumps(msgspec.to_builtins(found) | extra, indent=1, ensure_ascii=False))
        return
    console.tell(f"{found.signature} of {found.result}")
    console.tell(f"on its own place: {found.own.words()}")
    if found.waiting:
        console.tell(f"{found.waiting} jobs have not ended yet")
    columns = (*Cell.__struct_fields__, "seen", "ran", "could not run")
    rows = [(*msgspec.structs.astuple(m.cell), m.score.seen, m.score.ran, m.untestable) for m in found.matrix]
    console.print_table(columns, rows)


def _print_plan(jobs: list[Job], as_json: bool) -> None:
    columns = ("branch", "buildtype", "os_name", "os_version", "cpu_name", "runs")
    wanted = [(j.branch, j.buildtype, j.requires.os_name, j.requires.os_version, j.requires.cpu_name) for j in jobs]
    console.print_table(columns, [(*place, wanted.count(place)) for place in dict.fromkeys(wanted)], as_json=as_json)
