"""The library that draws the dashboard's charts: from npm's registry into the design document, pinned by hash.

Without it the dashboard shows the same numbers without a picture, so that a push never depends on a registry.
"""

import hashlib
import os
import tarfile
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

import msgspec

from crashfarm.database import Database
from crashfarm.errors import CrashfarmError
from server import npm
from server.deploy.sources import Attachment, Design, attachment

VERSION = "1.6.32"
INTEGRITY = "sha512-KIMVnG68zvu5XXUbC4LQEPnhwOxBuLyW1AHtpm6IKTXImkbLgkMy+jabjLgSLMasNuGGzQm/ep3tOkyTxpiQIw=="
"""What npm registries say about this version (`npm view uplot@VERSION dist.integrity`)."""

DESIGN = "dashboard"
"""The design document that carries the library."""

Files = Mapping[str, Attachment]
Fetch = Callable[[], Files]


class Member(msgspec.Struct, frozen=True):
    """A file of the package, and the SHA-256 of its content in hex."""

    path: str
    sha256: str


MEMBERS: Mapping[str, Member] = {
    "vendor/uplot.js": Member(
        "package/dist/uPlot.esm.js", "5dd9b3281aa64b461b42d9945f6adb2649d346502b12281a9ae0d46599a80eba"
    ),
    "vendor/uplot.css": Member(
        "package/dist/uPlot.min.css", "df630c6a8d6f8eeaff264b50f73ce5b114f646ffd9a0bb74f049b0a00135fa04"
    ),
    "vendor/uplot-license.txt": Member(
        "package/LICENSE", "8f989229699b4fe2f1a0432d0e9edc338a8a911e250e2d1b01ecd770a5f5b1bd"
    ),
}
"""What the design document carries of the package, by the names of its attachments."""


def complete(status: Database, design: Design, fetch: Fetch | None) -> tuple[Design, str]:
    """The design document with the library, as far as it can be had, and why not if it cannot.

    What the database has already is kept; only else it is fetched. Without `fetch` nobody is asked, and nothing said.
    """
    files, trouble = installed(status), ""
    if not files and fetch is not None:
        try:
            files = fetch()
        except CrashfarmError as exc:
            trouble = f"the dashboard shows numbers without charts, for {exc}"
    return msgspec.structs.replace(design, attachments={**design.attachments, **files}), trouble


def installed(status: Database) -> Files:
    """The library as the database has it, if it is whole and the very one; else nothing."""
    live = status.get(f"_design/{DESIGN}")
    if live is None or not MEMBERS.keys() <= live.get("_attachments", {}).keys():
        return {}
    contents = {name: status.attachment(live["_id"], name) or b"" for name in MEMBERS}
    return _files(contents) if all(_is_known(name, content) for name, content in contents.items()) else {}


def fetch(seconds: float = npm.SECONDS) -> Files:
    """The library as npm downloads it within `seconds`, which is asked once: the user's cache folder keeps the package.

    Raises CrashfarmError if it cannot be had, or is not what it should be.
    """
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "crashfarm"
    archive = cache / f"uplot-{VERSION}.tgz"
    try:
        if not npm.is_whole(archive, INTEGRITY):
            cache.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(dir=cache) as work:
                npm.download("uplot", VERSION, INTEGRITY, Path(work), seconds).replace(archive)
        return _files(unpack(archive))
    except OSError as exc:
        raise CrashfarmError(f"cannot keep uplot in {cache}: {exc.strerror or exc}") from exc


def unpack(archive: Path) -> dict[str, bytes]:
    """The files that are wanted of a package. Raises CrashfarmError if one is missing or another one."""
    try:
        with tarfile.open(archive, "r:gz") as package:
            contents = {name: _read(package, member.path) for name, member in MEMBERS.items()}
    except (tarfile.TarError, KeyError) as exc:
        raise CrashfarmError(f"the package of uplot cannot be unpacked: {exc}") from exc
    if wrong := [name for name, content in contents.items() if not _is_known(name, content)]:
        raise CrashfarmError(f"the package of uplot holds another {MEMBERS[wrong[0]].path} than the known one")
    return contents


def _read(package: tarfile.TarFile, path: str) -> bytes:
    source = package.extractfile(path)
    return source.read() if source is not None else b""


def _is_known(name: str, content: bytes) -> bool:
    return hashlib.sha256(content).hexdigest() == MEMBERS[name].sha256


def _files(contents: Mapping[str, bytes]) -> Files:
    return {name: attachment(name, content) for name, content in contents.items()}
