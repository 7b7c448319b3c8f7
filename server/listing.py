"""Which jobs there are: by their state, or by the worker that they are for."""

from collections.abc import Iterable

from crashfarm.database import Database
from crashfarm.documents.job import Job, JobState, Priority
from crashfarm.documents.worker import Worker, worker_id
from crashfarm.errors import NotFound
from crashfarm.queue import JobQueue
from crashfarm.queue.abilities import RELAXATIONS
from crashfarm.queue.finding import Waiting
from crashfarm.queue.settling import read
from server import branches
from server.able import abilities


def by_state(status: Database, state: JobState | None, limit: int) -> list[Job]:
    """The jobs in a state, or all, in the order of the view jobs/by_state."""
    asked = {} if state is None else {"startkey": [state], "endkey": [state, {}]}
    rows = status.view("jobs", "by_state", reduce=False, include_docs=True, limit=limit, **asked).rows
    return read(row.doc for row in rows)


def of_worker(status: Database, name: str, state: JobState | None, limit: int) -> list[Job]:
    """What a worker has to do: the jobs that it holds, and the pending ones that it could run, the most urgent first.

    Of another state it has none. Raises NotFound.
    """
    doc = status.get(worker_id(name))
    if doc is None:
        raise NotFound(f"there is no worker {name}: see 'crashfarm worker list'")
    jobs: list[Job] = []
    if state in (None, JobState.RUNNING):
        jobs += JobQueue(status).held_by(name)
    if state in (None, JobState.PENDING):
        jobs += _pending(status, _runnable(status, Worker.from_doc(doc)), limit)
    return jobs[:limit]


def _runnable(status: Database, worker: Worker) -> list[Waiting]:
    """The classes of pending jobs that a worker could run, the most urgent first."""
    known = {(branch.product, branch.branch): branch for branch in branches.load(status)}
    classes = []
    for waiting in JobQueue(status).waiting():
        branch = known.get((waiting.demand.product, waiting.demand.branch))
        relaxed = RELAXATIONS if waiting.priority >= Priority.LARGE else 0
        if branch and branch.enabled and abilities(worker, branch).meet(waiting.demand, relaxed):
            classes.append(waiting)
    return classes


def _pending(status: Database, classes: Iterable[Waiting], limit: int) -> list[Job]:
    jobs: list[Job] = []
    for waiting in classes:
        key = [waiting.demand.key(), waiting.priority]
        query = {"startkey": key, "endkey": [*key, {}], "limit": limit - len(jobs), "include_docs": True}
        rows = status.view("queue", "pending", reduce=False, **query).rows
        jobs += (job for job in read(row.doc for row in rows) if job.state == JobState.PENDING)
        if len(jobs) >= limit:
            break
    return jobs
