"""Unpacks an archive that nobody trusts: nothing of it gets outside its folder, and it gets no bigger than allowed.

It runs in a process of its own, whose memory is limited: what an archive says of itself can be as big as it likes.
"""

import lzma
import os
import resource
import stat
import sys
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import IO

import msgspec

from worker.installing.trouble import InstallError

MEMORY = 1 << 30
"""Bytes of memory for the process that unpacks."""

LONGEST_TARGET = 4096
"""Bytes of a symbolic link's target."""

DEEPEST = 256
"""Steps of a member's name at most."""

_CHUNK = 1 << 18
_FAULTS = (
    tarfile.TarError,
    zipfile.BadZipFile,
    lzma.LZMAError,
    zlib.error,
    EOFError,
    NotImplementedError,
    OSError,
    RuntimeError,
    ValueError,
)


class Bounds(msgspec.Struct, frozen=True):
    """How much an archive may hold: bytes of all its files together, and members, and as many folders."""

    size: int
    members: int


class Member(msgspec.Struct, frozen=True):
    """One entry of an archive. `kind` is file, folder, link (a symbolic one) or hard; `target` is a link's."""

    name: str
    kind: str
    mode: int = 0
    target: str = ""
    content: IO[bytes] | None = None


def unpack(archive: Path, folder: Path, bounds: Bounds) -> None:
    """Unpack a tar or zip archive into an empty folder. Raises InstallError, with the reason."""
    try:
        target = _Target(folder, bounds)
        for member in _members(archive):
            target.take(member)
        target.check_links()
    except MemoryError as exc:
        raise InstallError("the archive takes too much memory") from exc
    except _FAULTS as exc:
        raise InstallError(f"the archive cannot be read: {' '.join(str(exc).split())[:300]}") from exc


def _members(archive: Path) -> Iterator[Member]:
    if zipfile.is_zipfile(archive):
        return _of_zip(archive)
    return _of_tar(archive)


def _of_tar(archive: Path) -> Iterator[Member]:
    with tarfile.open(archive, "r|*") as tar:
        for entry in tar:
            if entry.isreg():
                yield Member(entry.name, "file", entry.mode, content=tar.extractfile(entry))
            else:
                yield Member(entry.name, _kind(entry), entry.mode, entry.linkname)


def _kind(entry: tarfile.TarInfo) -> str:
    if entry.isdir():
        return "folder"
    if entry.issym():
        return "link"
    if entry.islnk():
        return "hard"
    raise InstallError(f"{entry.name!r} is neither a file nor a folder nor a link, but a device or the like")


def _of_zip(archive: Path) -> Iterator[Member]:
    with zipfile.ZipFile(archive) as packed:
        for entry in packed.infolist():
            mode = entry.external_attr >> 16
            if entry.is_dir():
                yield Member(entry.filename, "folder")
            elif stat.S_ISLNK(mode):
                with packed.open(entry) as content:
                    yield Member(entry.filename, "link", target=os.fsdecode(content.read(LONGEST_TARGET)))
            elif stat.S_IFMT(mode) not in (0, stat.S_IFREG):
                raise InstallError(f"{entry.filename!r} is neither a file nor a folder nor a link")
            else:
                with packed.open(entry) as content:
                    yield Member(entry.filename, "file", mode, content=content)


class _Target:
    """The folder that is filled. Nothing is ever written through a link: parents are folders that we made."""

    def __init__(self, folder: Path, bounds: Bounds) -> None:
        self._folder = folder
        self._bounds = bounds
        self._size = 0
        self._count = 0
        self._folders = {folder}
        self._files: set[Path] = set()
        self._links: list[Path] = []

    def take(self, member: Member) -> None:
        """Write one member."""
        self._count += 1
        if self._count > self._bounds.members:
            raise InstallError(f"the archive has more than the {self._bounds.members} members allowed")
        path = self._folder.joinpath(*_steps(member.name))
        if member.kind == "folder":
            self._make(path, member)
            return
        self._make(path.parent, member)
        self._clear(path, member)
        if member.kind == "file":
            self._write(path, member)
        elif member.kind == "link":
            self._link(path, member)
        else:
            self._link_hard(path, member)

    def check_links(self) -> None:
        """Refuse links that lead out, be it by way of other links."""
        root = os.path.realpath(self._folder)
        for link in self._links:
            if os.path.commonpath((root, os.path.realpath(link))) != root:
                raise InstallError(f"{str(link.relative_to(self._folder))!r} is a link that leads out of the archive")

    def _make(self, path: Path, member: Member) -> None:
        """Make a folder and those above it; what stands there and is none of ours is refused."""
        missing = []
        while path not in self._folders:
            missing.append(path)
            path = path.parent
        for folder in reversed(missing):
            if os.path.lexists(folder):
                name = str(folder.relative_to(self._folder))
                raise InstallError(f"{member.name!r} goes through {name!r}, which is no folder")
            if len(self._folders) > self._bounds.members:
                raise InstallError(f"the archive has more than the {self._bounds.members} folders allowed")
            folder.mkdir(mode=0o755)
            self._folders.add(folder)

    def _clear(self, path: Path, member: Member) -> None:
        """A later member of the same name replaces the former."""
        if path in self._folders:
            raise InstallError(f"{member.name!r} is a folder and something else, too")
        path.unlink(missing_ok=True)
        self._files.discard(path)

    def _write(self, path: Path, member: Member) -> None:
        content = member.content
        if content is None:
            raise InstallError(f"{member.name!r} has no content")
        with path.open("xb") as file:
            while data := content.read(_CHUNK):
                self._size += len(data)
                if self._size > self._bounds.size:
                    raise InstallError(f"the archive unpacks to more than the {self._bounds.size} bytes allowed")
                file.write(data)
        # Neither set-uid nor anything for others to write.
        path.chmod(0o755 if member.mode & 0o100 else 0o644)
        self._files.add(path)

    def _link(self, path: Path, member: Member) -> None:
        if not member.target or "\0" in member.target or member.target.startswith("/"):
            raise InstallError(f"{member.name!r} is a link that leads out of the archive")
        path.symlink_to(member.target)
        self._links.append(path)

    def _link_hard(self, path: Path, member: Member) -> None:
        target = self._folder.joinpath(*_steps(member.target))
        if target not in self._files:
            raise InstallError(f"{member.name!r} is a link to {member.target!r}, which is no file of the archive")
        os.link(target, path)
        self._files.add(path)


def _steps(name: str) -> tuple[str, ...]:
    """The components of a member's name. Raises InstallError for one that leads out, or too deep."""
    path = PurePosixPath(name.replace("\\", "/"))
    if path.is_absolute() or ".." in path.parts or "\0" in name:
        raise InstallError(f"{name!r} leads out of the archive")
    if len(path.parts) > DEEPEST:
        raise InstallError(f"{name[:100]!r}... lies deeper than {DEEPEST} folders")
    return path.parts


def main(archive: str, folder: str, size: str, members: str, memory: str = str(MEMORY)) -> int:
    """Unpack in a process of its own; the reason goes to standard error, and the exit status tells."""
    resource.setrlimit(resource.RLIMIT_AS, (int(memory), int(memory)))
    try:
        unpack(Path(archive), Path(folder), Bounds(int(size), int(members)))
    except InstallError as exc:
        sys.stderr.write(str(exc))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
