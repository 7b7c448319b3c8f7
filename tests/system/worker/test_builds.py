"""Builds that workers download: installed once, shown while that lasts, and given up with a reason."""

import hashlib
import subprocess
from collections.abc import Callable, Iterator
from threading import Event

import pytest

from tests.system.conftest import Shell
from tests.system.worker.farmyard import Store, fast_config, queue, run_to_the_end, state_of, wait_for
from tests.unit.worker.installing import servers
from tests.unit.worker.installing.archives import tar
from tests.unit.worker.installing.servers import Files

TOOL = b'#!/bin/sh\necho built here; exec /bin/sh "$1"\n'


@pytest.fixture
def files() -> Iterator[Files]:
    with servers.serving() as files:
        yield files


def offer(farm: Shell, store: Store, files: Files, content: bytes = tar(("bin/tool", TOOL)), **build: object) -> None:
    """Put a build on the file server, and a branch with one job that runs it."""
    files.table["/tool.tar.gz"] = servers.whole(content)
    artifact = {"url": files.url + "/tool.tar.gz", "sha256": hashlib.sha256(content).hexdigest()}

    def prepare() -> None:
        [branch] = store.documents("branch:")
        branch["builds"]["release"]["Linux"] = {
            "command": ["{build}/bin/tool", "{input}"],
            "artifact": artifact | build,
        }
        store.put(branch)

    queue(farm, {"script": "echo ran"}, prepare=prepare)


def test_a_downloaded_build_is_run_and_kept(farm: Shell, store: Store, files: Files) -> None:
    """The second start of the worker finds it on its disk."""
    offer(farm, store, files)
    run_to_the_end(farm, "--allow-builds-from", files.url)
    [first] = store.documents("job:")
    assert farm("crashfarm", "job", "retry", first["_id"]).status == 0
    run_to_the_end(farm, "--allow-builds-from", files.url)
    assert store.states() == {"completed": 2}
    assert {result["outcome"] for result in store.results()} == {"success"}
    assert len(files.asked) == 1
    assert "built here" not in str(store.documents("worker:"))


def test_the_worker_says_that_it_installs_and_how_far_it_is(
    farm: Shell, store: Store, files: Files, start: Callable[..., "subprocess.Popen[bytes]"]
) -> None:
    """On its document, for as long as that lasts."""
    offer(farm, store, files)
    whole, go_on = files.table["/tool.tar.gz"], Event()
    files.table["/tool.tar.gz"] = lambda handler: whole(handler) if go_on.wait(60) else None
    start("--name", "alpha", "--config", fast_config(farm), "--allow-builds-from", files.url)
    wait_for(lambda: state_of(store) == "installing")
    assert store.documents("worker:")[0]["state_reason"] == "fetching tool.tar.gz"
    go_on.set()
    wait_for(lambda: store.states() == {"completed": 1})
    wait_for(lambda: state_of(store) == "waiting")
    assert store.documents("worker:")[0]["state_reason"] == ""


def test_a_killed_worker_goes_on_with_its_download(
    farm: Shell, store: Store, files: Files, start: Callable[..., "subprocess.Popen[bytes]"]
) -> None:
    """What was on its disk is not fetched again."""
    content = tar(("bin/tool", TOOL), ("ballast", bytes(range(256)) * 4000), mode="w")
    offer(farm, store, files, content)
    cut = Event()

    def cut_short(handler: servers.Handler) -> None:
        handler.send_response(200)
        handler.send_header("ETag", '"v1"')
        handler.send_header("Content-Length", str(len(content)))
        handler.end_headers()
        handler.wfile.write(content[:600_000])
        cut.wait(60)

    files.table["/tool.tar.gz"] = cut_short
    victim = start("--name", "alpha", "--config", fast_config(farm), "--allow-builds-from", files.url)
    builds = farm.data / "workers" / store.farm / "alpha" / "builds"
    wait_for(lambda: any(part.stat().st_size for part in builds.glob("*.part")))
    victim.kill()
    victim.wait()
    cut.set()
    [part] = builds.glob("*.part")
    have = part.stat().st_size
    files.table["/tool.tar.gz"] = servers.whole(content)
    run_to_the_end(farm, "--name", "alpha", "--allow-builds-from", files.url)
    assert files.asked[-1][1:] == (f"bytes={have}-", '"v1"')
    assert store.states() == {"completed": 1}


@pytest.mark.parametrize(
    ("build", "reason"),
    [
        ({"sha256": "0" * 64}, "the SHA-256 is"),
        ({"url": "{url}/none.tar.gz"}, "the server answers 404 Not Found"),
        ({}, "'../evil' leads out of the archive"),
    ],
)
def test_a_build_that_cannot_be_had_gives_its_jobs_back_with_the_reason(
    farm: Shell,
    store: Store,
    files: Files,
    start: Callable[..., "subprocess.Popen[bytes]"],
    build: dict[str, str],
    reason: str,
) -> None:
    """Once: the worker leaves it alone for a while, and does other work."""
    content = tar(("bin/tool", TOOL)) if build else tar(("../evil", b"x"))
    offer(farm, store, files, content, **{name: text.format(url=files.url) for name, text in build.items()})
    start("--name", "alpha", "--config", fast_config(farm), "--allow-builds-from", files.url)
    wait_for(lambda: store.documents("job:")[0]["attempts"])
    queue(farm, {f"other{n}": "echo other" for n in range(5)}, branch="two")
    wait_for(lambda: store.states() == {"completed": 5, "pending": 1})
    [job] = [job for job in store.documents("job:") if job["branch"] == "one"]
    [attempt] = job["attempts"]
    assert attempt["outcome"] == "released"
    assert reason in attempt["reason"]
    assert len(files.asked) == 1
    wait_for(lambda: any(reason in doc["text"] for doc in store.documents("message:")))


def test_builds_come_from_nowhere_unless_the_owner_says_so(farm: Shell, store: Store, files: Files) -> None:
    """Their jobs stay for others."""
    offer(farm, store, files)
    run_to_the_end(farm)
    run_to_the_end(farm, "--allow-builds-from", files.url + "/other/")
    assert (store.states(), files.asked) == ({"pending": 1}, [])


def test_a_wrong_address_for_builds_is_refused(shell: Shell, refused: Callable[..., str]) -> None:
    """Before anything is done."""
    said = refused(shell, "crashfarm-worker", "run", "--allow-builds-from", "builds.example.org")
    assert "allow_builds_from: 'builds.example.org' is not an address" in said
