"""The output folder is exchanged whole, or not at all."""

import errno
import os
import sqlite3
from pathlib import Path

import pytest

from crashfarm.errors import ConfigError, InputError
from server.report import publish

MARKER = publish.Marker(farm="crashfarm", made_at="2026-11-22T12:00:00.000Z")


def put(out: Path, text: str) -> None:
    """Publish a folder with one file."""
    with publish.writing(out, MARKER) as folder:
        (folder / "index.html").write_text(text)


def names(folder: Path) -> set[str]:
    """All that is in a folder."""
    return {entry.name for entry in folder.iterdir()}


def test_the_first_report_makes_the_folder(tmp_path: Path) -> None:
    """Folders above it are made, too, and nothing is left beside it."""
    put(tmp_path / "a" / "out", "one")
    assert (tmp_path / "a/out/index.html").read_text() == "one"
    assert names(tmp_path / "a") == {"out"}


def test_the_next_report_takes_the_place_of_the_old_one(tmp_path: Path) -> None:
    """A file of the old one that the new one does not have is gone."""
    out = tmp_path / "out"
    put(out, "one")
    (out / "old.html").touch()
    put(out, "two")
    assert (out / "index.html").read_text() == "two"
    assert names(out) == {"index.html", publish.MARKER}
    assert names(tmp_path) == {"out"}


def test_an_error_leaves_the_old_report(tmp_path: Path) -> None:
    """And removes what was begun."""
    out = tmp_path / "out"
    put(out, "one")
    with pytest.raises(RuntimeError), publish.writing(out, MARKER) as folder:
        (folder / "index.html").write_text("half")
        raise RuntimeError
    assert (out / "index.html").read_text() == "one"
    assert names(tmp_path) == {"out"}


def test_what_a_killed_run_left_is_swept_away(tmp_path: Path) -> None:
    """A folder that nobody holds is not in use, however full."""
    left = tmp_path / ".out.writing" / "signature"
    left.mkdir(parents=True)
    (left / "half.html").touch()
    put(tmp_path / "out", "one")
    assert names(tmp_path / "out") == {"index.html", publish.MARKER}


def test_two_runs_do_not_write_one_report(tmp_path: Path) -> None:
    """The second is told, and the first goes on undisturbed."""
    out = tmp_path / "out"
    with publish.writing(out, MARKER) as folder:
        (folder / "index.html").write_text("first")
        with pytest.raises(InputError, match="another run"), publish.writing(out, MARKER):
            pass
    assert (out / "index.html").read_text() == "first"


def test_a_folder_that_holds_something_else_is_refused(tmp_path: Path) -> None:
    """Whatever it is, it stays."""
    (tmp_path / "thesis.tex").touch()
    with pytest.raises(InputError, match="something else"):
        publish.previous(tmp_path)


def test_a_file_in_the_place_of_the_folder_is_refused(tmp_path: Path) -> None:
    """The message says that it is no folder."""
    (tmp_path / "out").touch()
    with pytest.raises(InputError, match="not a folder"):
        publish.previous(tmp_path / "out")


def test_an_empty_folder_may_be_filled(tmp_path: Path) -> None:
    """People make the folder first."""
    out = tmp_path / "out"
    out.mkdir()
    assert publish.previous(out) is None
    put(out, "one")
    assert publish.previous(out) == MARKER


def test_a_marker_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    """It may be of a later version: its report is not overwritten."""
    (tmp_path / publish.MARKER).write_text("[]")
    with pytest.raises(InputError, match="cannot be read"):
        publish.previous(tmp_path)


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    """A file stands where a folder should be."""
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match="cannot make"):
        put(tmp_path / "file" / "out", "one")


def test_without_exchange_the_report_is_still_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Some file systems cannot exchange two folders."""

    class Without:
        def renameat2(self, *_arguments: object) -> int:
            """Fails, as there."""
            return -1

    monkeypatch.setattr(publish.ctypes, "CDLL", lambda *_names, **_options: Without())
    put(tmp_path / "out", "one")
    put(tmp_path / "out", "two")
    assert (tmp_path / "out" / "index.html").read_text() == "two"
    assert names(tmp_path) == {"out"}


@pytest.mark.parametrize("fault", [OSError(errno.ENOSPC, "No space left"), sqlite3.OperationalError("disk is full")])
def test_a_full_disk_is_named_and_the_old_report_stays(tmp_path: Path, fault: Exception) -> None:
    """It is no fault of the program."""
    put(tmp_path / "out", "one")
    with (
        pytest.raises(ConfigError, match=r"(No space left|disk is full); it is as it was"),
        publish.writing(tmp_path / "out", MARKER) as folder,
    ):
        (folder / "index.html").write_text("half")
        raise fault
    assert (tmp_path / "out/index.html").read_text() == "one"
    assert names(tmp_path) == {"out"}


def test_the_present_folder_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It would be exchanged under the feet of who calls; so it is with those above it."""
    (tmp_path / "out" / "in").mkdir(parents=True)
    for here in ("out", "out/in"):
        monkeypatch.chdir(tmp_path / here)
        with pytest.raises(InputError, match="you are in"):
            publish.previous(tmp_path / "out")
    monkeypatch.chdir(tmp_path)
    assert publish.previous(Path("out/in")) is None


def test_a_mounted_file_system_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It cannot be exchanged, which is better known before the work than after."""
    monkeypatch.setattr("os.path.ismount", lambda path: path == tmp_path)
    with pytest.raises(InputError, match="name a folder in it"):
        publish.previous(tmp_path)


def test_a_link_is_followed_unless_it_leads_in_a_circle(tmp_path: Path) -> None:
    """The link stays a link, for what it leads to is exchanged."""
    (tmp_path / "link").symlink_to("out")
    assert publish.place(tmp_path / "link") == tmp_path.resolve() / "out"
    (tmp_path / "circle").symlink_to("circle")
    with pytest.raises(InputError, match="circle"):
        publish.place(tmp_path / "circle")


def test_who_stands_nowhere_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The folder of a shell may have been removed."""
    monkeypatch.setattr("os.getcwd", lambda: os.stat(tmp_path / "none"))
    with pytest.raises(InputError, match="is gone"):
        publish.place(Path("out"))
    assert publish.previous(tmp_path) is None
