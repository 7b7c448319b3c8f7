"""One job from its claim to a parcel: prepare, run, understand."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event

import msgspec

from crashfarm.documents.branch import Build
from crashfarm.documents.job import Job, JobResult
from crashfarm.documents.result import Exit, Result, result_id
from crashfarm.errors import InputError
from crashfarm.times import Clock, to_text
from crashfarm.understand import FAILURE, RULES_VERSION, Understanding, last_words, understand
from worker import names, running
from worker.config import LimitsConfig
from worker.debugging import hanging
from worker.debugging.debugger import Debugger
from worker.installing.installs import Installs
from worker.installing.trouble import InstallError, Stopped
from worker.machine import Machine
from worker.outbox import Parcel
from worker.preparing import ReadAttachment, Rules, name_of, prepare
from worker.removing import remove
from worker.running import Ended, Limits
from worker.trouble import MachineTrouble

STACK = "stack.txt"
"""The attachment with what a debugger told of a core, or of a program that hung."""

OUTCOME_ERROR = "error"
"""The outcome of a result whose program could not be run; the others are understanding's."""


class Executor(msgspec.Struct, frozen=True, kw_only=True):
    """Runs jobs on this machine. May be shared by threads. `folder` holds a working folder for each run."""

    machine: Machine
    folder: Path
    rules: Rules
    limits: LimitsConfig
    clock: Clock
    installs: Installs | None = None
    debugger: Debugger | None = None

    def installing(self) -> str:
        """Which builds are being fetched or unpacked, in words."""
        return self.installs.under_way() if self.installs else ""

    def execute(self, job: Job, build: Build | None, read: ReadAttachment, stop: Event) -> Parcel | None:
        """Run a job that we hold, on its build; None when it was stopped before it came to an end.

        Raises DatabaseError when its input cannot be read, InstallError when its build cannot be fetched, and
        MachineTrouble when it cannot be run for a reason that lies in this machine.
        """
        if build is None:
            return self._error(job, to_text(self.clock()), _unknown_build(job, self.machine))
        try:
            with self._installed(build, stop) as built:
                return self._execute_in_folder(job, build, read, stop, built)
        except Stopped:
            return None

    @contextmanager
    def _installed(self, build: Build, stop: Event) -> Iterator[Path | None]:
        """The folder of a build that is downloaded; None for one that stands on the machine."""
        if build.artifact is None:
            yield None
        elif self.installs is None or not self.rules.allowed.permits_build(build):
            raise InstallError(f"{build.artifact.url}: this worker's configuration does not allow builds from there")
        else:
            with self.installs.use(build.artifact, stop) as built:
                yield built

    def _execute_in_folder(
        self, job: Job, build: Build, read: ReadAttachment, stop: Event, built: Path | None
    ) -> Parcel | None:
        folder = self.folder / names.of_job(job.id, _attempt(job))
        remove(folder)
        try:
            folder.mkdir(parents=True)
            return self._execute(job, build, read, stop, folder, built)
        except OSError as exc:
            raise MachineTrouble(f"cannot run {build.command[0]!r} here: {exc.strerror or exc}") from exc
        finally:
            remove(folder)

    def _execute(
        self, job: Job, build: Build, read: ReadAttachment, stop: Event, folder: Path, built: Path | None
    ) -> Parcel | None:
        started_at = to_text(self.clock())
        try:
            prepared = prepare(build, job.input, folder, self.rules, read, built, job.buildtype)
            look = self.debugger.of_hang if self.debugger else None
            mark = f"{mark_of(self.folder)}{folder.name}/"
            ended = running.run(prepared.command, folder, prepared.environment, self._limits(job), mark, stop, look)
        except InputError as exc:
            return self._error(job, started_at, str(exc))
        except OSError as exc:
            if exc.errno != errno.E2BIG:
                raise
            return self._error(job, started_at, f"the input is too long for the command line of {build.command[0]!r}")
        return None if ended.stopped else self._parcel(job, started_at, ended, folder, stop)

    def _limits(self, job: Job) -> Limits:
        limits = self.limits
        return Limits(
            seconds=min(job.timeout, limits.seconds),
            memory=limits.memory,
            output=limits.output,
            processes=limits.processes,
            file=limits.file,
            folder=limits.folder,
        )

    def _parcel(self, job: Job, started_at: str, ended: Ended, folder: Path, stop: Event) -> Parcel | None:
        """What is to be told of a run; None when it was stopped before its core was read."""
        stack, output = ended.account, _output(ended)
        seen = _understand(ended, output, stack)
        if self.debugger and hanging.lacks_a_stack(seen):
            stack = self.debugger.of_core(folder, stop.is_set)
            if stop.is_set() and not stack:
                return None
            seen = _understand(ended, output, stack) if stack else seen
        result = self._result(job, started_at, seen.outcome).evolve(
            exit=Exit(status=ended.status, signal=ended.signal, killed_for=ended.killed_for),
            findings=seen.findings,
            notes=_notes(seen, ended),
            parser_version=RULES_VERSION,
        )
        job_result = JobResult.FAILURE if seen.outcome == FAILURE else JobResult.SUCCESS
        return Parcel(
            job=job.to_doc(),
            result=result.to_doc(),
            output=output,
            job_result=job_result,
            attachments={STACK: stack} if stack else {},
        )

    def _error(self, job: Job, started_at: str, reason: str) -> Parcel:
        result = self._result(job, started_at, OUTCOME_ERROR).evolve(notes=(reason,))
        return Parcel(job=job.to_doc(), result=result.to_doc(), output=b"", job_result=JobResult.ERROR, reason=reason)

    def _result(self, job: Job, started_at: str, outcome: str) -> Result:
        return Result(
            id=result_id(job.id),
            job=job.id,
            product=job.product,
            branch=job.branch,
            buildtype=job.buildtype,
            os_name=self.machine.os_name,
            os_version=self.machine.os_version,
            cpu_name=self.machine.cpu_name,
            worker=job.claim.worker if job.claim else "",
            incarnation=job.claim.incarnation if job.claim else "",
            attempt=_attempt(job),
            started_at=started_at,
            completed_at=to_text(self.clock()),
            outcome=outcome,
            input_name=name_of(job.input),
            build=job.build,
            source=job.source,
            probe=job.probe,
        )


def _output(ended: Ended) -> bytes:
    """What is kept of the output, as it is stored."""
    return last_words.marked(ended.output, ended.last_words) if ended.killed_for == "time" else ended.output


def _understand(ended: Ended, output: bytes, stack: bytes) -> Understanding:
    return understand(
        exit_status=ended.status,
        signal=ended.signal,
        output=output,
        core_text=stack,
        killed_for=ended.killed_for,
    )


def mark_of(folder: Path) -> str:
    """What the marks of all runs that have their working folders there begin with."""
    return f"{folder.absolute()}:"


def _unknown_build(job: Job, machine: Machine) -> str:
    wanted = f" {job.build!r}" if job.build else ""
    return f"{job.product} {job.branch} has no {job.buildtype} build{wanted} for {machine.os_name}"


def _attempt(job: Job) -> int:
    return job.claim.attempt if job.claim else 0


def _notes(seen: Understanding, ended: Ended) -> tuple[str, ...]:
    if ended.output_total <= len(ended.output):
        return seen.notes
    return (*seen.notes, f"{ended.output_total} bytes of output, of which {len(ended.output)} were kept")
