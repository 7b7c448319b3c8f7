"""The worker document: what a worker is, how it does, and what the admin wishes of it."""

from enum import StrEnum
from typing import ClassVar

import msgspec

from crashfarm.documents.base import Document, Json


class WorkerState(StrEnum):
    """What a worker is doing, in words a person can read."""

    #: The process has begun and is finding out what machine it is on.
    STARTING = "starting"
    #: Nothing to do: waiting for work.
    WAITING = "waiting"
    #: Asking the queue for jobs.
    CLAIMING = "claiming"
    #: Fetching or unpacking a build.
    INSTALLING = "installing"
    #: At least one job runs.
    EXECUTING = "executing"
    #: Writing down what was seen.
    RECORDING = "recording"
    #: An admin wants it to rest.
    PAUSED = "paused"
    #: Ending what runs, taking nothing new.
    DRAINING = "draining"
    #: Taken out by the farm because job after job failed on it.
    QUARANTINED = "quarantined"
    #: The process has ended in good order.
    STOPPED = "stopped"


class Wish(StrEnum):
    """What an admin may ask of a worker."""

    RUN = "run"
    PAUSE = "pause"
    DRAIN = "drain"
    STOP = "stop"
    RESTART = "restart"
    UPDATE = "update"


class Control(msgspec.Struct, frozen=True, kw_only=True):
    """The admin's wish, with the reason and who wished it."""

    desired: Wish = Wish.RUN
    reason: str = ""
    by: str = ""


class Quarantine(msgspec.Struct, frozen=True, kw_only=True):
    """Why a worker was taken out: by itself, after failure upon failure, or by an admin. Apart from a pause."""

    reason: str
    by: str = ""
    since: str = ""


class Worker(Document, frozen=True, kw_only=True):
    """One worker machine's entry: id `worker:<name>`, the name being the host's unless its owner chose another.

    `incarnation` is one start of one process: host name, boot id, pid and start time, so that a restarted worker
    is told from its former self. `dynamic_metadata` is what the worker measured, `static_metadata` what an admin
    says; where they differ the admin is right. `state_since` is when the state was entered, as far as it was told: ""
    where an older version wrote the document.
    """

    TYPE: ClassVar[str] = "worker"

    hostname: str
    os_name: str
    os_version: str
    cpu_name: str
    state: WorkerState
    incarnation: str
    version: str
    heartbeat_at: str
    registered_at: str
    connected_at: str
    disconnected_at: str | None = None
    slots: int = 1
    running: tuple[str, ...] = ()
    state_reason: str = ""
    state_since: str = ""
    static_metadata: Json = msgspec.field(default_factory=dict)
    dynamic_metadata: Json = msgspec.field(default_factory=dict)
    dynamic_metadata_updated_at: str | None = None
    control: Control = Control()
    quarantine: Quarantine | None = None

    @property
    def metadata(self) -> Json:
        """What counts: the measured metadata, overridden by what the admin says."""
        return self.dynamic_metadata | self.static_metadata


def worker_id(name: str) -> str:
    """The id of the worker of that name."""
    return f"worker:{name}"
