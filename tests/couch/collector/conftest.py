"""A farm, and a collector that works for it."""

from collections.abc import Callable, Iterator
from urllib.parse import unquote, urlsplit
from uuid import uuid4

import pytest

from crashfarm import settings
from crashfarm.settings import Farm, Settings
from server import deploy
from server.collector import Collector, matching
from server.deploy import sources
from tests.couch.collector.known import clock


@pytest.fixture
def farm(couch_url: str) -> Iterator[Farm]:
    """A farm that is set up, and empty."""
    parts = urlsplit(couch_url)
    found = Settings(
        url=f"{parts.scheme}://{parts.hostname}:{parts.port}",
        user=unquote(parts.username or ""),
        password=unquote(parts.password or ""),
        farm=f"test-collector-{uuid4().hex}",
    )
    farm = settings.connect(found)
    needed = [design for design in sources.load() if design.name in ("documents", "tuples")]
    deploy.push(farm, lambda done: None, needed)
    yield farm
    for database in (farm.status, farm.history):
        farm.connection.drop(database.name)
    farm.connection.close()


@pytest.fixture
def collect(farm: Farm) -> Callable[[], int]:
    """Rounds of one collector until nothing is left to do; how many things were done."""
    collector = Collector(farm, matching.duties(farm, clock), clock)

    def run() -> int:
        total = 0
        for _ in range(10):
            done = sum(collector.round().values())
            total += done
            if not done:
                return total
        raise AssertionError("it never comes to rest")

    return run
