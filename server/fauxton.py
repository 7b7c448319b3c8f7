"""Fauxton, CouchDB's administration pages: fetched with npm, checked against a known hash, put into the data folder."""

import shutil
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from crashfarm.errors import ConfigError, CrashfarmError
from server import npm

VERSION = "1.2.6"
INTEGRITY = "sha512-5ZwPKqstwmQclSHifWBmbyzlBOLoBB3gssGaiEFLPcIzHO0Zxz+uPr/D/Fs6DGH7Hfohw7s6zqcjwU9CRcshfw=="
"""What npm registries say about this version (`npm view fauxton@VERSION dist.integrity`)."""

MAX_BYTES = 64 * 2**20
"""More than the pages could ever need, unpacked."""

_BUILT = PurePosixPath("package/dist/release")
"""Where the package has the pages as browsers take them; the rest is their source."""


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
    archive = npm.download("fauxton", VERSION, INTEGRITY, work)
    unpack(archive, work / "new")
    _marker(work / "new").write_text(INTEGRITY)
    if place.exists():
        place.rename(work / "old")
    (work / "new").rename(place)


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


def _marker(pages: Path) -> Path:
    return pages / ".installed"
