"""What was seen waits on the worker's disk until the database has it."""

import errno
import logging
from collections.abc import Collection, Iterator
from pathlib import Path

import msgspec

from crashfarm.documents.base import Json
from crashfarm.documents.job import Job
from crashfarm.documents.result import Result
from crashfarm.errors import InvalidDocument
from worker import durable, names

log = logging.getLogger("crashfarm.worker")

_PASSING = {errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EINTR}
"""Faults that say nothing of a file that cannot be read."""


class Parcel(msgspec.Struct, frozen=True, kw_only=True):
    """All that one run brought: the job as it was held, its result's document, its output, how the job is to end.

    `attachments` are further texts to be kept with the result. `job_result` is the JobResult; `reason` says why, where
    it is an error.
    """

    job: Json
    result: Json
    output: bytes
    job_result: str
    reason: str = ""
    attachments: dict[str, bytes] = msgspec.field(default_factory=dict)


class Outbox:
    """A folder of parcels. Several threads may put, one reads, and one, which may be another, takes out."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._broken: set[str] = set()
        folder.mkdir(parents=True, exist_ok=True)
        for draft in folder.glob(f"*{durable.DRAFT}"):  # of a former start, which was killed
            draft.unlink(missing_ok=True)

    def put(self, parcel: Parcel) -> Path:
        """Write a parcel; when this returns it outlives a power cut. Raises OSError when the disk is full."""
        name = names.of_job(parcel.job["_id"], parcel.result["attempt"])
        path = self._folder / f"{name}.json"
        durable.write(path, msgspec.json.encode(parcel))
        return path

    def waiting(self) -> list[Path]:
        """The parcels not yet delivered, the oldest job first."""
        return sorted(self._folder.glob("*.json"))

    def read(self, path: Path) -> Parcel | None:
        """A parcel; None if it is gone, or its file is damaged or of another version, which then is set aside.

        Raises OSError for want of files or memory, which passes.
        """
        try:
            parcel = msgspec.json.decode(path.read_bytes(), type=Parcel)
            Job.from_doc(parcel.job)
            Result.from_doc(parcel.result)
        except FileNotFoundError:
            return None
        except (msgspec.MsgspecError, InvalidDocument, OSError) as exc:
            if isinstance(exc, OSError) and exc.errno in _PASSING:
                raise
            log.error("%s cannot be read and is set aside: %s", path, exc)
            self._broken.add(path.stem)
            self.set_aside(path)
            return None
        return parcel

    def is_broken(self, job: Job) -> bool:
        """Whether what a run of a job brought could not be read from the disk any more."""
        return names.of_job(job.id, job.claim.attempt if job.claim else 0) in self._broken

    def done(self, path: Path) -> None:
        """Forget a parcel that was delivered."""
        path.unlink(missing_ok=True)

    def set_aside(self, path: Path) -> None:
        """Keep, but never deliver again, what the database will not have, or what cannot be read."""
        aside = self._folder / "refused"
        try:
            aside.mkdir(exist_ok=True)
            path.rename(aside / path.name)
        except OSError:
            # On a full disk there may be no room for a folder, but for another name.
            path.rename(path.with_suffix(".refused"))

    def parcels(self, known: Collection[Path] = ()) -> Iterator[tuple[Path, Parcel]]:
        """The parcels not yet delivered besides those that are known, the oldest job first."""
        for path in self.waiting():
            parcel = None if path in known else self.read(path)
            if parcel:
                yield path, parcel
