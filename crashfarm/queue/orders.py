"""What people ask of jobs: queue, cancel, try again, hurry."""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime

from crashfarm.database import Database
from crashfarm.documents.job import Job, JobState, Priority, new_job_id
from crashfarm.errors import Conflict, InputError, NotFound, Refused
from crashfarm.queue import checking, transitions
from crashfarm.queue.settling import write
from crashfarm.times import to_text

BATCH = 500
"""Documents in one bulk write."""

ROUNDS = 10
"""So often a change is tried against others who change the same job."""


def add(status: Database, jobs: Iterable[Job]) -> list[Job]:
    """Queue jobs; those that depend on others wait for them.

    Raises InputError, with the reason, for one that cannot be queued, and then queues nothing. Raises Refused when the
    database does not take a job all the same; the others are in then.
    """
    wanted = list(jobs)
    checking.check(status, wanted)
    return _write(status, [job.evolve(wait=transitions.JOBS) if job.depends_on else job for job in wanted])


def cancel(status: Database, job_id: str, now: str, reason: str) -> Job:
    """Abort a job that is pending or running; its worker stops a running one. Raises InputError if it has ended."""

    def move(job: Job) -> Job:
        if job.state not in (JobState.PENDING, JobState.RUNNING):
            raise InputError(f"{job.id} is {job.state} already")
        return transitions.abort(job, now, reason)

    return _change(status, job_id, move)


def prioritise(status: Database, job_id: str, priority: Priority) -> Job:
    """Give a pending job another priority. Raises InputError if it is not pending."""

    def move(job: Job) -> Job:
        if job.state != JobState.PENDING:
            raise InputError(f"{job.id} is {job.state}: only a pending job can be given another priority")
        return job.evolve(priority=priority)

    return _change(status, job_id, move)


def retry(status: Database, job_id: str, now: datetime) -> Job:
    """Queue a new job that does what an ended one did, and names it. Raises InputError if that has not ended."""
    old = _find(status, job_id, attachments=True)
    if old.state not in (JobState.COMPLETED, JobState.ABORTED):
        raise InputError(f"{old.id} is {old.state}: only a job that has ended can be tried again")
    content = {"_attachments": old.origin["_attachments"]} if "_attachments" in old.origin else {}
    again = Job(
        id=new_job_id(now),
        created_at=to_text(now),
        supersedes=old.id,
        origin=content,
        **{name: getattr(old, name) for name in _KEPT},
    )
    [added] = add(status, [again])
    return added


_KEPT = (
    "product",
    "branch",
    "buildtype",
    "build",
    "probe",
    "input",
    "kind",
    "requires",
    "priority",
    "source",
    "timeout",
    "max_attempts",
    "parent",
)
"""What a job that is tried again has from the first one."""


def _write(status: Database, jobs: Sequence[Job]) -> list[Job]:
    parts = [jobs[at : at + BATCH] for at in range(0, len(jobs), BATCH)]
    written = [pair for part in parts for pair in write(status, part)]
    if wrong := [outcome for _, outcome in written if not outcome.ok]:
        raise Refused(f"{len(wrong)} of {len(jobs)} jobs were refused; {wrong[0].id}: {wrong[0].reason}")
    return [job for job, _ in written]


def _change(status: Database, job_id: str, move: Callable[[Job], Job]) -> Job:
    """Change a job that others may change at the same time; looked at anew for each try."""
    for _ in range(ROUNDS):
        changed = move(_find(status, job_id))
        try:
            return changed.evolve(rev=status.put(changed.to_doc()))
        except Conflict:
            continue
    raise Conflict(f"{job_id} keeps changing: try again")


def _find(status: Database, job_id: str, *, attachments: bool = False) -> Job:
    doc = status.get(job_id, **({"attachments": True} if attachments else {}))
    if doc is None:
        raise NotFound(f"there is no {job_id}")
    return Job.from_doc(doc)
