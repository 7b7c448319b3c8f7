"""What archives may do, and what they may not."""

import os
import stat
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from tests.unit.worker.installing.archives import hard_link, link, tar, zipped
from worker.installing.trouble import InstallError
from worker.installing.unpacking import DEEPEST, Bounds, unpack

BOUNDS = Bounds(size=1 << 20, members=50)


def unpacked(folder: Path, content: bytes, bounds: Bounds = BOUNDS) -> Path:
    """Unpack into a folder whose surroundings can be looked at."""
    (folder / "archive").write_bytes(content)
    (folder / "tree").mkdir()
    unpack(folder / "archive", folder / "tree", bounds)
    return folder / "tree"


def refusal(folder: Path, content: bytes, bounds: Bounds = BOUNDS) -> str:
    """Why that archive is refused; nothing was written beside its folder."""
    with pytest.raises(InstallError) as refused:
        unpacked(folder, content, bounds)
    assert sorted(path.name for path in folder.iterdir()) == ["archive", "tree"]
    return str(refused.value)


@pytest.mark.parametrize("mode", ["w", "w:gz", "w:bz2", "w:xz"])
def test_a_tar_is_unpacked_however_it_is_packed(tmp_path: Path, mode: str) -> None:
    """Files, folders, what can be run, links within."""
    members = (
        ("py/bin/python", b"#!/bin/sh\n"),
        ("py/lib", {"type": tarfile.DIRTYPE, "mode": 0o755}),
        ("py/bin/python3", link("python")),
        ("py/bin/python3.11", hard_link("py/bin/python")),
        ("py/readme", {"mode": 0o644}),
    )
    tree = unpacked(tmp_path, tar(*members, mode=mode))
    assert os.access(tree / "py/bin/python", os.X_OK)
    assert (tree / "py/bin/python3").read_text() == (tree / "py/bin/python3.11").read_text() == "#!/bin/sh\n"
    assert (tree / "py/lib").is_dir()
    assert stat.S_IMODE((tree / "py/readme").stat().st_mode) == 0o644


def test_a_zip_is_unpacked(tmp_path: Path) -> None:
    """With what says that a file can be run."""
    tree = unpacked(tmp_path, zipped(("bin/tool", b"#!/bin/sh\n"), ("doc/", b"")))
    assert os.access(tree / "bin/tool", os.X_OK)
    assert (tree / "doc").is_dir()


@pytest.mark.parametrize("name", ["../evil", "a/../../evil", "/evil", "..", "a\\..\\..\\evil"])
def test_a_name_that_leads_out_is_refused(tmp_path: Path, name: str) -> None:
    """In a tar as in a zip."""
    (tmp_path / "tar").mkdir()
    (tmp_path / "zip").mkdir()
    assert "leads out of the archive" in refusal(tmp_path / "tar", tar((name, b"x")))
    assert "leads out of the archive" in refusal(tmp_path / "zip", zipped((name, b"x")))


@pytest.mark.parametrize(
    "members",
    [
        [("a", link("/etc/passwd"))],
        [("a", link("../../etc"))],
        [("d/a", link("..")), ("b", link("d/a/../x"))],
        [("a", hard_link("../archive"))],
        [("a", hard_link("/etc/passwd"))],
        [("b", link("b2")), ("a", hard_link("b"))],
    ],
)
def test_a_link_that_leads_out_is_refused(tmp_path: Path, members: list[tuple[str, object]]) -> None:
    """Straight, by way of another link, or as a second name of a file that is none of the archive's."""
    reason = refusal(tmp_path, tar(*members))
    assert "link" in reason or "leads out" in reason


def test_nothing_is_written_through_a_link(tmp_path: Path) -> None:
    """Not even through one that stays within."""
    assert "which is no folder" in refusal(tmp_path, tar(("d/x", b"1"), ("l", link("d")), ("l/y", b"2")))


def test_a_file_in_the_place_of_a_link_replaces_it(tmp_path: Path) -> None:
    """And not what the link led to."""
    tree = unpacked(tmp_path, tar(("a", b"first"), ("b", link("a")), ("b", b"second")))
    assert ((tree / "a").read_text(), (tree / "b").read_text()) == ("first", "second")


@pytest.mark.parametrize("kind", [tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE])
def test_a_device_is_refused(tmp_path: Path, kind: bytes) -> None:
    """And a pipe."""
    assert "a device or the like" in refusal(tmp_path, tar(("dev", {"type": kind, "devmajor": 1, "devminor": 3})))


def test_nothing_is_set_uid_or_written_by_others(tmp_path: Path) -> None:
    """Whatever the archive says."""
    tree = unpacked(tmp_path, tar(("su", {"mode": 0o6777})))
    assert stat.S_IMODE((tree / "su").stat().st_mode) == 0o755


@pytest.mark.parametrize("content", [tar(("zeros", bytes(5 << 20))), zipped(("zeros", bytes(5 << 20)))])
def test_a_bomb_is_refused(tmp_path: Path, content: bytes) -> None:
    """Before it is larger than allowed."""
    assert len(content) < 1 << 15
    assert "more than the 1048576 bytes allowed" in refusal(tmp_path, content)
    assert sum(path.stat().st_size for path in (tmp_path / "tree").iterdir()) <= 1 << 20


def test_too_many_members_are_refused(tmp_path: Path) -> None:
    """Empty files cost room, too."""
    assert "50 members" in refusal(tmp_path, tar(*((f"f{n}", b"") for n in range(60))))


def test_folders_that_no_member_names_count_as_well(tmp_path: Path) -> None:
    """A few names can hold very many."""
    deep = "/".join("d" * 20)
    assert "50 folders" in refusal(tmp_path, tar(*((f"{n}/{deep}/f", b"") for n in range(3))))


@pytest.mark.parametrize("name", ["d/" * DEEPEST + "f", "d/" * DEEPEST + "d/"])
def test_folders_that_lie_too_deep_are_refused(tmp_path: Path, name: str) -> None:
    """Much that is done with a tree costs its depth."""
    reason = refusal(tmp_path, tar((name, {"type": tarfile.DIRTYPE} if name.endswith("/") else b"")))
    assert f"lies deeper than {DEEPEST} folders" in reason
    assert len(reason) < 300


def test_a_deep_folder_is_unpacked(tmp_path: Path) -> None:
    """As deep as is allowed."""
    name = "d/" * (DEEPEST - 1) + "f"
    tree = unpacked(tmp_path, tar((name, b"1"), (name, b"2")), Bounds(size=1 << 20, members=1000))
    assert (tree / name).read_text() == "2"


@pytest.mark.parametrize(
    "content", [b"", b"no archive at all", tar(("a", b"x" * 90_000))[:-40], zipped(("a", b"x"))[:-30]]
)
def test_what_is_no_whole_archive_is_refused(tmp_path: Path, content: bytes) -> None:
    """In words."""
    assert "the archive cannot be read" in refusal(tmp_path, content)


def test_it_runs_in_a_process_whose_memory_is_limited(tmp_path: Path) -> None:
    """A header of two gigabytes is no more than a reason."""
    header = tarfile.TarInfo("PaxHeaders/x")
    header.type, header.size = tarfile.XHDTYPE, 2 << 30
    with (tmp_path / "archive").open("wb") as file:
        file.write(header.tobuf())
        file.truncate(3 << 30)
    (tmp_path / "tree").mkdir()
    arguments = (tmp_path / "archive", tmp_path / "tree", "1", "1", str(256 << 20))
    command = [sys.executable, "-m", "worker.installing.unpacking", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (1, "the archive takes too much memory")
