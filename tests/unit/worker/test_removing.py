"""Folders that strangers have filled go away, whatever is in them, and nothing else does."""

import os
from pathlib import Path

from worker.removing import remove

DEEP = 3000


def dig(folder: Path) -> None:
    """Folders in folders, deeper than any path may be long, with a file in the deepest."""
    folder.mkdir()
    here = os.open(folder, os.O_RDONLY)
    for _ in range(DEEP):
        os.mkdir("deeper", dir_fd=here)
        below = os.open("deeper", os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = below
    os.close(os.open("file", os.O_CREAT | os.O_WRONLY, dir_fd=here))
    os.close(here)


def test_folders_however_deep_are_removed(tmp_path: Path) -> None:
    """Walking them by recursion, or by their paths, would fail."""
    dig(tmp_path / "run")
    remove(tmp_path / "run")
    assert list(tmp_path.iterdir()) == []


def test_what_a_link_leads_to_stays(tmp_path: Path) -> None:
    """Within the folder, and where the folder itself is one."""
    kept = tmp_path / "kept"
    (kept / "inner").mkdir(parents=True)
    (kept / "inner" / "file").touch()
    run = tmp_path / "run"
    (run / "a" / "b").mkdir(parents=True)
    (run / "a" / "b" / "out").symlink_to(kept)
    (run / "dangling").symlink_to(tmp_path / "nowhere")
    (tmp_path / "link").symlink_to(kept)
    remove(run)
    remove(tmp_path / "link")
    assert (kept / "inner" / "file").exists()
    assert not run.exists()


def test_closed_folders_are_opened_first(tmp_path: Path) -> None:
    """Their maker may have taken every right away."""
    closed = tmp_path / "run" / "a" / "closed"
    (closed / "inner").mkdir(parents=True)
    (closed / "file").touch()
    for folder in (closed / "inner", closed, closed.parent, tmp_path / "run"):
        folder.chmod(0)
    remove(tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_what_is_not_there_is_no_trouble(tmp_path: Path) -> None:
    """Nor is a file where a folder should be, which stays."""
    (tmp_path / "file").touch()
    remove(tmp_path / "nothing")
    remove(tmp_path / "file")
    assert (tmp_path / "file").exists()
