"""Builds fetched from a real HTTP server that is well, slow, broken or lying."""

import hashlib
import threading
from collections.abc import Iterator
from pathlib import Path
from threading import Event

import pytest

from crashfarm.documents.branch import Artifact
from tests.unit.worker.installing import servers
from tests.unit.worker.installing.servers import Files
from worker.installing.downloading import Bounds, download
from worker.installing.trouble import InstallError, Stopped

CONTENT = bytes(range(256)) * 4000
"""About a megabyte: several reads."""


@pytest.fixture
def files() -> Iterator[Files]:
    with servers.serving() as files:
        yield files


def fetch(files: Files, file: Path, path: str = "/a.tar.gz", stop: Event | None = None, **bounds: float) -> list[int]:
    """Download CONTENT; how many bytes there were each time that progress was told."""
    seen: list[int] = []
    allowed = {"allow_from": (files.url + "/",), "seconds": 20.0, "size": 1 << 24, "silence": 5.0}
    artifact = Artifact(url=files.url + path, sha256=hashlib.sha256(CONTENT).hexdigest())
    download(artifact, file, Bounds(**allowed | bounds), stop or Event(), lambda have, total: seen.append(have))  # type: ignore[arg-type]
    return seen


def test_a_file_is_fetched_whole(files: Files, tmp_path: Path) -> None:
    """Progress grows to its size; what is there already is not asked for again."""
    files.table["/a.tar.gz"] = servers.whole(CONTENT)
    seen = fetch(files, tmp_path / "part")
    assert (tmp_path / "part").read_bytes() == CONTENT
    assert seen == sorted(seen)
    assert seen[-1] == len(CONTENT)
    fetch(files, tmp_path / "part")
    assert len(files.asked) == 1


def test_a_broken_download_goes_on_where_it_broke(files: Files, tmp_path: Path) -> None:
    """With If-Range, so that another version of the file is never glued to it."""
    files.table["/a.tar.gz"] = servers.broken(CONTENT, 400_000)
    fetch(files, tmp_path / "part")
    assert (tmp_path / "part").read_bytes() == CONTENT
    assert [(asked, tag) for _, asked, tag in files.asked] == [
        (None, None),
        ("bytes=400000-", '"v1"'),
        ("bytes=800000-", '"v1"'),
    ]


def test_a_download_that_keeps_breaking_is_left_and_continued_another_time(files: Files, tmp_path: Path) -> None:
    """Nothing that was fetched is fetched twice."""
    files.table["/a.tar.gz"] = servers.broken(CONTENT, 100_000)
    with pytest.raises(InstallError, match=r"broke off|ended after"):
        fetch(files, tmp_path / "part")
    have = (tmp_path / "part").stat().st_size
    assert have == 400_000
    files.table["/a.tar.gz"] = servers.whole(CONTENT)
    fetch(files, tmp_path / "part")
    assert files.asked[-1][1] == f"bytes={have}-"
    assert (tmp_path / "part").read_bytes() == CONTENT


@pytest.mark.parametrize("ranges", [False, True])
def test_a_file_that_cannot_be_continued_begins_anew(files: Files, tmp_path: Path, ranges: bool) -> None:
    """The server knows no ranges, or has another version by now."""
    files.table["/a.tar.gz"] = servers.broken(b"old" * 200_000, 100_000)
    with pytest.raises(InstallError):
        fetch(files, tmp_path / "part")
    files.table["/a.tar.gz"] = servers.whole(CONTENT, tag='"v2"', ranges=ranges)
    fetch(files, tmp_path / "part")
    assert (tmp_path / "part").read_bytes() == CONTENT


def test_a_wrong_digest_is_refused_and_thrown_away(files: Files, tmp_path: Path) -> None:
    """The reason names both."""
    files.table["/a.tar.gz"] = servers.whole(b"something else")
    with pytest.raises(InstallError) as refusal:
        fetch(files, tmp_path / "part")
    assert hashlib.sha256(b"something else").hexdigest() in str(refusal.value)
    assert hashlib.sha256(CONTENT).hexdigest() in str(refusal.value)
    assert list(tmp_path.iterdir()) == []


