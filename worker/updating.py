"""Bringing this worker to the version that the farm wants, by the command that its owner has set."""

import contextlib
import logging
import subprocess
from pathlib import Path

import msgspec

import crashfarm
from crashfarm.database import Database
from crashfarm.errors import DatabaseError

log = logging.getLogger("crashfarm.worker")

CURSOR = "cursor:worker-version"
"""The document whose `version` is the one that workers ought to have."""

LOOK = 60.0
"""Seconds between two looks at it."""

PATIENCE = 1800.0
"""Seconds that an update may take."""


class Tried(msgspec.Struct):
    """An update that was tried, so that one that changes nothing is not tried for ever."""

    version: str
    outcome: str


class Updates:
    """Looks whether an update is wanted, and carries it out. `wanted` is the version, or empty."""

    def __init__(self, status: Database, command: tuple[str, ...], home: Path) -> None:
        self._status = status
        self._command = command
        self._file = home / "update.json"
        self.wanted = ""
        self._latest = ""

    def look(self) -> float:
        """Ask the farm; in how many seconds to ask again."""
        self._latest = self._ask()
        tried = self._tried()
        done = self._latest in ("", crashfarm.__version__) or (tried and tried.version == self._latest)
        self.wanted = "" if done else self._latest
        return LOOK

    def run(self) -> str:
        """Run the owner's command; what went wrong, or nothing. Whatever comes of it, it is not run again by itself."""
        version = self._version()
        outcome = self._run(version)
        self._file.write_bytes(msgspec.json.encode(Tried(version, outcome)))
        return outcome

    def _ask(self) -> str:
        """The version that the farm wants, or nothing."""
        version = (self._status.get(CURSOR) or {}).get("version")
        return version if isinstance(version, str) else ""

    def _version(self) -> str:
        """The same, as it was when the farm was last reached."""
        with contextlib.suppress(DatabaseError):
            self._latest = self._ask()
        return self._latest

    def failed(self) -> str:
        """What went wrong with the last update, in words; empty if nothing did.

        The process that tried it has ended by then: the next one has to tell the farm.
        """
        tried = self._tried()
        return (
            f"the update to {tried.version or 'what its command brings'} failed: {tried.outcome}"
            if tried and tried.outcome
            else ""
        )

    def _run(self, version: str) -> str:
        if not self._command:
            return "this worker's configuration has no update command"
        # The version comes from the database: as one argument of a list it cannot be more than a word.
        command = [argument.replace("{version}", version) for argument in self._command]
        try:
            done = subprocess.run(command, capture_output=True, timeout=PATIENCE, check=False, stdin=subprocess.DEVNULL)
        except (OSError, subprocess.TimeoutExpired) as exc:
            return f"the update command did not end well: {exc}"
        words = (done.stderr or done.stdout)[-500:].decode(errors="replace").strip()
        return f"the update command ended with {done.returncode}: {words}" if done.returncode else ""

    def _tried(self) -> Tried | None:
        try:
            return msgspec.json.decode(self._file.read_bytes(), type=Tried)
        except (OSError, msgspec.MsgspecError):
            return None
