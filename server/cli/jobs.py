"""`crashfarm job`: what is to be run."""

import json
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from crashfarm import console, times
from crashfarm.documents.job import Job, JobKind, JobState, Priority
from crashfarm.documents.result import result_id
from crashfarm.errors import NotFound
from crashfarm.queue import JobQueue
from server import branches, inputs, listing, stuck, submit
from server.cli import options
from server.cli.spreading import spread

app = typer.Typer(help="Jobs: what is to be run.", no_args_is_help=True)


def register(parent: typer.Typer) -> None:
    """Add the commands of this room."""
    parent.add_typer(app, name="job")


LONGEST_SECONDS = 30 * 86400.0
"""No run takes longer than a month."""


@dataclass(frozen=True, kw_only=True)
class Terms:
    """On what terms jobs are run: options of `add`."""

    buildtype: Annotated[str | None, typer.Option(metavar="NAME", show_default="all")] = None
    build: Annotated[
        str,
        typer.Option(metavar="NAME", help="An older build of the branch: an experiment, counted by 'diff' alone."),
    ] = ""
    priority: Annotated[int, typer.Option(help="0 reproduce, 1 a person asks, 2 large, 3 normal.", min=0, max=3)] = 1
    timeout: Annotated[float, typer.Option(help="Seconds a run may take.", min=0.1, max=LONGEST_SECONDS)] = 60.0
    attempts: Annotated[int, typer.Option(help="How often a job is tried before it is aborted.", min=1)] = 3
    kind: Annotated[JobKind, typer.Option()] = JobKind.CRASHTEST
    require: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=VALUE", help="os_name, os_version or cpu_name of the worker; may be repeated."),
    ] = None
    tag: Annotated[
        list[str] | None, typer.Option(metavar="TAG", help="A tag that the worker must have; may be repeated.")
    ] = None
    after: Annotated[
        list[str] | None,
        typer.Option(metavar="JOB[=RESULT]", help="Wait until that job is completed (so); may be repeated."),
    ] = None
    source: Annotated[str, typer.Option(metavar="TEXT", help="A name for this submission, to find it again.")] = (
        "crashfarm job add"
    )

    def plan(self) -> submit.Plan:
        """The same for those who make jobs. Raises InputError for what nobody could meet."""
        return submit.Plan(
            source=self.source,
            kind=self.kind,
            priority=Priority(self.priority),
            timeout=self.timeout,
            max_attempts=self.attempts,
            buildtype=self.buildtype,
            requires=submit.requirements(self.require or (), self.tag or ()),
            depends_on=submit.dependencies(self.after or ()),
            build=self.build,
        )


@app.command("add")
@spread
def add(
    paths: Annotated[list[str], typer.Argument(metavar="INPUT…", help="Files, folders, or - for URLs, one a line.")],
    terms: Terms,
    product: Annotated[str | None, typer.Option(metavar="NAME", help="Needed only where the farm has several.")] = None,
    branch: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="May be repeated.", show_default="all enabled")
    ] = None,
    data: options.Data = None,
    as_json: options.AsJson = False,
) -> None:
    """Queue a job for every input on every build of the chosen branches, and print the jobs' ids.

    Example: printf '%s\\n' https://example.org/ | crashfarm job add - --branch 3.13
    """
    plan = terms.plan()
    found = [item for path in paths for item in _read(path)]
    farm = options.connect(data)
    chosen = branches.choose(branches.load(farm.status), product, branch or ())
    jobs = submit.make_jobs(found, chosen, plan, times.utc_now())
    JobQueue(farm.status).add(jobs)
    if as_json:
        console.print_table(_COLUMNS, map(_cells, jobs), as_json=True)
    else:
        _tell(job.id for job in jobs)
    console.say(f"queued {len(jobs)} jobs")


@app.command("list")
def show(
    state: Annotated[JobState | None, typer.Option(help="Only jobs in this state.")] = None,
    worker: Annotated[
        str | None, typer.Option(metavar="NAME", help="Only jobs that this worker holds, or pending ones it could run.")
    ] = None,
    limit: Annotated[int, typer.Option(help="At most so many.", min=1)] = 1000,
    data: options.Data = None,
    as_json: options.AsJson = False,
) -> None:
    """List jobs, by state, product, branch and build type, then by their time of making.

    With --worker only its running and pending jobs: none means that it has nothing to do. What waits for other jobs,
    or for its next try, is not pending for any worker yet.
    """
    farm = options.connect(data)
    jobs = (
        listing.by_state(farm.status, state, limit)
        if worker is None
        else listing.of_worker(farm.status, worker, state, limit)
    )
    console.print_table(_COLUMNS, map(_cells, jobs), as_json=as_json)
    if len(jobs) == limit:
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
def show_one(job: options.JobId, data: options.Data = None, as_json: options.AsJson = True) -> None:
    """Show all that is known of a job, always as JSON: its document, and its result where there is one."""
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
    as_json: options.AsJson = False,
) -> None:
    """Abort jobs that have not ended. A running one is stopped by its worker within a heartbeat."""
    queue = JobQueue(options.connect(data).status)
    _report((queue.cancel(job, reason) for job in jobs), lambda job: f"{job.id} aborted", as_json)


@app.command("retry")
def retry(jobs: options.JobIds, data: options.Data = None, as_json: options.AsJson = False) -> None:
    """Queue a new job for each that has ended, and print the new ones' ids."""
    queue = JobQueue(options.connect(data).status)
    _report((queue.retry(job) for job in jobs), lambda job: job.id, as_json)


@app.command("priority")
def priority(
    priority: Annotated[int, typer.Argument(help="0 reproduce, 1 a person asks, 2 large, 3 normal.", min=0, max=3)],
    jobs: options.JobIds,
    data: options.Data = None,
    as_json: options.AsJson = False,
) -> None:
    """Give pending jobs another priority."""
    queue = JobQueue(options.connect(data).status)
    changed = (queue.prioritise(job, Priority(priority)) for job in jobs)
    _report(changed, lambda job: f"{job.id} has priority {priority}", as_json)


@app.command("stuck")
def show_stuck(data: options.Data = None, as_json: options.AsJson = False) -> None:
    """List what does not get on, each with the reason."""
    rows = stuck.find(options.connect(data).status, times.utc_now())
    console.print_table(("jobs", "what", "reason"), [(row.jobs, row.what, row.reason) for row in rows], as_json=as_json)


def _report(jobs: Iterable[Job], words: Callable[[Job], str], as_json: bool) -> None:
    """Say of each job what was done, as soon as it is; as JSON all at once."""
    if as_json:
        console.print_table(_COLUMNS, [_cells(job) for job in jobs], as_json=True)
    else:
        _tell(words(job) for job in jobs)


def _tell(lines: Iterable[str]) -> None:
    for line in lines:
        console.tell(line)