def test_a_missing_file_is_named(files: Files, tmp_path: Path) -> None:
    """With the server's own words."""
    with pytest.raises(InstallError, match=r"/a\.tar\.gz: the server answers 404 Not Found"):
        fetch(files, tmp_path / "part")


def test_a_server_that_drips_for_ever_is_given_up(files: Files, tmp_path: Path) -> None:
    """When its time is over, although it never falls silent."""
    over = threading.Event()
    files.table["/a.tar.gz"] = servers.dripping(over)
    with pytest.raises(InstallError, match="too slow"):
        fetch(files, tmp_path / "part", seconds=0.2)
    over.set()


def test_a_silent_server_is_given_up(files: Files, tmp_path: Path) -> None:
    """After so many seconds without a byte."""
    over = threading.Event()
    files.table["/a.tar.gz"] = lambda handler: over.wait(20) and None  # type: ignore[assignment, return-value, func-returns-value]
    with pytest.raises(InstallError, match="timed out"):
        fetch(files, tmp_path / "part", silence=0.1)
    over.set()


def test_a_server_that_is_not_there_is_given_up(tmp_path: Path) -> None:
    """At once."""
    with servers.serving() as gone:
        pass
    with pytest.raises(InstallError, match="cannot be reached"):
        fetch(gone, tmp_path / "part")


def test_a_file_that_is_too_large_is_refused_before_it_is_fetched(files: Files, tmp_path: Path) -> None:
    """By what the server says of it."""
    files.table["/a.tar.gz"] = servers.whole(CONTENT)
    with pytest.raises(InstallError, match="more than the 1000 allowed"):
        fetch(files, tmp_path / "part", size=1000)
    assert (tmp_path / "part").stat().st_size == 0


def test_a_download_can_be_stopped(files: Files, tmp_path: Path) -> None:
    """By whoever wanted it."""
    files.table["/a.tar.gz"] = servers.whole(CONTENT)
    stop = Event()
    stop.set()
    with pytest.raises(Stopped):
        fetch(files, tmp_path / "part", stop=stop)


@pytest.mark.parametrize("after", [None, 0, 1000])
def test_a_download_that_hangs_can_be_stopped(files: Files, tmp_path: Path, after: int | None) -> None:
    """Be it before the server has answered, before the first byte, or later: what is there is kept for another time."""
    stop, over = Event(), Event()

    def hang(handler: servers.Handler) -> None:
        if after is not None:
            servers.some(CONTENT, after)(handler)
        stop.set()
        over.wait(60)

    files.table["/a.tar.gz"] = hang
    with pytest.raises(Stopped):
        fetch(files, tmp_path / "part", stop=stop, silence=60.0, seconds=600.0)
    assert not over.is_set()
    over.set()
    assert (tmp_path / "part").stat().st_size <= (after or 0)


def test_redirections_are_followed_only_to_allowed_places(files: Files, tmp_path: Path) -> None:
    """An open redirection on an allowed host opens nothing."""
    files.table["/a.tar.gz"] = servers.moved("/b/c.tar.gz")
    files.table["/b/c.tar.gz"] = servers.whole(CONTENT)
    fetch(files, tmp_path / "part")
    with servers.serving() as elsewhere:
        files.table["/a.tar.gz"] = servers.moved(elsewhere.url + "/c.tar.gz")
        with pytest.raises(InstallError, match=r"c\.tar\.gz: this worker's configuration does not allow"):
            fetch(files, tmp_path / "other")
        assert elsewhere.asked == []


def test_a_circle_of_redirections_ends(files: Files, tmp_path: Path) -> None:
    """After a few."""
    files.table["/a.tar.gz"] = servers.moved("/a.tar.gz")
    with pytest.raises(InstallError, match="redirections"):
        fetch(files, tmp_path / "part")
