"""The jobs that this worker holds, and the threads that run them."""

import logging
import threading
from collections.abc import Callable, Iterable
from threading import Event

import msgspec

from crashfarm.documents.branch import Build
from crashfarm.documents.job import Job, JobResult
from crashfarm.errors import DatabaseError
from crashfarm.queue import transitions
from crashfarm.queue.ends import End
from worker.executing import Executor
from worker.health import Health
from worker.installing.trouble import InstallError
from worker.outbox import Outbox, Parcel
from worker.trouble import MachineTrouble

log = logging.getLogger("crashfarm.worker")

DISK_PATIENCE = 2.0
"""Seconds between two tries to write a parcel to a disk that is full."""

ReadAttachment = Callable[[str, str], bytes | None]
"""From a job's id and an attachment's name to its bytes."""


class Returned(msgspec.Struct, frozen=True):
    """A job that came back from its slot without a result, how its claim is to end, and why."""

    job: Job
    end: End
    reason: str


class Slots:
    """Holds jobs from their claim until their end is written, and runs each in a thread of its own.

    `changed` is called, in whatever thread, when a slot has something to tell.
    """

    def __init__(self, count: int, executor: Executor, outbox: Outbox, health: Health, read: ReadAttachment) -> None:
        self.count = count
        self._health = health
        self.changed: Callable[[], None] = _nobody
        self.trouble = ""
        self._executor = executor
        self._outbox = outbox
        self._read = read
        self._lock = threading.Lock()
        self._ended = threading.Condition(self._lock)
        self._held: dict[str, Job] = {}
        #: By job and attempt: a run whose claim was lost may yet be ending when its job is here again.
        self._stops: dict[tuple[str, int], Event] = {}
        self._returned: list[Returned] = []

    @property
    def free(self) -> int:
        """How many more jobs could run now."""
        with self._lock:
            return max(0, self.count - len(self._stops))

    def running(self) -> tuple[str, ...]:
        """The ids of the jobs that run."""
        with self._lock:
            return tuple(sorted({job for job, _ in self._stops}))

    def installing(self) -> str:
        """Which builds are being fetched or unpacked, in words."""
        return self._executor.installing()

    def held(self) -> list[Job]:
        """All jobs whose claims are ours, also those that have run and wait to be recorded."""
        with self._lock:
            return list(self._held.values())

    @property
    def unsettled(self) -> int:
        """How many jobs have run, and their claims are ours still."""
        with self._lock:
            return len(self._held.keys() - {job for job, _ in self._stops})

    def newest(self, job: Job) -> Job:
        """The same job under the same claim, at the newest revision that we know of."""
        with self._lock:
            return self._held[job.id] if self._holds(job) else job

    def start(self, job: Job, build: Build | None) -> None:
        """Run a job that was just claimed, on its build; None if the farm has none for it."""
        stop = Event()
        with self._lock:
            self._held[job.id] = job
            self._stops[_run_of(job)] = stop
        threading.Thread(target=self._work, args=(job, build, stop), name=job.id, daemon=True).start()

    def renewed(self, jobs: Iterable[Job]) -> None:
        """Learn the new revisions of held jobs."""
        with self._lock:
            self._held |= {job.id: job for job in jobs if self._holds(job)}

    def forget(self, jobs: Iterable[Job]) -> None:
        """Let go of jobs, given as they were held, whose claims have ended, and stop those that still run."""
        with self._lock:
            for job in filter(self._holds, jobs):
                del self._held[job.id]
                if stop := self._stops.get(_run_of(job)):
                    stop.set()

    def stop(self) -> None:
        """Stop all that runs; the jobs come back."""
        with self._lock:
            for stop in self._stops.values():
                stop.set()

    def wait(self, seconds: float) -> bool:
        """Wait until nothing runs, for that long at most; whether nothing does."""
        with self._ended:
            return self._ended.wait_for(lambda: not self._stops, seconds)

    def abandon(self, reason: str) -> None:
        """Have the jobs come back whose runs do not end, be they stopped or not."""
        with self._lock:
            running = [job for job in self._held.values() if _run_of(job) in self._stops]
            self._returned += [Returned(job, End.RELEASED, reason) for job in running]

    def take_returned(self) -> list[Returned]:
        """The jobs that came back since the last time, as far as they are still held."""
        with self._lock:
            returned, self._returned = self._returned, []
            ours = [back for back in returned if self._holds(back.job)]
            return [msgspec.structs.replace(back, job=self._held[back.job.id]) for back in ours]

    def fail(self, jobs: Iterable[Job], reason: str) -> None:
        """Have held jobs come back that have run, but brought nothing."""
        with self._lock:
            known = {back.job.id for back in self._returned}
            more = [Returned(job, End.FAILED, reason) for job in jobs if job.id not in known]
            self._returned += more
        if more:
            self.changed()

    def put_back(self, returned: Iterable[Returned]) -> None:
        """Keep for later what could not be given back to the queue now."""
        with self._lock:
            self._returned += returned

    def _holds(self, job: Job) -> bool:
        held = self._held.get(job.id)
        return held is not None and transitions.holds(held, job.claim)

    def _work(self, job: Job, build: Build | None, stop: Event) -> None:
        try:
            self._run(job, build, stop)
        finally:
            with self._lock:
                del self._stops[_run_of(job)]
                self._ended.notify_all()
            self.changed()

    def _run(self, job: Job, build: Build | None, stop: Event) -> None:
        try:
            parcel = self._executor.execute(job, build, lambda name: self._read(job.id, name), stop)
        except DatabaseError as exc:
            self._return(job, End.RELEASED, f"its input could not be read: {exc}")
        except InstallError as exc:
            # The build is at fault, not this worker; whoever asks for one by name must not ask for ever.
            self._return(job, End.FAILED if job.build else End.RELEASED, str(exc))
        except MachineTrouble as exc:
            log.warning("%s could not be run: %s", job.id, exc)
            self._health.failed(str(exc))
            self._return(job, End.FAILED, str(exc))
        except Exception as exc:
            # A fault of ours in one job must not take the others down; the job is tried elsewhere.
            log.exception("%s could not be run", job.id)
            self._health.failed(str(exc))
            self._return(job, End.FAILED, f"{type(exc).__name__}: {exc}")
        else:
            if parcel is None:
                self._return(job, End.RELEASED, "the run was stopped")
            else:
                # An end as an error is the job's own fault: it says nothing of our health, neither good nor bad.
                if parcel.job_result != JobResult.ERROR:
                    self._health.went_well()
                self._keep(parcel, stop)

    def _return(self, job: Job, end: End, reason: str) -> None:
        with self._lock:
            self._returned.append(Returned(job, end, reason))

    def _keep(self, parcel: Parcel, stop: Event) -> None:
        """Write the parcel to disk, however long it takes until there is room; the slot is taken meanwhile."""
        while True:
            try:
                self._outbox.put(parcel)
            except OSError as exc:
                self.trouble = f"the outbox cannot be written: {exc.strerror}"
                self.changed()
                if stop.wait(DISK_PATIENCE):
                    self._return(Job.from_doc(parcel.job), End.FAILED, self.trouble)
                    return
            else:
                self.trouble = ""
                return


def _run_of(job: Job) -> tuple[str, int]:
    return job.id, job.claim.attempt if job.claim else 0


def _nobody() -> None:
    """Nobody listens yet."""
