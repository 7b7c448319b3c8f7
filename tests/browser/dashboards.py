"""Farms whose dashboard the tests open: a store, its users, and pages on which nothing may go wrong."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import requests
from playwright.sync_api import Browser, Locator, Page, expect

from crashfarm import settings
from crashfarm.documents.job import Input, Job, JobState, Priority
from crashfarm.documents.worker import Quarantine, Worker, WorkerState
from crashfarm.settings import Farm, Settings
from crashfarm.times import to_text
from server import dashboard, deploy
from server.store import service
from tests import farms, samples
from tests.alone import on_the_server
from tests.fresh import fresh_farm

MILLISECONDS = 30_000
expect.set_options(timeout=MILLISECONDS)  # a busy machine is no fault of the page's
PASSWORD = "of no other use"
PHONE = {"width": 390, "height": 844}
DESKTOP = {"width": 1280, "height": 900}
PAGES = ("Now", "Workers", "Jobs", "Findings", "Databases")

USERS: dict[str, list[str]] = {
    "alice": ["crashfarm"],
    "bob": ["crashfarm"],
    "lent": ["crashfarm", "crashfarm-worker"],
    "reader": [],
}
"""Who may sign in, with their roles; the reader is let in by name, and the lent one is a machine's account."""


@dataclass
class Dashboard:
    """A farm on a store of its own, and how to look at it."""

    url: str
    farm: Farm
    data: Path
    environ: dict[str, str]
    complaints: list[str] = field(default_factory=list)

    @property
    def door(self) -> str:
        """The address for everybody."""
        return f"{self.url}/{deploy.door(self.farm).name}/_design/dashboard/index.html"

    def write(self, doc: dict[str, Any], **changes: Any) -> None:
        """Write a document of the status database over what is there."""
        found = self.farm.status.get(doc["_id"])
        self.farm.status.put({**doc, **changes, **({"_rev": found["_rev"]} if found else {})})

    @contextmanager
    def signed_in(self, browser: Browser, user: str = "alice", **options: Any) -> Iterator[Page]:
        """A page on which a user has signed in by the form. Errors fail the test."""
        with self.page(browser, **options) as page:
            page.goto(self.door)
            sign_in(page, user)
            page.get_by_role("navigation", name="Dashboard").wait_for()
            yield page
        assert self.complaints == []

    @contextmanager
    def page(self, browser: Browser, **options: Any) -> Iterator[Page]:
        """A page in a browser of its own, that keeps what the console complains of, and dialogs, and other servers."""
        with browser.new_context(**{"viewport": DESKTOP} | options) as context:
            context.set_default_timeout(MILLISECONDS)
            page = context.new_page()
            self.complaints.clear()
            tell = self.complaints.append
            page.on("console", lambda said: tell(said.text) if said.type in ("error", "warning") else None)
            page.on("pageerror", lambda error: tell(str(error)))
            page.on("dialog", lambda dialog: (tell(f"dialog: {dialog.message}"), dialog.dismiss()))
            page.on("request", lambda sent: None if sent.url.startswith(self.url) else tell(sent.url))
            yield page


def sign_in(page: Page, user: str, password: str = PASSWORD) -> None:
    """Fill in the form."""
    page.get_by_label("Name", exact=True).fill(user)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in").click()


def turn_to(page: Page, title: str) -> None:
    """Press the link to another page of the dashboard."""
    page.get_by_role("navigation", name="Dashboard").get_by_role("link", name=title, exact=True).click()


@contextmanager
def start(folder: Path, port: int = 0) -> Iterator[Dashboard]:
    """An empty farm with its design documents and its users: on the CouchDB that COUCHDB_URL names, else on a store of
    its own.
    """
    with _served(folder, port) as (farm, environ):
        deploy.push(farm, lambda done: None, fetch=deploy.fetch_charts if shutil.which("npm") else None)
        with _let_in(farm):
            yield Dashboard(farm.connection.url, farm, folder, environ)


