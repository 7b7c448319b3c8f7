"""What admins ask of workers: written on their documents, by their revisions."""

from collections.abc import Callable

from crashfarm.database import Database
from crashfarm.documents.worker import Control, Quarantine, Wish, Worker, worker_id
from crashfarm.errors import Conflict, InputError, NotFound

TRIES = 10
"""So often a change is made again when the worker saved its document in between."""


def load(status: Database) -> list[Worker]:
    """All workers, by name."""
    return [Worker.from_doc(doc) for doc in status.documents("worker:")]


def wish(status: Database, name: str, desired: Wish, reason: str, by: str) -> Worker:
    """Ask something of a worker. A wish to run ends a quarantine, too. Raises NotFound."""
    control = Control(desired=desired, reason=reason, by=by)

    def move(worker: Worker) -> Worker:
        quarantine = None if desired == Wish.RUN else worker.quarantine
        return worker.evolve(control=control, quarantine=quarantine)

    return _change(status, name, move)


def quarantine(status: Database, name: str, reason: str, by: str, now: str) -> Worker:
    """Take a worker out until somebody wishes it to run. Raises NotFound."""
    return _change(status, name, lambda worker: worker.evolve(quarantine=Quarantine(reason=reason, by=by, since=now)))


def forget(status: Database, name: str) -> Worker:
    """Delete a worker's document; gives what it was. Raises InputError while it holds jobs.

    A worker that lives registers itself anew.
    """
    worker = _find(status, name)
    if worker.running:
        raise InputError(f"{name} runs {len(worker.running)} jobs: drain or stop it first")
    status.delete(worker.id, worker.rev or "")
    return worker


def _change(status: Database, name: str, move: Callable[[Worker], Worker]) -> Worker:
    for _ in range(TRIES):
        changed = move(_find(status, name))
        try:
            return changed.evolve(rev=status.put(changed.to_doc()))
        except Conflict:
            continue
    raise Conflict(f"{worker_id(name)} keeps changing: try again")


def _find(status: Database, name: str) -> Worker:
    doc = status.get(worker_id(name))
    if doc is None:
        raise NotFound(f"there is no worker {name}: see 'crashfarm worker list'")
    return Worker.from_doc(doc)
