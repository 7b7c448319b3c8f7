"""The replications of a store: those asked for over HTTP, and those that documents in `_replicator` ask for."""

import logging
import threading
from dataclasses import dataclass
from typing import Any

import msgspec

from crashfarm.times import to_text, utc_now
from server.store.catalog import Catalog
from server.store.database import drafts
from server.store.errors import NotFound, StoreError
from server.store.replication import task as tasks
from server.store.replication.run import Run
from server.store.replication.task import Task, Unreachable
from server.store.settings import NODE

_log = logging.getLogger(__name__)
REPLICATOR = "_replicator"
_RETRY_SECONDS = (1, 2, 5, 10, 30, 60)
_FINISHED = ("completed", "failed")
_STATE = "_replication_"


@dataclass(eq=False, slots=True)
class Job:
    """A replication under way: its task, its present run, how it fares. `doc_id` names the document behind it."""

    id: str
    task: Task
    run: Run
    doc_id: str | None = None
    user: str | None = None
    state: str = "running"
    error: str | None = None
    error_count: int = 0
    started: str = ""
    answer: dict[str, Any] | None = None


class Scheduler:
    """Runs each replication in a thread of its own. Safe to use from any thread."""

    def __init__(self, catalog: Catalog, server_uuid: str) -> None:
        self._catalog = catalog
        self._uuid = server_uuid
        self._lock = threading.RLock()
        self._jobs: dict[str, Job] = {}
        self._stopped = threading.Event()
        self._seen = 0
        self._news = threading.Event()
        self._watcher = threading.Thread(target=self._watch, name="replicator", daemon=True)

    def start(self) -> None:
        """Take up what the documents ask for, now and whenever they change."""
        self._catalog.listen(self._heard)
        self._news.set()
        self._watcher.start()

    def end(self) -> None:
        """Have everything stop soon; what is done is in the checkpoints."""
        self._stopped.set()
        self._news.set()
        for job in self.jobs():
            job.run.stop()

    def close(self) -> None:
        """Stop everything, and be done with the documents. Replications that wait for the other side are left to it."""
        self.end()
        if self._watcher.is_alive():
            self._watcher.join()

    def jobs(self) -> list[Job]:
        """All that runs or waits to run again."""
        with self._lock:
            return list(self._jobs.values())

    def once(self, task: Task, user: str | None) -> dict[str, Any]:
        """Replicate and wait for the end; what `_replicate` answers."""
        job = self._add(task, None, user)
        try:
            return job.run.work()
        except Unreachable as error:
            raise StoreError(500, "unreachable", str(error)) from error
        finally:
            self._drop(job)

    def begin(self, task: Task, user: str | None) -> str:
        """Replicate until cancelled; the id to cancel it by. Beginning it twice is beginning it once."""
        with self._lock:
            known = self._jobs.get(task.full_id(self._uuid))
            if known is not None:
                return known.id
            job = self._add(task, None, user)
        self._launch(job)
        return job.id

    def cancel(self, job_id: str) -> None:
        """End a replication; NotFound when there is no such one."""
        with self._lock:
            job = self._jobs.pop(job_id, None)
        if job is None:
            raise NotFound("missing")
        job.run.stop()

    def id_of(self, task: Task) -> str:
        """The id that a task runs under."""
        return task.full_id(self._uuid)

    def _add(self, task: Task, doc_id: str | None, user: str | None) -> Job:
        run = Run(task, task.base_id(self._uuid))
        job = Job(task.full_id(self._uuid), task, run, doc_id, user, started=to_text(utc_now()))
        with self._lock:
            self._jobs[job.id] = job
        return job

    def _drop(self, job: Job) -> None:
        with self._lock:
            if self._jobs.get(job.id) is job:
                del self._jobs[job.id]

    def _launch(self, job: Job) -> None:
        threading.Thread(target=self._keep_running, args=(job,), name=f"replicate {job.id}", daemon=True).start()

    def _keep_running(self, job: Job) -> None:
        """Run, and run again after a pause when the other side does not answer."""
        while self._is_wanted(job):
            try:
                answer = job.run.work()
            except StoreError as error:
                self._finish(job, "failed", f"{error.error}: {error.reason}", None)
                return
            except Unreachable as error:
                if not self._pause(job, str(error)):
                    return
            except Exception:
                _log.exception("replication %s failed", job.id)
                self._finish(job, "failed", "the log says why", None)
                return
            else:
                if not job.task.continuous:
                    self._finish(job, "completed", None, answer)
                return

    def _pause(self, job: Job, reason: str) -> bool:
        """Wait before the next try; False when there is none to be."""
        job.state, job.error = "crashing", reason
        seconds = _RETRY_SECONDS[min(job.error_count, len(_RETRY_SECONDS) - 1)]
        job.error_count += 1
        if self._stopped.wait(seconds):
            return False
        job.run = Run(job.task, job.task.base_id(self._uuid))
        job.state = "running"
        return True

    def _is_wanted(self, job: Job) -> bool:
        with self._lock:
            return self._jobs.get(job.id) is job and not self._stopped.is_set()

    def _finish(self, job: Job, state: str, error: str | None, answer: dict[str, Any] | None) -> None:
        job.state, job.error, job.answer = state, error, answer
        self._drop(job)
        if job.doc_id is not None and not self._stopped.is_set():
            self._note(job.doc_id, job.id, state, error, job.run.stats.shown())

    def _heard(self, name: str, event: str) -> None:
        if name == REPLICATOR:
            self._news.set()

    def _watch(self) -> None:
        while not self._stopped.is_set():
            self._news.wait()
            self._news.clear()
            try:
                while not self._stopped.is_set() and self._take_up():
                    pass
            except StoreError as error:
                _log.warning("the documents of %s cannot be read: %s", REPLICATOR, error.reason)

    def _take_up(self) -> bool:
        """Look at the next changed documents; whether there were any."""
        found = self._catalog.open(REPLICATOR).changes_since(self._seen, 100)
        for change in found:
            self._seen = change.seq
            if not change.id.startswith("_design/"):
                self._changed(change.id, {} if change.deleted else msgspec.json.decode(change.body))
        return bool(found)

    def _changed(self, doc_id: str, doc: dict[str, Any]) -> None:
        if doc.get(_STATE + "state") in _FINISHED:
            return
        known = [job for job in self.jobs() if job.doc_id == doc_id]
        for job in known:
            self._drop(job)
            job.run.stop()
        if not doc:
            return
        try:
            task = tasks.parse(doc)
        except StoreError as error:
            self._note(doc_id, None, "failed", error.reason, None)
            return
        self._launch(self._add(task, doc_id, doc.get("owner")))

    def _note(self, doc_id: str, job_id: str | None, state: str, reason: str | None, stats: Any) -> None:
        """Write into a document how its replication ended."""
        db = self._catalog.open(REPLICATOR)
        text = db.get_winner(doc_id)
        if text is None:
            return
        kept = {name: value for name, value in msgspec.json.decode(text).items() if not name.startswith(_STATE)}
        kept |= {_STATE + "state": state, _STATE + "state_time": to_text(utc_now()), _STATE + "id": job_id}
        kept |= {_STATE + "stats": stats} if stats else {}
        kept |= {_STATE + "state_reason": reason} if reason else {}
        db.put_now([drafts.parse(msgspec.json.encode(kept))])


def shown(job: Job) -> dict[str, Any]:
    """A job as `_scheduler/jobs` shows it. Addresses carry no credentials."""
    return {
        "database": REPLICATOR if job.doc_id else None,
        "id": job.id,
        "pid": f"<0.{id(job) % 100000}.0>",
        "source": job.task.source.url,
        "target": job.task.target.url,
        "user": job.user,
        "doc_id": job.doc_id,
        "info": job.run.stats.shown() | ({"error": job.error} if job.error else {}),
        "history": [{"timestamp": job.started, "type": "started"}, {"timestamp": job.started, "type": "added"}],
        "node": NODE,
        "start_time": job.started,
    }


def active_task(job: Job) -> dict[str, Any]:
    """A job as `_active_tasks` shows it."""
    return {
        "type": "replication",
        "pid": f"<0.{id(job) % 100000}.0>",
        "node": NODE,
        "replication_id": job.id,
        "doc_id": job.doc_id,
        "source": job.task.source.url,
        "target": job.task.target.url,
        "continuous": job.task.continuous,
        "user": job.user,
        "started_on": int(job.run.stats.started),
        "updated_on": int(job.run.stats.updated),
        **job.run.stats.shown(),
    }
