"""What admins ask of workers: written on their documents, by their revisions."""

from collections.abc import Callable
from contextlib import suppress

import msgspec

from crashfarm.database import Database
from crashfarm.documents.worker import Control, Quarantine, Wish, Worker, worker_id
from crashfarm.errors import Conflict, InputError, InvalidDocument, NotFound

TRIES = 10
"""So often a change is made again when the worker saved its document in between."""


class Found(msgspec.Struct, frozen=True):
    """The workers by name, and why the documents of others cannot be read, by their ids."""

    workers: tuple[Worker, ...]
    broken: dict[str, str]


def load(status: Database) -> list[Worker]:
    """All workers, by name, whose documents can be read: one that somebody has broken must not hide the others."""
    return list(find(status).workers)


def find(status: Database) -> Found:
    """All workers."""
    found: list[Worker] = []
    broken: dict[str, str] = {}
    for doc in status.documents("worker:"):
        try:
            found.append(Worker.from_doc(doc))
        except InvalidDocument as exc:
            broken[doc["_id"]] = str(exc).removeprefix(f"{doc['_id']}: ")
    return Found(tuple(found), broken)


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

    def delete(worker: Worker) -> Worker:
        if worker.running:
            raise InputError(f"{name} runs {len(worker.running)} jobs: drain or stop it first")
        status.delete(worker.id, worker.rev or "")
        return worker

    return _persist(status, name, delete)


def _change(status: Database, name: str, move: Callable[[Worker], Worker]) -> Worker:
    def write(worker: Worker) -> Worker:
        changed = move(worker)
        return changed.evolve(rev=status.put(changed.to_doc()))

    return _persist(status, name, write)


def _persist(status: Database, name: str, write: Callable[[Worker], Worker]) -> Worker:
    """Write on a document that its worker writes, too: read anew for each try."""
    for _ in range(TRIES):
        with suppress(Conflict):
            return write(_find(status, name))
    raise Conflict(f"{worker_id(name)} keeps changing: try again")


def _find(status: Database, name: str) -> Worker:
    doc = status.get(worker_id(name))
    if doc is None:
        raise NotFound(f"there is no worker {name}: see 'crashfarm worker list'")
    return Worker.from_doc(doc)
