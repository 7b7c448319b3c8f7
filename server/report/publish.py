"""The output folder: written beside, then exchanged in one step, so that a reader sees the old report or the new one.

A report's folder holds a marker file. A folder that holds anything else is never touched.
"""

import contextlib
import ctypes
import errno
import fcntl
import os
import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import msgspec

from crashfarm.errors import ConfigError, InputError

MARKER = ".crashfarm-report.json"
FORMAT = 1

_DISK = {
    errno.ENOSPC,
    errno.EDQUOT,
    errno.EFBIG,
    errno.EROFS,
    errno.EACCES,
    errno.EPERM,
    errno.EIO,
    errno.ENAMETOOLONG,
    errno.EBUSY,
    errno.EXDEV,
}
"""Errors of whoever keeps the files, not of this program."""

_AT_FDCWD = -100
_RENAME_EXCHANGE = 2


class Marker(msgspec.Struct, frozen=True, kw_only=True):
    """What a report tells the next one: which farm it shows, when its data were read, and a token of its own.

    `holds` tells a report from other folders that are put in place in the same way.
    """

    format: int = FORMAT
    holds: str = "report"
    farm: str
    made_at: str
    token: str = ""


def place(out: Path) -> Path:
    """Where the folder really is, whatever links lead there. Raises InputError if that cannot be told."""
    try:
        return out.resolve()
    except FileNotFoundError as exc:
        raise InputError(f"the present folder is gone, so nobody can tell where {out} is: go to another one") from exc
    except (OSError, RuntimeError) as exc:
        raise InputError(f"{out} is a link that leads in a circle") from exc


def previous(out: Path, holds: str = "report") -> Marker | None:
    """The marker of the report, or of what else is meant, that is in the folder; None if there is none.

    Raises InputError if the path is there and is neither that nor an empty folder, or cannot be exchanged.
    """
    if not out.exists():
        return None
    if not out.is_dir():
        raise InputError(f"{out} is not a folder")
    if os.path.ismount(out):
        raise InputError(f"{out} is where a file system is mounted, which cannot be exchanged: name a folder in it")
    if _is_here(out):
        raise InputError(f"you are in {out}, which is replaced as a whole: go to another folder first")
    refused = InputError(f"{out} holds something else than a {holds}: name another folder")
    try:
        marker = msgspec.json.decode((out / MARKER).read_bytes(), type=Marker)
        if marker.holds != holds:
            raise refused
        return marker
    except FileNotFoundError:
        if any(out.iterdir()):
            raise refused from None
        return None
    except (OSError, msgspec.DecodeError) as exc:
        raise InputError(f"{out}: its {MARKER} cannot be read: {exc}") from exc


def _is_here(out: Path) -> bool:
    """Whether the present folder is that one, or in it: who called would be left in a folder that is gone."""
    try:
        return Path.cwd().is_relative_to(out.resolve())
    except FileNotFoundError:
        return False


@contextlib.contextmanager
def writing(out: Path, marker: Marker) -> Iterator[Path]:
    """A new folder to fill, which takes the place of `out` when the block ends well. After an error `out` is as it was.

    Raises InputError if another run is writing the same report, and ConfigError if the files cannot be written.
    """
    folder = out.parent / f".{out.name}.writing"
    with _explained(out), _owned(folder):
        yield folder
        (folder / MARKER).write_bytes(msgspec.json.encode(marker))
        _swap(folder, out)


@contextlib.contextmanager
def _explained(out: Path) -> Iterator[None]:
    """Say plainly what is wrong with the disk."""
    try:
        yield
    except sqlite3.OperationalError as exc:
        raise ConfigError(f"cannot write the tables that {out} is made of: {exc}; it is as it was") from exc
    except OSError as exc:
        if exc.errno not in _DISK:
            raise
        raise ConfigError(f"cannot write {out}: {exc.strerror}; it is as it was") from exc


@contextlib.contextmanager
def _owned(folder: Path) -> Iterator[None]:
    """An empty folder that this process holds a lock on. What a killed run left there is removed."""
    _make(folder)
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        _empty(folder)
        yield
        shutil.rmtree(folder, ignore_errors=True)
    except BlockingIOError as exc:
        raise InputError(f"another run is writing this report: {folder} is in use") from exc
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    finally:
        os.close(handle)


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as exc:
        raise ConfigError(f"cannot make the folder {folder}: {exc.strerror}") from exc


def _empty(folder: Path) -> None:
    for entry in folder.iterdir():
        shutil.rmtree(entry) if entry.is_dir() and not entry.is_symlink() else entry.unlink()


def _swap(folder: Path, out: Path) -> None:
    """Put the folder in the place of `out`, whose old content, if any, is then in `folder`."""
    if not out.exists() or not any(out.iterdir()):
        folder.rename(out)
        return
    libc = ctypes.CDLL(None, use_errno=True)
    paths = (_AT_FDCWD, os.fsencode(folder), _AT_FDCWD, os.fsencode(out))
    if libc.renameat2(*paths, _RENAME_EXCHANGE) == 0:
        return
    # This file system cannot exchange: for a moment there is nothing at `out`.
    aside = out.parent / f".{out.name}.before"
    out.rename(aside)
    folder.rename(out)
    aside.rename(folder)
