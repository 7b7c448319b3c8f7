"""The job document: what to run, where it stands, and what became of each attempt."""

import secrets
from datetime import datetime
from enum import IntEnum, StrEnum
from typing import ClassVar

import msgspec

from crashfarm.documents.base import Document


class JobState(StrEnum):
    """Where a job stands.

    pending -> running -> completed
    pending -> aborted, running -> aborted
    running -> pending, when the claim was released or its lease was lost
    """

    #: Waits for a worker.
    PENDING = "pending"
    #: A worker holds it, by the claim on the document.
    RUNNING = "running"
    #: Done; `result` says how.
    COMPLETED = "completed"
    #: Given up, with the reason in the last attempt or in `reason`.
    ABORTED = "aborted"


class JobResult(StrEnum):
    """How a completed job ended."""

    #: The program ran and nothing was found.
    SUCCESS = "success"
    #: The program ran and something was found.
    FAILURE = "failure"
    #: The program could not be run.
    ERROR = "error"


class JobKind(StrEnum):
    """What sort of run a job is."""

    CRASHTEST = "crashtest"
    UNITTEST = "unittest"


class Priority(IntEnum):
    """Which job comes first: the lower number."""

    REPRODUCE = 0
    PERSON = 1
    LARGE = 2
    NORMAL = 3


class Input(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What the program is run on: exactly one of a URL, a text, or an attachment of the job.

    `name` is the file name that the program sees for a text or an attachment.
    """

    name: str = ""
    url: str | None = None
    text: str | None = None
    attachment: str | None = None


class Requires(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """What a worker must be to run a job. None and the empty tuple ask for nothing."""

    os_name: str | None = None
    os_version: str | None = None
    cpu_name: str | None = None
    tags: tuple[str, ...] = ()


class Claim(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Who holds a job. The lease is counted, by whoever watches, from the document's last change of revision."""

    worker: str
    incarnation: str
    attempt: int
    lease_seconds: float
    claimed_at: str
    renewed_at: str


class Attempt(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What became of one claim: who, which start of the process, when, and how it ended."""

    number: int
    worker: str
    incarnation: str
    claimed_at: str
    ended_at: str
    outcome: str
    reason: str = ""


class Dependency(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A job that has to be completed first; with `result`, in that very way."""

    job: str
    result: JobResult | None = None


class Job(Document, frozen=True, kw_only=True):
    """One run to be done: id `job:<time-ordered id>`. `timeout` in seconds.

    A pending job that may not be claimed yet says why in `wait`: `jobs`, those in `depends_on` are not completed;
    `delay`, it is tried again when nothing has changed on it for `delay_seconds`. `supersedes` names the job that
    this one tries again. `build` names one of the branch's older builds, as its archive has them; empty is the
    current one. A `probe` is an experiment of the farm's own, on a changed input or an old build: what it shows
    counts in no view and no history.
    """

    TYPE: ClassVar[str] = "job"

    product: str
    branch: str
    buildtype: str
    input: Input
    created_at: str
    kind: JobKind = JobKind.CRASHTEST
    requires: Requires = Requires()
    priority: Priority = Priority.NORMAL
    source: str = ""
    timeout: float = 60.0
    max_attempts: int = 3
    parent: str | None = None
    supersedes: str | None = None
    depends_on: tuple[Dependency, ...] = ()
    wait: str = ""
    delay_seconds: float = 0.0
    build: str = ""
    probe: bool = False
    state: JobState = JobState.PENDING
    result: JobResult | None = None
    reason: str = ""
    claim: Claim | None = None
    attempts: tuple[Attempt, ...] = ()
    started_at: str | None = None
    completed_at: str | None = None


def new_job_id(moment: datetime) -> str:
    """A fresh id that sorts by its time of making: `job:20261122T061003123Z-7f3a9c21d4`."""
    stamp = moment.strftime("%Y%m%dT%H%M%S") + f"{moment.microsecond // 1000:03d}Z"
    return f"job:{stamp}-{secrets.token_hex(5)}"
