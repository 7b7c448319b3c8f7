"""Fauxton on the embedded store, as an administrator uses it."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
from playwright.sync_api import Browser, Page, expect

from crashfarm import settings
from crashfarm.errors import CrashfarmError
from crashfarm.settings import Farm, Settings
from server import deploy, fauxton
from server.store import service
from server.store.service import Running
from tests import samples

MILLISECONDS = 30_000
JOB = samples.pending()
JOBS_NAME = quote(JOB["_id"], safe="")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with Fauxton in it. Skips where there is no npm, or no registry that it reaches."""
    folder = tmp_path_factory.mktemp("fauxton") / "data"
    try:
        fauxton.install(folder)
    except CrashfarmError as error:
        pytest.skip(str(error))
    return folder


@pytest.fixture(scope="module")
def running(browser: Browser, data: Path) -> Iterator[Running]:
    """A store that serves it."""
    with service.start(data) as running:
        yield running


@pytest.fixture(scope="module")
def farm(running: Running) -> Iterator[Farm]:
    """A farm with one job on that store."""
    farm = settings.connect(Settings(url=running.url, user=running.admin, password=running.password))
    deploy.push(farm, lambda done: None)
    farm.status.put(JOB)
    yield farm
    farm.connection.close()


@pytest.fixture
def page(browser: Browser, farm: Farm, running: Running) -> Iterator[Page]:
    """A page on which an administrator has signed in. Errors, and requests to anybody else, fail the test."""
    complaints: list[str] = []
    with browser.new_context(viewport={"width": 1280, "height": 900}) as context:
        context.set_default_timeout(MILLISECONDS)
        page = context.new_page()
        page.on("console", lambda said: complaints.append(said.text) if said.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("request", lambda sent: None if running.url in sent.url else complaints.append(sent.url))
        page.goto(f"{running.url}/_utils")
        page.locator("#username").fill(running.admin)
        page.locator("#password").fill(running.password)
        page.get_by_role("button", name="Log In").click()
        page.get_by_role("link", name=farm.history.name, exact=True).wait_for()
        yield page
    assert complaints == []


def show(page: Page, running: Running, place: str) -> None:
    """Go to a place within Fauxton."""
    page.goto(f"{running.url}/_utils/#/{place}")


def test_databases_are_listed_after_signing_in(page: Page, farm: Farm) -> None:
    """Both of the farm, with how many documents they hold."""
    for database in (farm.status, farm.history):
        count = database.info()["doc_count"]
        row = page.get_by_role("row").filter(has=page.get_by_role("link", name=database.name, exact=True))
        expect(row.get_by_role("cell", name=str(count), exact=True)).to_be_visible()


def test_a_priority_that_is_edited_is_saved(page: Page, farm: Farm, running: Running) -> None:
    """From the list of databases to the document, a character in the editor, and the button."""
    page.get_by_role("link", name=farm.status.name, exact=True).click()
    page.get_by_text(JOB["_id"]).first.wait_for()
    show(page, running, f"database/{farm.status.name}/{JOBS_NAME}")
    line = page.locator(".ace_line").filter(has_text='"priority"')
    expect(line).to_contain_text(f'"priority": {JOB["priority"]},')
    line.click(force=True)  # the editor lays its own cursor over the text
    page.keyboard.press("End")
    for key in ("ArrowLeft", "Backspace", "1"):
        page.keyboard.press(key)
    page.get_by_role("button", name="Save Changes").click()
    page.get_by_text("Document saved successfully").first.wait_for()
    saved = farm.status.get(JOB["_id"])
    assert saved is not None and saved["priority"] == 1 and saved["_rev"].startswith("2-")
    assert saved["input"] == JOB["input"]


def test_a_view_answers_with_its_rows(page: Page, farm: Farm, running: Running) -> None:
    """The jobs by their state, found in the list of design documents."""
    show(page, running, f"database/{farm.status.name}/_design/jobs/_view/by_state")
    expect(page.get_by_text('[ "pending", "cpython"').first).to_be_visible()
    show(page, running, f"database/{farm.status.name}/_design/jobs/_view/by_state?reduce=true")
    expect(page.get_by_role("row").filter(has_text="null").filter(has_text="1")).to_be_visible()


def test_a_design_document_shows_its_views(page: Page, farm: Farm, running: Running) -> None:
    """As a document, and as what the store says of its index."""
    show(page, running, f"database/{farm.status.name}/_design%2Fjobs")
    expect(page.locator(".ace_line").filter(has_text='"by_state"')).to_be_visible()
    show(page, running, f"database/{farm.status.name}/_design/jobs/_info")
    expect(page.get_by_text("Index Information")).to_be_visible()


def test_before_it_is_installed_the_address_says_how_to(browser: Browser, tmp_path: Path) -> None:
    """A page of the store's own names the command."""
    with service.start(tmp_path / "data") as running, browser.new_context() as context:
        page = context.new_page()
        page.goto(f"{running.url}/_utils")
        assert page.locator("code").inner_text() == "crashfarm fauxton"


@pytest.mark.skipif(shutil.which("npm") is None, reason="there is no npm")
def test_the_command_says_where_the_pages_are(data: Path, running: Running) -> None:
    """A second run finds them in place and prints the address."""
    crashfarm = Path(sys.executable).with_name("crashfarm")
    environ = {name: value for name, value in os.environ.items() if name != "COUCHDB_URL"}
    done = subprocess.run([crashfarm, "fauxton", "--data", data], capture_output=True, text=True, env=environ)
    assert (done.returncode, done.stdout) == (0, f"{running.url}/_utils/\n")
