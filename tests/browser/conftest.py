"""Chromium, and reports for it to open."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright

from server.report import write_report
from tests import farms

ARGUMENTS = ("--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--allow-file-access-from-files")
"""Chromium's own sandbox needs rights that a container lacks; the pages here are ours."""


@contextmanager
def chromium() -> Iterator[Browser]:
    """The Chromium of this machine. Without one the tests are skipped, but in CI they fail."""
    program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if program is None:
        reason = "there is no Chromium on the PATH (Debian: apt-get install chromium)"
        pytest.fail(reason) if os.environ.get("CI") == "true" else pytest.skip(reason)
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=program, args=list(ARGUMENTS))
        yield launched
        launched.close()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """For one file of tests: while it is there an event loop runs in this thread, and other files want their own."""
    with chromium() as launched:
        yield launched


@pytest.fixture(autouse=True)
def _embedded_only(request: pytest.FixtureRequest) -> None:
    if request.node.get_closest_marker("embedded_only") and os.environ.get("COUCHDB_URL"):
        pytest.skip("only the embedded store has this")


@pytest.fixture(scope="session")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a report of three days, hostile texts included; the last day is new."""
    out = tmp_path_factory.mktemp("browser") / "report"
    runs = farms.generate(days=3)
    farm = farms.in_memory(runs, *(farms.branch(name) for name in farms.BRANCHES))
    for note in farms.notes(runs):
        farm.history.put(note.to_doc())
    write_report(farm, out, now=farms.NOON + timedelta(days=3), since=farms.NOON + timedelta(minutes=5))
    return out
