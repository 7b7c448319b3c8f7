"""The moves of a job's life: from a job to the job that it becomes. Nothing here touches the network."""

import msgspec

from crashfarm.documents.job import Attempt, Claim, Job, JobResult, JobState
from crashfarm.queue.ends import HOLDERS_ENDS, End
from crashfarm.queue.retries import decide

DELAY = "delay"
"""The wait of a job that failed and is not to be tried again at once."""

JOBS = "jobs"
"""The wait of a job that depends on others."""


class Holder(msgspec.Struct, frozen=True):
    """Who claims: a worker's name and the one start of its process."""

    worker: str
    incarnation: str


def claim(job: Job, holder: Holder, lease_seconds: float, now: str) -> Job:
    """pending -> running."""
    held = Claim(
        worker=holder.worker,
        incarnation=holder.incarnation,
        attempt=len(job.attempts) + 1,
        lease_seconds=lease_seconds,
        claimed_at=now,
        renewed_at=now,
    )
    return job.evolve(state=JobState.RUNNING, claim=held, started_at=now, reason="")


def renew(job: Job, now: str) -> Job:
    """running -> running: the revision moves, and with it the lease begins anew."""
    return job.evolve(claim=msgspec.structs.replace(_held(job), renewed_at=now))


def finish(job: Job, result: JobResult, now: str, reason: str = "") -> Job:
    """running -> completed."""
    done = _ended(job, End.COMPLETED, now, reason)
    return done.evolve(state=JobState.COMPLETED, result=result, completed_at=now, reason=reason)


def give_back(job: Job, end: End, now: str, reason: str = "") -> Job:
    """running -> pending, after a delay perhaps, or -> aborted when that was the last attempt the job may have."""
    back = _ended(job, end, now, reason)
    decision = decide(back)
    if not decision.again:
        return back.evolve(state=JobState.ABORTED, completed_at=now, reason=_given_up(back))
    wait = DELAY if decision.delay_seconds else ""
    return back.evolve(state=JobState.PENDING, started_at=None, wait=wait, delay_seconds=decision.delay_seconds)


def abort(job: Job, now: str, reason: str) -> Job:
    """pending -> aborted, or running -> aborted."""
    ended = _ended(job, End.CANCELLED, now, reason) if job.claim else job
    return free(ended).evolve(state=JobState.ABORTED, completed_at=now, reason=reason)


def free(job: Job) -> Job:
    """pending -> pending: what it waited for is there."""
    return job.evolve(wait="", delay_seconds=0.0)


def holds(job: Job, claim: Claim | None) -> bool:
    """Whether that claim is the one the job is held by now, renewed or not."""
    return job.claim is not None and claim is not None and _identity(job.claim) == _identity(claim)


def ended_alike(job: Job, moved: Job) -> bool:
    """Whether a move was made before, which a writer sees whose answer was lost: the same claim ended the same way."""
    if job.claim is not None or not job.attempts or not moved.attempts:
        return False
    last, ours = job.attempts[-1], moved.attempts[-1]
    return (last.worker, last.incarnation, last.number, last.outcome) == (
        ours.worker,
        ours.incarnation,
        ours.number,
        ours.outcome,
    )


def was_taken(job: Job, claim: Claim | None) -> bool:
    """Whether somebody else has ended that claim: cancelled, or taken over."""
    return not holds(job, claim) and not ended_by_holder(job, claim)


def ended_by_holder(job: Job, claim: Claim | None) -> bool:
    """Whether that claim was ended by whoever held it, in whatever way: nobody took the job away."""
    if claim is None:
        return False
    mine = _identity(claim)
    return any((a.worker, a.incarnation, a.number) == mine and a.outcome in HOLDERS_ENDS for a in job.attempts)


def _identity(claim: Claim) -> tuple[str, str, int]:
    return claim.worker, claim.incarnation, claim.attempt


def _held(job: Job) -> Claim:
    if job.claim is None:
        raise ValueError(f"{job.id} is {job.state} and held by nobody")
    return job.claim


def _ended(job: Job, end: End, now: str, reason: str) -> Job:
    """The job without its claim, and with what became of it."""
    held = _held(job)
    attempt = Attempt(
        number=held.attempt,
        worker=held.worker,
        incarnation=held.incarnation,
        claimed_at=held.claimed_at,
        ended_at=now,
        outcome=end,
        reason=reason,
    )
    return job.evolve(claim=None, attempts=(*job.attempts, attempt))


def _given_up(job: Job) -> str:
    last = job.attempts[-1]
    why = f": {last.reason}" if last.reason else ""
    return f"given up after {len(job.attempts)} attempts, the last one {last.outcome} on {last.worker}{why}"
