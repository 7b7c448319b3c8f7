"""A JavaScript of its own for the tests of this folder, with limits that are soon reached."""

import pytest

from server.store.javascript.pool import JavaScript
from server.store.javascript.process import Limits


@pytest.fixture(scope="package")
def javascript():
    """Child processes with 48 MB, and more seconds for a call than any machine needs."""
    running = JavaScript(limits=Limits(memory=48 << 20, seconds=600.0))
    yield running
    running.close()


@pytest.fixture(scope="package")
def hasty():
    """Child processes with one and a half seconds for a call: for what never ends."""
    running = JavaScript(limits=Limits(memory=48 << 20, seconds=1.5))
    yield running
    running.close()
