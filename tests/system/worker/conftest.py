"""Workers on a store that the tests of a file share, each test with a farm of its own."""

import subprocess
from collections.abc import Callable, Iterator
from uuid import uuid4

import pytest

from tests.system.conftest import Shell, make_shell
from tests.system.worker.farmyard import LEASE, Store


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shell]:
    """A running store that the tests share."""
    shell = make_shell(tmp_path_factory.mktemp("site"))
    assert shell("crashfarm", "up", "--detach").status == 0
    yield shell
    assert shell("crashfarm", "down").status == 0


@pytest.fixture
def farm(site: Shell) -> Shell:
    """A farm of the test's own on the shared store."""
    farm = Shell(site.data, site.environ | {"CRASHFARM_FARM": f"farm-{uuid4().hex}"})
    assert farm("crashfarm", "push").status == 0
    return farm


@pytest.fixture
def store(farm: Shell) -> Store:
    return Store(farm.data, farm.environ["CRASHFARM_FARM"])


@pytest.fixture
def start(farm: Shell) -> Iterator[Callable[..., "subprocess.Popen[bytes]"]]:
    """Starts a worker in the background; what still runs at the test's end is killed."""
    begun: list[subprocess.Popen[bytes]] = []

    def begin(*options: str) -> "subprocess.Popen[bytes]":
        begun.append(farm.spawn("crashfarm-worker", "run", "--lease", LEASE, "--allow", "/bin/sh", *options))
        return begun[-1]

    yield begin
    for process in begun:
        process.kill()
        process.wait()
