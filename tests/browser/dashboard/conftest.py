"""One farm, one Chromium and one page of a signed-in user for all tests of the dashboard."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page

from tests.browser import dashboards
from tests.browser.conftest import chromium
from tests.browser.dashboards import Dashboard, turn_to


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """The Chromium of this machine, for all of these files."""
    with chromium() as launched:
        yield launched


@pytest.fixture(scope="package")
def dashboard(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dashboard]:
    """A farm that is full of everything; tests may add to it."""
    with dashboards.start(tmp_path_factory.mktemp("dashboard") / "data") as dashboard:
        dashboards.fill(dashboard)
        yield dashboard


@pytest.fixture(scope="package")
def alices(browser: Browser, dashboard: Dashboard) -> Iterator[Page]:
    """A page on which alice has signed in, who may write."""
    with dashboard.signed_in(browser) as page:
        yield page


@pytest.fixture
def page(alices: Page, dashboard: Dashboard) -> Iterator[Page]:
    """Alice's page, at its beginning. Errors fail the test."""
    if alices.get_by_role("dialog").count():
        alices.reload()  # a test before this one has failed half-way
    dashboard.complaints.clear()
    turn_to(alices, "Now")
    yield alices
    assert dashboard.complaints == []
