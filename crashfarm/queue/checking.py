"""What a job must be to be queued: checked before anything is written, so that a bad one takes no good one with it."""

from collections.abc import Sequence

from crashfarm.database import Database
from crashfarm.documents.job import Job, Priority
from crashfarm.errors import InputError
from crashfarm.queue.circles import circle, words
from crashfarm.queue.sweeping import read_jobs


def check(status: Database, jobs: Sequence[Job]) -> None:
    """Raises InputError, with the reason, for the first job that cannot be queued; touches the network if one waits."""
    for job in jobs:
        if reason := fault(job):
            raise InputError(f"{job.id}: {reason}")
    if any(job.depends_on for job in jobs):
        _check_dependencies(status, jobs)


def fault(job: Job) -> str:
    """What is wrong with a job by itself, or nothing."""
    if not isinstance(job.priority, int) or job.priority not in list(Priority):
        return f"priority must be from {min(Priority):d} to {max(Priority):d}, but is {job.priority}"
    if not job.timeout > 0:
        return f"timeout must be above 0, but is {job.timeout}"
    if job.max_attempts < 1:
        return f"max_attempts must be 1 at least, but is {job.max_attempts}"
    given = [name for name in ("url", "text", "attachment") if getattr(job.input, name) is not None]
    if len(given) != 1:
        return f"input must have exactly one of url, text, attachment, but has {', '.join(given) or 'none'}"
    if any(needed.job == job.id for needed in job.depends_on):
        return "it depends on itself"
    return ""


def _check_dependencies(status: Database, jobs: Sequence[Job]) -> None:
    new = {job.id: {needed.job for needed in job.depends_on} for job in jobs}
    others = {needed for needs in new.values() for needed in needs} - new.keys()
    known = {job.id: {needed.job for needed in job.depends_on} for job in read_jobs(status, sorted(others))}
    if missing := sorted(others - known.keys()):
        raise InputError(f"there is no job {missing[0]} to depend on")
    if found := circle(known | new):
        raise InputError(words(found))
