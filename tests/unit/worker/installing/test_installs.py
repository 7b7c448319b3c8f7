"""Builds that are installed once for all slots, kept, and thrown away when room is short."""

import hashlib
import os
import random
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event

import pytest

from crashfarm.documents.branch import Artifact
from tests.unit.worker.installing import servers
from tests.unit.worker.installing.archives import tar
from tests.unit.worker.installing.servers import Files
from worker.installing import downloading
from worker.installing.installs import FIRST_REST, Bounds, Installs
from worker.installing.trouble import InstallError, Stopped


class Site:
    """A folder of builds, a server that has some, and a clock that the test holds."""

    def __init__(self, folder: Path, files: Files) -> None:
        self.folder = folder
        self.files = files
        self.now = 0.0

    def installs(self, cache: int = 1 << 30, seconds: float = 20.0) -> Installs:
        """As a worker has it when it begins."""
        download = downloading.Bounds(allow_from=(self.files.url,), seconds=seconds, size=1 << 24, silence=5.0)
        bounds = Bounds(download=download, unpacked=1 << 24, members=100, cache=cache)
        return Installs(self.folder, bounds, random.Random(1), lambda: self.now)

    def offer(self, name: str, content: bytes | None = None) -> Artifact:
        """Put a build on the server: one file that holds its name."""
        content = content or tar(("bin/tool", name.encode() * 1000))
        self.files.table[f"/{name}"] = servers.whole(content)
        return Artifact(url=f"{self.files.url}/{name}", sha256=hashlib.sha256(content).hexdigest())

    def entries(self) -> set[str]:
        """What lies in the folder, by the ends of the names."""
        return {path.name.partition(".")[2] for path in self.folder.iterdir()}


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with servers.serving() as files:
        yield Site(tmp_path / "builds", files)


def tool(installs: Installs, artifact: Artifact) -> str:
    """What the build's one file says."""
    with installs.use(artifact, Event()) as folder:
        return (folder / "bin/tool").read_text()[:3]


def test_a_build_is_fetched_once_and_kept_over_a_restart(site: Site) -> None:
    """Upper case in the digest is no matter."""
    artifact = site.offer("one")
    installs = site.installs()
    assert (
        tool(installs, artifact) == tool(installs, Artifact(url=artifact.url, sha256=artifact.sha256.upper())) == "one"
    )
    assert tool(site.installs(), artifact) == "one"
    assert len(site.files.asked) == 1
    assert site.entries() == {""}


def test_slots_that_want_the_same_build_wait_for_one_download(site: Site) -> None:
    """And one that wants another build does not wait for them."""
    slow, other = site.offer("one"), site.offer("two")
    answer, go_on, asked = site.files.table["/one"], Event(), Event()

    def hesitate(handler: servers.Handler) -> None:
        asked.set()
        assert go_on.wait(20)
        answer(handler)

    site.files.table["/one"] = hesitate
    installs = site.installs()
    with ThreadPoolExecutor(5) as pool:
        waiting = [pool.submit(tool, installs, slow) for _ in range(4)]
        assert asked.wait(20)
        assert tool(installs, other) == "two"
        assert installs.under_way() == "fetching one"
        go_on.set()
        assert [each.result() for each in waiting] == ["one"] * 4
    assert [path for path, _, _ in site.files.asked].count("/one") == 1
    assert installs.under_way() == ""


def test_whoever_waits_can_be_stopped(site: Site) -> None:
    """Also while another fetches; the fetch goes on."""
    artifact = site.offer("one")
    answer, go_on, asked, stop = site.files.table["/one"], Event(), Event(), Event()

    def hesitate(handler: servers.Handler) -> None:
        asked.set()
        assert go_on.wait(20)
        answer(handler)

    def wait_and_be_stopped() -> None:
        with pytest.raises(Stopped), installs.use(artifact, stop):
            pass

    site.files.table["/one"] = hesitate
    installs = site.installs()
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(tool, installs, artifact)
        assert asked.wait(20)
        second = pool.submit(wait_and_be_stopped)
        stop.set()
        second.result(20)
        go_on.set()
        assert first.result(20) == "one"


def test_when_the_one_that_fetches_is_stopped_another_goes_on(site: Site) -> None:
    """The others are not let down."""
    artifact = site.offer("one")
    answer, asked, stop = site.files.table["/one"], Event(), Event()

    def hang_the_first(handler: servers.Handler) -> None:
        if asked.is_set():
            answer(handler)
            return
        asked.set()
        servers.dripping(stop)(handler)

    def be_stopped() -> None:
        with pytest.raises(Stopped), installs.use(artifact, stop):
            pass

    site.files.table["/one"] = hang_the_first
    installs = site.installs()
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(be_stopped)
        assert asked.wait(20)
        second = pool.submit(tool, installs, artifact)
        stop.set()
        first.result(20)
        assert second.result(20) == "one"


