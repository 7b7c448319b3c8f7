"""Remove folders that strangers have filled."""

import os
import secrets
from contextlib import suppress
from pathlib import Path

_FLAGS = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


def remove(folder: Path) -> None:
    """Remove a folder with all that is in it, as far as that is possible; links in it are not followed.

    Takes folders however deep, whose paths may be longer than any that the kernel takes, and those that their maker has
    closed: each is moved to the top before it is looked into.
    """
    with suppress(OSError):
        if not folder.is_symlink():
            folder.chmod(0o700)
        top = os.open(folder, _FLAGS)
        try:
            _empty(top)
        finally:
            os.close(top)
        os.rmdir(folder)


def _empty(top: int) -> None:
    left = _clear(top, top)
    while left:
        name = left.pop()
        with suppress(OSError):
            folder = os.open(name, _FLAGS, dir_fd=top)
            try:
                left += _clear(folder, top)
            finally:
                os.close(folder)
            os.rmdir(name, dir_fd=top)


def _clear(folder: int, top: int) -> list[str]:
    """Remove the files of a folder, and move its folders to the top; under which names they are there now."""
    moved = []
    with os.scandir(folder) as entries:
        found = [(entry.name, entry.is_dir(follow_symlinks=False)) for entry in entries]
    for name, is_folder in found:
        with suppress(OSError):
            if is_folder:
                moved.append(_move(name, folder, top))
            else:
                os.unlink(name, dir_fd=folder)
    return moved


def _move(name: str, folder: int, top: int) -> str:
    os.chmod(name, 0o700, dir_fd=folder)
    if folder == top:
        return name
    at_the_top = f"removed-{secrets.token_hex(8)}"
    os.rename(name, at_the_top, src_dir_fd=folder, dst_dir_fd=top)
    return at_the_top
