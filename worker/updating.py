"""Bringing this worker to the version that the farm wants, by the command that its owner has set."""

import logging
import subprocess
from pathlib import Path

import msgspec

import crashfarm
from crashfarm.database import Database

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

    def look(self) -> float:
        """Ask the farm; in how many seconds to ask again."""
        version = (self._status.get(CURSOR) or {}).get("version")
        known = version in (None, crashfarm.__version__) or not isinstance(version, str)
        tried = self._tried()
        self.wanted = "" if known or (tried and tried.version == version) else str(version)
        return LOOK

    def run(self, version: str) -> str:
        """Run the owner's command; what went wrong, or nothing. Whatever comes of it, it is not run again for that."""
        outcome = self._run(version)
        self._file.write_bytes(msgspec.json.encode(Tried(version, outcome)))
        return outcome

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
