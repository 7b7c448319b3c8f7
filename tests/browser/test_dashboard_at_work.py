"""The dashboard while a real worker runs real crashers, and in front of thousands of workers."""

import os
import platform
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
from playwright.sync_api import Browser, Page, Response, expect

from crashfarm import times
from crashfarm.documents.branch import Branch, Build, branch_id
from crashfarm.documents.job import Input, Job, new_job_id
from crashfarm.documents.worker import WorkerState
from tests import samples
from tests.browser import dashboards
from tests.browser.dashboards import Dashboard, turn_to
from tests.javascript import ROOT

CRASHERS = ("abort.py", "ends_well.py")
LONG = "import time; time.sleep(600)"

WORKERS = 2_000
JOBS = 2_000

REQUESTS = 20
"""Most requests that turning to a page may take."""
UPDATE_REQUESTS = 4
"""Most requests that showing one change may take: what is on the screen, and how many there are, once or twice."""
BYTES = 150_000
"""Most bytes of their answers; a list of all workers alone would be ten times as much."""


@contextmanager
def working(dashboard: Dashboard, name: str) -> Iterator[None]:
    """A worker's process that may run this Python."""
    config = dashboard.data / "worker.toml"
    config.write_text(f"allow = {msgspec.json.encode([sys.executable]).decode()}\nlease = 10.0\n")
    command = [sys.executable, "-m", "worker", "run", "--name", name, "--slots", "2"]
    environ = {key: value for key, value in os.environ.items() if not key.startswith(("COUCHDB_", "CRASHFARM_"))}
    process = subprocess.Popen(
        [*command, "--config", str(config), "--data", str(dashboard.data)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=environ,
        cwd=ROOT,
    )
    try:
        yield
    finally:
        process.terminate()
        process.wait(60)


def queue(dashboard: Dashboard, name: str, text: str) -> str:
    """A job of one script on this machine's Python."""
    job = Job(
        id=new_job_id(times.utc_now()),
        product="cpython",
        branch="here",
        buildtype="release",
        input=Input(name=name, text=text),
        created_at=times.to_text(times.utc_now()),
        timeout=300.0,
    )
    dashboard.write(job.to_doc())
    return job.id


def row(page: Page, words: str) -> Any:
    """The table's row that holds these words."""
    return page.get_by_role("row").filter(has_text=words)


def test_a_real_worker_is_followed_paused_and_relieved(browser: Browser, tmp_path: Path) -> None:
    """It comes, runs, finds, rests when it is asked to, and gives up a job that is cancelled: all on the screen."""
    with dashboards.start(tmp_path / "data") as dashboard:
        build = Build(command=(sys.executable, "-X", "faulthandler", "{input}"), about="this Python")
        branch = Branch(
            id=branch_id("cpython", "here"),
            product="cpython",
            branch="here",
            builds={"release": {platform.system(): build}},
        )
        dashboard.write(branch.to_doc())
        for name in CRASHERS:
            queue(dashboard, name, (ROOT / "examples/crashers" / name).read_text())
        with dashboard.signed_in(browser) as page:
            expect(page.locator(".tile.pending dd").first).to_have_text(str(len(CRASHERS)))
            with working(dashboard, "barn"):
                expect(page.locator(".findings tbody tr").first).to_be_visible(timeout=60_000)
                expect(page.get_by_text(f"{len(CRASHERS)} jobs ended in the last hour")).to_be_visible(timeout=60_000)
                long = queue(dashboard, "long.py", LONG)
                expect(row(page, "long.py").get_by_role("progressbar")).to_be_visible(timeout=60_000)
                _pause(page)
                _cancel(page, dashboard, long)


def _pause(page: Page) -> None:
    turn_to(page, "Workers")
    expect(row(page, "barn")).to_contain_text("1 of 2")
    row(page, "barn").get_by_role("button", name="Pause").click()
    page.get_by_label("Reason").fill("a walk in the fields")
    page.get_by_role("dialog").get_by_role("button", name="Pause").click()
    expect(row(page, "barn")).to_contain_text("a walk in the fields")


def _cancel(page: Page, dashboard: Dashboard, job: str) -> None:
    turn_to(page, "Jobs")
    page.get_by_role("button", name="running").click()
    row(page, "long.py").get_by_role("button", name="Cancel").click()
    page.get_by_role("dialog").get_by_role("button", name="Cancel the job").click()
    expect(row(page, "long.py")).to_have_count(0)
    assert (dashboard.farm.status.get(job) or {})["reason"] == "cancelled by alice"
    turn_to(page, "Workers")
    expect(row(page, "barn")).to_contain_text("0 of 2", timeout=60_000)
    expect(row(page, "barn").locator(".state")).to_have_text("paused", timeout=60_000)
    dashboard.complaints[:] = [said for said in dashboard.complaints if "409" not in said]


def crowd(dashboard: Dashboard) -> None:
    """Thousands of workers and jobs, each a copy of one but for what tells them apart."""
    now = times.to_text(times.utc_now())
    one, job = samples.worker(), samples.pending()
    states = (WorkerState.EXECUTING, WorkerState.WAITING, WorkerState.PAUSED)
    docs = [
        one | {"_id": f"worker:field-{n:05d}", "hostname": f"field-{n}", "state": states[n % 3], "heartbeat_at": now}
        for n in range(WORKERS)
    ]
    docs += [
        job
        | {"_id": f"job:{n:07d}", "branch": f"b{n % 20}", "created_at": now}
        | ({"state": "aborted", "completed_at": now} if n % 2 else {})
        for n in range(JOBS)
    ]
    dashboard.farm.status.bulk(docs)


@dataclass
class Asked:
    """What a page asked of the database since it was looked at last, but for the changes that it follows."""

    page: Page
    sizes: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.on("response", self._note)

    def _note(self, answer: Response) -> None:
        if "_changes" not in answer.url:
            self.sizes.append(len(answer.body()))

    def take(self) -> tuple[int, int]:
        """How many requests, and how many bytes their answers were."""
        taken = len(self.sizes), sum(self.sizes)
        self.sizes.clear()
        return taken


def test_thousands_of_workers_do_not_slow_it(browser: Browser, tmp_path: Path) -> None:
    """However many there are, each page and each update asks for what it shows, in a few requests."""
    with dashboards.start(tmp_path / "data") as dashboard:
        crowd(dashboard)
        with dashboard.signed_in(browser) as page:
            expect(page.locator(".tile.pending dd").first).to_have_text(f"{JOBS // 2:,}")
            asked = Asked(page)
            for title, seen in (("Workers", "field-00000"), ("Jobs", "cpython b0"), ("Now", "Needs a person")):
                turn_to(page, title)
                page.get_by_text(seen).first.wait_for()
                requests, size = asked.take()
                assert requests <= REQUESTS and size < BYTES, (title, requests, size)
            assert page.locator("tbody tr").count() < 120
            _update(page, dashboard, asked)


def _update(page: Page, dashboard: Dashboard, asked: Asked) -> None:
    """A change among all those is seen, and a page further on is as near as the next one."""
    turn_to(page, "Workers")
    page.get_by_label("Name begins with").fill("field-01")
    row(page, "field-01000").wait_for()
    asked.take()
    found = dashboard.farm.status.get("worker:field-01000") or {}
    dashboard.write(found, state="quarantined")
    expect(row(page, "field-01000")).to_contain_text("quarantined")
    requests, size = asked.take()
    assert requests <= UPDATE_REQUESTS and size < BYTES, (requests, size)
    page.get_by_role("button", name="Next").click()
    expect(row(page, "field-01050")).to_be_visible()
    assert page.get_by_role("row").count() == 51
