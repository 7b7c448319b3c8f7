"""A JavaScript of its own for the tests of this folder, with limits that are soon reached."""

import pytest

from server.store.javascript.pool import JavaScript
from server.store.javascript.process import Limits


@pytest.fixture(scope="package")
def javascript():
    """Child processes with 48 MB and one and a half seconds for a call."""
    running = JavaScript(limits=Limits(memory=48 << 20, seconds=1.5))
    yield running
    running.close()
