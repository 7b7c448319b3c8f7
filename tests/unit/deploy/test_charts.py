"""The library of the dashboard's charts is the very one that is known, or none."""

import hashlib
import io
import tarfile
from pathlib import Path

import pytest

from crashfarm.errors import CrashfarmError
from server import npm
from server.deploy import charts

CONTENT = b"export default class {}"


@pytest.fixture
def known(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The known files are small ones, and the cache is empty."""
    digest = hashlib.sha256(CONTENT).hexdigest()
    members = {name: charts.Member(member.path, digest) for name, member in charts.MEMBERS.items()}
    monkeypatch.setattr(charts, "MEMBERS", members)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def package(path: Path, content: bytes = CONTENT, *, leave_out: str = "") -> Path:
    """A package with the known files."""
    with tarfile.open(path, "w:gz") as archive:
        for member in charts.MEMBERS.values():
            entry = tarfile.TarInfo(member.path)
            entry.size = len(content)
            if member.path != leave_out:
                archive.addfile(entry, io.BytesIO(content))
    return path


@pytest.mark.usefixtures("known")
def test_the_package_is_downloaded_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A second push, of another farm, say, needs neither npm nor a registry."""
    downloaded: list[tuple[str, float]] = []

    def download(name: str, version: str, integrity: str, work: Path, seconds: float) -> Path:
        downloaded.append((name, seconds))
        return package(work / "uplot.tgz")

    monkeypatch.setattr(npm, "download", download)
    monkeypatch.setattr(npm, "is_whole", lambda archive, integrity: archive.exists())
    first, second = charts.fetch(7.0), charts.fetch()
    assert first == second and downloaded == [("uplot", 7.0)]
    assert {file.content for file in first.values()} == {CONTENT}
    assert first["vendor/uplot.js"].content_type == "text/javascript; charset=utf-8"


@pytest.mark.usefixtures("known")
def test_another_file_than_the_known_one_is_refused(tmp_path: Path) -> None:
    """Even in a package that npm vouches for."""
    with pytest.raises(CrashfarmError, match=r"holds another .*uPlot\.esm\.js than the known one"):
        charts.unpack(package(tmp_path / "a.tgz", b"alert(1)"))


@pytest.mark.usefixtures("known")
def test_a_package_that_is_not_whole_is_refused(tmp_path: Path) -> None:
    """A file of it is not there, or it is no package."""
    with pytest.raises(CrashfarmError, match="cannot be unpacked"):
        charts.unpack(package(tmp_path / "a.tgz", leave_out="package/LICENSE"))
    (tmp_path / "b.tgz").write_text("no archive")
    with pytest.raises(CrashfarmError, match="cannot be unpacked"):
        charts.unpack(tmp_path / "b.tgz")


@pytest.mark.usefixtures("known")
def test_a_cache_that_cannot_be_written_is_told_in_one_line(tmp_path: Path) -> None:
    """It is no reason to stop a push."""
    (tmp_path / "cache").write_text("in the way")
    with pytest.raises(CrashfarmError, match="cannot keep uplot in"):
        charts.fetch()


def test_a_file_is_whole_by_its_hash(tmp_path: Path) -> None:
    """One that is not there is not."""
    path = tmp_path / "a"
    path.write_bytes(b"")
    empty = "sha512-z4PhNX7vuL3xVChQ1m2AB9Yg5AULVxXcg/SpIdNs6c5H0NE8XYXysP+DGNKHfuwvY7kxvUdBeoGlODJ6+SfaPg=="
    assert npm.is_whole(path, empty)
    path.write_bytes(b"x")
    assert not npm.is_whole(path, empty) and not npm.is_whole(tmp_path / "b", empty)
