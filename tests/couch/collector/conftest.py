"""A farm, and a collector that works for it."""

from collections.abc import Callable, Iterator

import pytest

from crashfarm.settings import Farm
from server import deploy
from server.collector import Collector, matching
from server.deploy import sources
from tests.couch.collector.known import clock
from tests.fresh import fresh_farm


@pytest.fixture
def farm(couch_url: str) -> Iterator[Farm]:
    """A farm that is set up, and empty."""
    needed = [design for design in sources.load() if design.name in ("documents", "tuples")]
    with fresh_farm(couch_url) as farm:
        deploy.push(farm, lambda done: None, needed)
        yield farm


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