def test_a_build_that_failed_rests_and_is_tried_again_later(site: Site) -> None:
    """Meanwhile the server is left in peace, and the reason stands."""
    artifact = Artifact(url=site.files.url + "/none", sha256="0" * 64)
    installs = site.installs()
    for _ in range(3):
        with pytest.raises(InstallError, match=r"the build cannot be installed: .*404"):
            tool(installs, artifact)
    assert "404" in installs.rests(artifact)
    assert len(site.files.asked) == 1
    site.now += FIRST_REST
    assert installs.rests(artifact) == ""
    with pytest.raises(InstallError):
        tool(installs, artifact)
    assert len(site.files.asked) == 2
    site.now += FIRST_REST * 0.99
    assert installs.rests(artifact)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (tar(("../evil", b"x")), "'../evil' leads out of the archive"),
        (tar(("bomb", bytes(17 << 20))), "unpacks to more than the 16777216 bytes allowed"),
        (b"nothing of the kind", "the archive cannot be read"),
    ],
    # An archive tells when it was made, so that it makes a poor name.
    ids=["leads out", "a bomb", "no archive"],
)
def test_a_bad_archive_leaves_nothing_behind(site: Site, content: bytes, reason: str) -> None:
    """Neither what was fetched nor what was unpacked of it."""
    with pytest.raises(InstallError, match=reason):
        tool(site.installs(), site.offer("bad", content))
    assert site.entries() == set()


def test_names_in_any_encoding_are_kept_over_a_restart(site: Site) -> None:
    """What was packed on an old machine is no reason to fetch it for ever."""
    odd = ("caf\udce9", "a b%41", "\u6f22")
    artifact = site.offer("odd", tar(("bin/tool", b"one"), *((f"lib/{name}", b"x") for name in odd)))
    tool(site.installs(), artifact)
    with site.installs().use(artifact, Event()) as folder:
        assert {path.name for path in (folder / "lib").iterdir()} == set(odd)
    assert len(site.files.asked) == 1


def test_what_was_not_used_for_longest_is_removed_first(site: Site) -> None:
    """When the builds hold more than they may; never one that is in use."""
    one, two, three = (site.offer(name) for name in ("one", "two", "six"))
    installs = site.installs(cache=7000)
    with installs.use(one, Event()):
        for artifact, used_at in ((one, 1), (two, 2)):
            tool(installs, artifact)
            os.utime(site.folder / artifact.sha256 / "installed.json", (used_at, used_at))
        tool(installs, three)
        assert {path.name for path in site.folder.iterdir()} == {one.sha256, three.sha256}
    fetched = len(site.files.asked)
    tool(installs, one)
    tool(installs, three)
    assert len(site.files.asked) == fetched
    tool(installs, two)
    assert len(site.files.asked) == fetched + 1


def damage_a_file(home: Path) -> None:
    (home / "build/bin/tool").write_text("short")


def remove_the_marker(home: Path) -> None:
    (home / "installed.json").unlink()


def write_nonsense(home: Path) -> None:
    (home / "installed.json").write_text("{")


def rename_it(home: Path) -> None:
    home.rename(home.with_name("1" * 64))


@pytest.mark.parametrize("damage", [damage_a_file, remove_the_marker, write_nonsense, rename_it])
def test_a_build_that_is_not_whole_is_never_used(site: Site, damage: Callable[[Path], None]) -> None:
    """At the next start it is removed, and fetched anew."""
    artifact = site.offer("one")
    tool(site.installs(), artifact)
    damage(site.folder / artifact.sha256)
    installs = site.installs()
    assert list(site.folder.iterdir()) == []
    assert tool(installs, artifact) == "one"


def test_what_a_killed_worker_left_half_done_is_removed_but_for_downloads(site: Site) -> None:
    """A download goes on; a folder half unpacked, or half removed, does not."""
    site.folder.mkdir()
    (site.folder / ("2" * 64 + ".draft") / "build").mkdir(parents=True)
    (site.folder / ("3" * 64 + ".removed")).mkdir()
    (site.folder / ("4" * 64 + ".part")).write_bytes(b"some")
    (site.folder / ("5" * 64 + ".part")).write_bytes(b"old")
    os.utime(site.folder / ("5" * 64 + ".part"), (1, 1))
    site.installs()
    assert [path.name for path in site.folder.iterdir()] == ["4" * 64 + ".part"]


def test_progress_is_told_in_steps(site: Site) -> None:
    """Not for every byte, for the farm hears of it."""
    artifact = site.offer("big", tar(("bin/tool", os.urandom(3 << 20))))
    installs, told = site.installs(), []
    installs.on_change = lambda: told.append(installs.under_way())
    with installs.use(artifact, Event()):
        pass
    assert told[0] == "fetching big"
    assert told[-2:] == ["unpacking big", ""]
    steps = [words for words in told if "%" in words]
    assert steps[-1] == "fetching big, 100 %"
    assert len(steps) <= 11
    assert threading.active_count() < 20
