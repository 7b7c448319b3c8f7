"""The dashboard while a real worker runs real crashers, and in front of ten thousand workers."""

import os
import platform
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
from playwright.sync_api import Browser, Page, expect

from crashfarm import times
from crashfarm.documents.branch import Branch, Build, branch_id
from crashfarm.documents.job import Input, Job, JobState, new_job_id
from crashfarm.documents.worker import Worker, WorkerState
from tests import samples
from tests.browser import dashboards
from tests.browser.dashboards import Dashboard, turn_to
from tests.javascript import ROOT

CRASHERS = ("abort.py", "ends_well.py")
LONG = "import time; time.sleep(600)"

WORKERS = 10_000
JOBS = 10_000
BATCH = 5_000
SECOND = 1.0


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
    """Ten thousand workers, and jobs for them, written as they are."""
    now = times.utc_now()
    one, job = Worker.from_doc(samples.worker()), Job.from_doc(samples.pending())
    states = (WorkerState.EXECUTING, WorkerState.WAITING, WorkerState.PAUSED)
    docs = [
        one.evolve(
            id=f"worker:field-{n:05d}", hostname=f"field-{n:05d}", state=states[n % 3], heartbeat_at=times.to_text(now)
        ).to_doc()
        for n in range(WORKERS)
    ]
    docs += [
        job.evolve(
            id=f"job:{n:07d}",
            branch=f"b{n % 20}",
            created_at=times.to_text(now - timedelta(seconds=n)),
            state=JobState.ABORTED if n % 2 else JobState.PENDING,
            completed_at=times.to_text(now) if n % 2 else None,
        ).to_doc()
        for n in range(JOBS)
    ]
    for at in range(0, len(docs), BATCH):
        dashboard.farm.status.bulk(docs[at : at + BATCH])
    for design, view in (("workers", "by_state"), ("jobs", "by_state"), ("queue", "pending")):
        dashboard.farm.status.view(design, view, limit=1, reduce=False)


def test_ten_thousand_workers_do_not_slow_it(browser: Browser, tmp_path: Path) -> None:
    """A page shows in a second what it showed in a second for ten: it asks for what it shows, and no more."""
    with dashboards.start(tmp_path / "data") as dashboard:
        crowd(dashboard)
        with dashboard.signed_in(browser) as page:
            expect(page.locator(".tile.pending dd").first).to_have_text(f"{JOBS // 2:,}")
            asked: list[int] = []
            page.on(
                "response", lambda answer: asked.append(len(answer.body())) if "_changes" not in answer.url else None
            )
            took = {}
            for title, seen in (("Workers", "field-00000"), ("Jobs", "cpython b0"), ("Now", "Needs a person")):
                began = time.monotonic()
                turn_to(page, title)
                page.get_by_text(seen).first.wait_for()
                took[title] = time.monotonic() - began
            assert sum(asked) < 400_000, "it asked for more than it shows"
            assert page.locator("tbody tr").count() < 120
            assert min(took.values()) < SECOND, took
            _update(page, dashboard)


def _update(page: Page, dashboard: Dashboard) -> None:
    """A change among the ten thousand is seen, and a page further on is as near as the next one."""
    turn_to(page, "Workers")
    page.get_by_label("Name begins with").fill("field-09")
    row(page, "field-09000").wait_for()
    found = dashboard.farm.status.get("worker:field-09000") or {}
    dashboard.write(found, state="quarantined")
    expect(row(page, "field-09000")).to_contain_text("quarantined")
    page.get_by_role("button", name="Next").click()
    expect(row(page, "field-09050")).to_be_visible()
    assert page.get_by_role("row").count() == 51
