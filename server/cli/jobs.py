"""`crashfarm job`: what is to be run."""

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from crashfarm import console, times
from crashfarm.documents.job import Job, JobKind, JobState, Priority
from crashfarm.documents.result import result_id
from crashfarm.errors import NotFound
from crashfarm.queue import JobQueue
from server import branches, inputs, stuck, submit
from server.cli import options

app = typer.Typer(help="Jobs: what is to be run.", no_args_is_help=True)


def register(parent: typer.Typer) -> None:
    """Add the commands of this room."""
    parent.add_typer(app, name="job")


@app.command("add")
def add(
    paths: Annotated[list[str], typer.Argument(metavar="INPUT…", help="Files, folders, or - for URLs, one a line.")],
    product: Annotated[str | None, typer.Option(help="Needed only where the farm has several.")] = None,
    branch: Annotated[list[str] | None, typer.Option(help="May be repeated.", show_default="all enabled")] = None,
    buildtype: Annotated[str | None, typer.Option(show_default="all")] = None,
    priority: Annotated[int, typer.Option(help="0 reproduce, 1 a person asks, 2 large, 3 normal.", min=0, max=3)] = 1,
    timeout: Annotated[float, typer.Option(help="Seconds a run may take.", min=0.1)] = 60.0,
    attempts: Annotated[int, typer.Option(help="How often a job is tried before it is aborted.", min=1)] = 3,
    kind: Annotated[JobKind, typer.Option()] = JobKind.CRASHTEST,
    source: Annotated[str, typer.Option(help="A name for this submission, to find it again.")] = "crashfarm job add",
    data: options.Data = None,
) -> None:
    """Queue a job for every input on every build of the chosen branches, and print the jobs' ids.

    Example: printf '%s\\n' https://example.org/ | crashfarm job add - --branch 3.13
    """
    found = [item for path in paths for item in _read(path)]
    farm = options.connect(data)
    chosen = branches.choose(branches.load(farm.status), product, branch or ())
    plan = submit.Plan(
        source=source,
        kind=kind,
        priority=Priority(priority),
        timeout=timeout,
        max_attempts=attempts,
        buildtype=buildtype,
    )
    jobs = submit.make_jobs(found, chosen, plan, times.utc_now())
    JobQueue(farm.status).add(jobs)
    for job in jobs:
        console.tell(job.id)
    console.say(f"queued {len(jobs)} jobs")


@app.command("list")
def show(
    state: Annotated[JobState | None, typer.Option(help="Only jobs in this state.")] = None,
    limit: Annotated[int, typer.Option(help="At most so many.", min=1)] = 1000,
    data: options.Data = None,
    as_json: options.AsJson = False,
) -> None:
    """List jobs, by state, product, branch and build type, then by their time of making."""
    farm = options.connect(data)
    asked = {} if state is None else {"startkey": [state], "endkey": [state, {}]}
    rows = farm.status.view("jobs", "by_state", reduce=False, include_docs=True, limit=limit, **asked).rows
    jobs = [Job.from_doc(row.doc) for row in rows if row.doc]
    console.print_table(_COLUMNS, map(_cells, jobs), as_json=as_json)
    if len(rows) == limit:
        console.say(f"these are the first {limit}: see more with --limit")


_COLUMNS = ("id", "state", "result", "product", "branch", "buildtype", "input", "priority", "worker", "tries", "reason")


def _cells(job: Job) -> tuple[object, ...]:
    where = job.product, job.branch, job.buildtype
    worker = job.claim.worker if job.claim else job.attempts[-1].worker if job.attempts else None
    return (
        job.id,
        job.state,
        job.result,
        *where,
        job.input.name,
        int(job.priority),
        worker,
        len(job.attempts) + bool(job.claim),
        job.reason,
    )


def _read(path: str) -> list[inputs.JobInput]:
    if path == "-":
        return list(inputs.from_lines(sys.stdin))
    return list(inputs.from_path(Path(path)))


@app.command("show")
def show_one(job: options.JobId, data: options.Data = None) -> None:
    """Show all that is known of a job, as JSON: its document, and its result where there is one."""
    farm = options.connect(data)
    doc = farm.status.get(job)
    if doc is None:
        raise NotFound(f"there is no {job}")
    result = farm.history.get(result_id(job))
    console.tell(json.dumps({"job": doc, "result": result}, indent=1, ensure_ascii=False))


@app.command("cancel")
def cancel(
    jobs: options.JobIds,
    reason: Annotated[str, typer.Option(help="Why; it is kept with the job.")] = "cancelled by a person",
    data: options.Data = None,
) -> None:
    """Abort jobs that have not ended. A running one is stopped by its worker within a heartbeat."""
    queue = JobQueue(options.connect(data).status)
    for job in jobs:
        console.tell(f"{queue.cancel(job, reason).id} aborted")


@app.command("retry")
def retry(jobs: options.JobIds, data: options.Data = None) -> None:
    """Queue a new job for each that has ended, and print the new ones' ids."""
    queue = JobQueue(options.connect(data).status)
    for job in jobs:
        console.tell(queue.retry(job).id)


@app.command("priority")
def priority(
    priority: Annotated[int, typer.Argument(help="0 reproduce, 1 a person asks, 2 large, 3 normal.", min=0, max=3)],
    jobs: options.JobIds,
    data: options.Data = None,
) -> None:
    """Give pending jobs another priority."""
    queue = JobQueue(options.connect(data).status)
    for job in jobs:
        console.tell(f"{queue.prioritise(job, Priority(priority)).id} has priority {priority}")


@app.command("stuck")
def show_stuck(data: options.Data = None, as_json: options.AsJson = False) -> None:
    """List what does not get on, each with the reason."""
    rows = stuck.find(options.connect(data).status, times.utc_now())
    console.print_table(("jobs", "what", "reason"), [(row.jobs, row.what, row.reason) for row in rows], as_json=as_json)