@contextmanager
def _served(folder: Path, port: int) -> Iterator[tuple[Farm, dict[str, str]]]:
    """The farm, and what its commands have in their environment."""
    if settings.names_a_server():
        with on_the_server(), fresh_farm(os.environ["COUCHDB_URL"].rstrip("/")) as farm:
            folder.mkdir(parents=True, exist_ok=True)
            yield farm, {"COUCHDB_URL": os.environ["COUCHDB_URL"], "CRASHFARM_FARM": farm.status.name}
    else:
        with service.start(folder, port=port) as running:
            farm = settings.connect(Settings(url=running.url, user=running.admin, password=running.password))
            yield farm, {}
            farm.connection.close()


@contextmanager
def _let_in(farm: Farm) -> Iterator[None]:
    """Users who may sign in, and pages that may run. A server that is not ours is left as it was."""
    farm.connection.create("_users")
    users = farm.connection.database("_users")
    missing = [name for name in USERS if users.get(f"org.couchdb.user:{name}") is None]
    for name in missing:
        about = {"name": name, "password": PASSWORD, "roles": USERS[name], "type": "user"}
        users.put({"_id": f"org.couchdb.user:{name}", **about})
    for database in (farm.status, farm.history):
        security = database.get_json("_security")
        database.put_json("_security", body={**security, "members": {**security["members"], "names": ["reader"]}})
    if settings.names_a_server():
        with _allowed(farm):
            yield
        for name in missing:
            users.delete(f"org.couchdb.user:{name}", (users.get(f"org.couchdb.user:{name}") or {})["_rev"])
    else:
        yield


@contextmanager
def _allowed(farm: Farm) -> Iterator[None]:
    """Apache CouchDB runs the pages meanwhile."""
    setting = f"{farm.connection.url}/_node/_local/_config/csp/attachments_header_value"
    who = settings.load()
    before = requests.get(setting, auth=(who.user, who.password), timeout=60)
    dashboard.allow(farm)
    try:
        yield
    finally:
        if before.ok:
            requests.put(setting, data=before.content, auth=(who.user, who.password), timeout=60)
        else:
            requests.delete(setting, auth=(who.user, who.password), timeout=60)


def now(seconds: float = 0) -> str:
    return to_text(datetime.now(UTC) + timedelta(seconds=seconds))


def worker(name: str, **parts: Any) -> dict[str, Any]:
    """A worker that was heard of just now."""
    one = Worker.from_doc(samples.worker()).evolve(id=f"worker:{name}", hostname=name, heartbeat_at=now())
    return one.evolve(slots=2, **parts).to_doc()


def job(number: int, **parts: Any) -> dict[str, Any]:
    """A job of that number."""
    one = Job.from_doc(samples.pending()).evolve(id=f"job:{number:05d}", created_at=now(-number), branch="3.13")
    return one.evolve(**{"input": Input(name=f"crash_{number}.py", text="x"), **parts}).to_doc()


def fill(dashboard: Dashboard) -> None:
    """A farm with something of everything, hostile texts included."""
    hostile = farms.HOSTILE
    states = [WorkerState.EXECUTING, WorkerState.WAITING, WorkerState.STOPPED]
    for number, state in enumerate(states):
        dashboard.write(worker(f"barn-{number}", state=state, running=("job:00001",) if number == 0 else ()))
    dashboard.write(
        worker("hostile<b>", state=WorkerState.QUARANTINED, quarantine=Quarantine(reason=hostile, by=hostile))
        | {"os_name": hostile, "state_reason": hostile}
    )
    claim = samples.CLAIM
    dashboard.write(job(1, state=JobState.RUNNING, claim=claim, started_at=now(-20), timeout=60.0))
    dashboard.write(job(2, state=JobState.ABORTED, reason=hostile, completed_at=now()))
    dashboard.write(job(3, input=Input(name=hostile, text="x"), branch=hostile, priority=Priority.PERSON))
    for number in range(4, 10):
        dashboard.write(job(number))
    dashboard.write({"_id": "message:1", "type": "message", "level": "warning", "text": hostile, "at": now()})
    dashboard.farm.history.bulk(farms.history_docs(farms.generate(days=1)))


def row(page: Page, words: str) -> Locator:
    """The table's row that holds these words."""
    return page.get_by_role("row").filter(has_text=words)
