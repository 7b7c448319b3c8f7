"""The builds that are installed on this machine, and those that are just being installed."""

import logging
import os
import random
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event

import msgspec

from crashfarm.documents.branch import Artifact
from worker.backoff import Backoff
from worker.installing import downloading
from worker.installing.cache import TREE, Cache, seal
from worker.installing.downloading import download
from worker.installing.trouble import InstallError, Stopped
from worker.removing import remove

log = logging.getLogger("crashfarm.worker")

FIRST_REST = 30.0
LONGEST_REST = 3600.0
"""Seconds for which a build that failed is not tried again: the first, and the longest time."""

_LOOK = 0.2


class Bounds(msgspec.Struct, frozen=True, kw_only=True):
    """How much may be downloaded and kept: bytes unpacked, members of one archive, bytes of all builds together."""

    download: downloading.Bounds
    unpacked: int
    members: int
    cache: int


class _Failure(msgspec.Struct):
    """A build that could not be installed."""

    backoff: Backoff
    reason: str = ""
    rests_until: float = 0.0


class Installs:
    """Installs builds, each once, for all slots that want it. What is installed is known here alone, and on disk.

    Slots that want the same build wait for one of them to install it; the others are not held up.
    """

    def __init__(
        self, folder: Path, bounds: Bounds, rng: random.Random, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._bounds = bounds
        self._rng = rng
        self._monotonic = monotonic
        self._cache = Cache(folder)
        self._changed = threading.Condition()
        self._used: Counter[str] = Counter()
        self._under_way: dict[str, str] = {}
        self._failures: dict[str, _Failure] = {}
        self.on_change: Callable[[], None] = _nobody

    def under_way(self) -> str:
        """What is being installed, and how far it is, in words; empty if nothing is."""
        with self._changed:
            return "; ".join(sorted(self._under_way.values()))

    def rests(self, artifact: Artifact) -> str:
        """Why a build is not to be tried now; empty if it may be."""
        failure = self._failures.get(artifact.sha256.lower())
        return failure.reason if failure and self._monotonic() < failure.rests_until else ""

    @contextmanager
    def use(self, artifact: Artifact, stop: Event) -> Iterator[Path]:
        """The folder of the unpacked build, which stays as long as it is used.

        Raises InstallError, with the reason, and Stopped when `stop` was set before it was there.
        """
        sha256 = artifact.sha256.lower()
        path = self._get(artifact, sha256, stop)
        try:
            yield path
        finally:
            with self._changed:
                self._used[sha256] -= 1

    def _get(self, artifact: Artifact, sha256: str, stop: Event) -> Path:
        with self._changed:
            while sha256 in self._under_way and not stop.is_set():
                self._changed.wait(_LOOK)
            if stop.is_set():
                raise Stopped
            if path := self._cache.get(sha256):
                self._used[sha256] += 1
                return path
            if reason := self.rests(artifact):
                raise InstallError(reason)
            self._under_way[sha256] = _words(artifact, "fetching")
        self.on_change()
        return self._install(artifact, sha256, stop)

    def _install(self, artifact: Artifact, sha256: str, stop: Event) -> Path:
        """Fetch and unpack a build that nobody else installs."""
        try:
            path = self._make(artifact, sha256, stop)
        except (InstallError, OSError) as exc:
            raise self._failed(sha256, str(exc)) from exc
        finally:
            with self._changed:
                del self._under_way[sha256]
                self._changed.notify_all()
            self.on_change()
        self._make_room()
        return path

    def _make(self, artifact: Artifact, sha256: str, stop: Event) -> Path:
        def progress(have: int, total: int) -> None:
            self._tell(sha256, _words(artifact, "fetching", have, total))

        part = self._cache.part(sha256)
        download(artifact, part, self._bounds.download, stop, progress)
        self._tell(sha256, _words(artifact, "unpacking"))
        draft = self._cache.draft(sha256)
        try:
            self._unpack(part, draft / TREE, stop)
            marker = seal(artifact, draft)
            with self._changed:
                path = self._cache.keep(marker, draft)
                self._used[sha256] += 1
                self._failures.pop(sha256, None)
        finally:
            part.unlink(missing_ok=True)
            remove(draft)
        return path

    def _unpack(self, archive: Path, folder: Path, stop: Event) -> None:
        bounds = [str(self._bounds.unpacked), str(self._bounds.members)]
        command = [sys.executable, "-P", "-m", "worker.installing.unpacking", str(archive), str(folder), *bounds]
        until = self._monotonic() + self._bounds.download.seconds
        with subprocess.Popen(command, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL) as process:
            try:
                said = _wait(process, stop, until, self._monotonic)
            except BaseException:
                process.kill()
                raise
        if process.returncode:
            raise InstallError(said or f"unpacking it ended with {process.returncode}")

    def _failed(self, sha256: str, reason: str) -> InstallError:
        """Note that a build is not to be had, so that it is left alone for a while."""
        with self._changed:
            failure = self._failures.setdefault(sha256, _Failure(Backoff(FIRST_REST, LONGEST_REST, self._rng)))
            failure.reason = f"the build cannot be installed: {reason}"
            failure.rests_until = self._monotonic() + failure.backoff.failed()
        log.warning("%s", failure.reason)
        return InstallError(failure.reason)

    def _make_room(self) -> None:
        with self._changed:
            in_use = {sha256 for sha256, users in self._used.items() if users > 0}
            doomed = self._cache.shrink(self._bounds.cache, in_use)
        for folder in doomed:
            log.info("removing a build that was not used for longest: %s", folder)
            remove(folder)

    def _tell(self, sha256: str, words: str) -> None:
        with self._changed:
            changed = self._under_way.get(sha256) != words
            self._under_way[sha256] = words
        if changed:
            self.on_change()


def _wait(process: "subprocess.Popen[bytes]", stop: Event, until: float, monotonic: Callable[[], float]) -> str:
    """What the process says until its end. Raises Stopped, or InstallError when it takes too long."""
    while True:
        try:
            return process.communicate(timeout=_LOOK)[1].decode(errors="replace")
        except subprocess.TimeoutExpired:
            if stop.is_set():
                raise Stopped from None
            if monotonic() > until:
                raise InstallError("unpacking it takes too long") from None


def _words(artifact: Artifact, verb: str, have: int = 0, total: int = 0) -> str:
    """In steps of ten per cent, so that not every byte is news."""
    done = f", {have * 10 // total * 10} %" if total else ""
    return f"{verb} {os.path.basename(artifact.url.partition('?')[0]) or artifact.url}{done}"


def _nobody() -> None:
    """Nobody listens yet."""
