"""The folder of downloaded builds, by digest: what is in it is whole, and what is in use stays."""

import ctypes
import logging
import os
import secrets
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote, unquote_to_bytes

import msgspec

from crashfarm.documents.branch import Artifact
from worker.removing import remove

log = logging.getLogger("crashfarm.worker")

MARKER = "installed.json"
TREE = "build"

PART_LIFE = 7 * 24 * 3600.0
"""Seconds for which a download that broke off is kept."""


class Marker(msgspec.Struct, frozen=True, kw_only=True):
    """What is written when a build is whole: where it came from, and its files with their sizes in bytes.

    A file's name is quoted as in a URL: it may be any bytes, and JSON holds text.
    """

    url: str
    sha256: str
    files: dict[str, int]

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(self.files.values())


class Cache:
    """A folder with one folder for each build. Not for several threads at once: whoever uses it has a lock.

    A build is made whole beside it and moved into its place, so that a half one is never met under its name.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self._present = dict(self._look())

    def part(self, sha256: str) -> Path:
        """Where the download of a build goes on."""
        return self._folder / f"{sha256}.part"

    def draft(self, sha256: str) -> Path:
        """An empty folder in which to unpack a build."""
        draft = self._folder / f"{sha256}.draft"
        remove(draft)
        (draft / TREE).mkdir(parents=True)
        return draft

    def get(self, sha256: str) -> Path | None:
        """The unpacked build, which counts as used now, or None."""
        if sha256 not in self._present:
            return None
        home = self._folder / sha256
        os.utime(home / MARKER)
        return home / TREE

    def keep(self, marker: Marker, draft: Path) -> Path:
        """Make a sealed draft the build; returns where it is."""
        home = self._folder / marker.sha256
        draft.rename(home)
        self._present[marker.sha256] = marker.size
        return home / TREE

    def shrink(self, most: int, in_use: set[str]) -> list[Path]:
        """Let go of builds, those first that were not used for longest, until all hold at most that many bytes.

        Returns the folders that are to be removed, which no longer have a build's name.
        """
        doomed = []
        for sha256 in sorted(self._present, key=self._used_at):
            if sum(self._present.values()) <= most:
                break
            if sha256 not in in_use:
                doomed.append(self._let_go(sha256))
        return doomed

    def __contains__(self, sha256: str) -> bool:
        return sha256 in self._present

    def _used_at(self, sha256: str) -> float:
        return (self._folder / sha256 / MARKER).stat().st_mtime

    def _let_go(self, sha256: str) -> Path:
        """Take its name away first: a removal that is cut short must leave nothing that looks whole."""
        doomed = self._folder / f"{sha256}.{secrets.token_hex(4)}.removed"
        (self._folder / sha256).rename(doomed)
        del self._present[sha256]
        return doomed

    def _look(self) -> Iterator[tuple[str, int]]:
        """The builds that are whole. Everything else is removed, but for downloads that may be continued."""
        for path in sorted(self._folder.iterdir()):
            if path.is_file():
                _forget_old(path)
            elif marker := _whole(path):
                yield path.name, marker.size
            else:
                log.warning("%s is not a whole build: removing it", path)
                remove(path)


def seal(artifact: Artifact, draft: Path) -> Marker:
    """Write the marker of a draft whose build is complete; when this returns it outlives a power cut."""
    marker = Marker(url=artifact.url, sha256=artifact.sha256.lower(), files=_files(draft / TREE))
    (draft / MARKER).write_bytes(msgspec.json.encode(marker))
    descriptor = os.open(draft, os.O_RDONLY | os.O_DIRECTORY)
    try:
        ctypes.CDLL(None).syncfs(descriptor)
    finally:
        os.close(descriptor)
    return marker


def _forget_old(part: Path) -> None:
    if time.time() - part.stat().st_mtime > PART_LIFE:
        part.unlink()


def _whole(home: Path) -> Marker | None:
    """The marker of a build all of whose files are there in their sizes."""
    tree = os.fsencode(home / TREE) + b"/"
    try:
        marker = msgspec.json.decode((home / MARKER).read_bytes(), type=Marker)
        fits = marker.sha256 == home.name and all(
            os.lstat(tree + unquote_to_bytes(name)).st_size == size for name, size in marker.files.items()
        )
    except (OSError, msgspec.MsgspecError):
        return None
    return marker if fits else None


def _files(tree: Path) -> dict[str, int]:
    found = (Path(folder) / name for folder, _, names in os.walk(tree) for name in names)
    return {quote(os.fsencode(path.relative_to(tree))): path.lstat().st_size for path in found}
