"""Bringing this worker to the version that the farm wants, by the command that its owner has set."""

import contextlib
import logging
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import msgspec

import crashfarm
from crashfarm.database import Database
from crashfarm.errors import DatabaseError
from worker import durable

log = logging.getLogger("crashfarm.worker")

CURSOR = "cursor:worker-version"
"""The document whose `version` is the one that workers ought to have."""

LOOK = 60.0
"""Seconds between two looks at it."""

PATIENCE = 1800.0
"""Seconds that an update may take."""

CUT_SHORT = "it was cut short"
"""What is on record while the command runs: nobody may be left to write down how it ended."""

_LOOK = 0.1
_WORDS = 500
"""Bytes of what a command that failed said at its end."""


class Tried(msgspec.Struct):
    """An update that was tried, and by which version, so that one that changes nothing is not tried for ever."""

    version: str
    outcome: str
    former: str = ""


class Updates:
    """Looks whether an update is wanted, and carries it out. `wanted` is the version, or empty.

    The command may take `patience` seconds; when `was_told` says that the worker was told to end, the command is ended.
    """

    def __init__(
        self, status: Database, command: tuple[str, ...], home: Path, was_told: Callable[[], bool] = lambda: False
    ) -> None:
        self._status = status
        self._command = command
        self._file = home / "update.json"
        self._output = home / "update.log"
        self._was_told = was_told
        self.patience = PATIENCE
        self.wanted = ""
        self._latest = ""

    def look(self) -> float:
        """Ask the farm; in how many seconds to ask again."""
        self._latest = self._ask()
        tried = self._tried()
        done = self._latest in ("", crashfarm.__version__) or (tried and tried.version == self._latest)
        self.wanted = "" if done or not self._can_note(tried) else self._latest
        return LOOK

    def run(self) -> str:
        """Run the owner's command; what went wrong, or nothing. Whatever comes of it, it is not run again by itself."""
        version = self._version()
        try:
            self._note(version, CUT_SHORT)
            outcome = self._run(version)
            self._note(version, outcome)
        except OSError as exc:
            return f"it cannot be noted down: {exc.strerror}"
        return outcome

    def failed(self) -> str:
        """What went wrong with the last update, in words; empty if nothing did.

        The process that tried it has ended by then: the next one has to tell the farm.
        """
        tried = self._tried()
        if tried is None or _has_come(tried):
            return ""
        outcome = tried.outcome
        if not outcome and tried.version:
            outcome = f"its command ended well, but this is {crashfarm.__version__} still"
        return f"the update to {tried.version or 'what its command brings'} failed: {outcome}" if outcome else ""

    def _ask(self) -> str:
        """The version that the farm wants, or nothing."""
        version = (self._status.get(CURSOR) or {}).get("version")
        return version if isinstance(version, str) else ""

    def _version(self) -> str:
        """The same, as it was when the farm was last reached."""
        with contextlib.suppress(DatabaseError):
            self._latest = self._ask()
        return self._latest

    def _run(self, version: str) -> str:
        if not self._command:
            return "this worker's configuration has no update command"
        # The version comes from the database: as one argument of a list it cannot be more than a word.
        command = [argument.replace("{version}", version) for argument in self._command]
        leash = [sys.executable, "-P", "-m", "worker.leashed", *command]
        with (
            self._output.open("w+b") as output,
            subprocess.Popen(
                leash, stdin=subprocess.PIPE, stdout=output, stderr=output, start_new_session=True
            ) as process,
        ):
            why = self._wait(process)
            process.communicate()
            output.seek(max(0, output.seek(0, os.SEEK_END) - _WORDS))
            words = output.read(_WORDS).decode(errors="replace").strip()
        ended = f"the update command ended with {process.returncode}: {words}"
        return why or (ended if process.returncode else "")

    def _wait(self, process: "subprocess.Popen[bytes]") -> str:
        """Wait for the command's end; why it is to be ended before that, or nothing."""
        until = time.monotonic() + self.patience
        while process.poll() is None:
            if self._was_told():
                return "it was ended, for the worker was told to end"
            if time.monotonic() > until:
                return f"it took more than {self.patience:g} seconds"
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(_LOOK)
        return ""

    def _note(self, version: str, outcome: str) -> None:
        """Put a trial on record; when this returns it outlives a power cut. Raises OSError."""
        self._write(Tried(version, outcome, crashfarm.__version__))

    def _can_note(self, tried: Tried | None) -> bool:
        """Whether a trial could be put on record: without that it would be tried for ever."""
        try:
            self._write(tried or Tried("", ""))
        except OSError as exc:
            log.error("the farm wants version %s, but an update could not be noted down: %s", self._latest, exc)
            return False
        return True

    def _write(self, tried: Tried) -> None:
        durable.write(self._file, msgspec.json.encode(tried))

    def _tried(self) -> Tried | None:
        try:
            return msgspec.json.decode(self._file.read_bytes(), type=Tried)
        except (OSError, msgspec.MsgspecError):
            return None


def _has_come(tried: Tried) -> bool:
    """Whether this is the version that was to come; where none was named, another than the one that tried."""
    if tried.version:
        return tried.version == crashfarm.__version__
    return tried.former not in ("", crashfarm.__version__)
