"""The dashboard while a real worker runs real crashers, and in front of thousands of workers."""

import json
import os
import platform
import re
import sqlite3
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
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
ABORTS = "import os; os.abort()"
OTHERWISE = "import ctypes; ctypes.string_at(0)"
LONG = "import time; time.sleep(600)"

WORKERS = 2_000
JOBS = 2_000

REQUESTS = 20
"""Most requests that turning to a page may take."""
UPDATE_REQUESTS = 4
"""Most requests that showing one change may take: what is on the screen, and how many there are, once or twice."""
BYTES = 150_000
"""Most bytes of their answers; a list of all workers alone would be ten times as much."""


def environ(dashboard: Dashboard) -> dict[str, str]:
    """The environment, with no other farm's address in it."""
    ours = {key: value for key, value in os.environ.items() if not key.startswith(("COUCHDB_", "CRASHFARM_"))}
    return ours | dashboard.environ


@contextmanager
def working(dashboard: Dashboard, name: str, *options: str) -> Iterator["subprocess.Popen[bytes]"]:
    """A worker's process that may run this Python."""
    config = dashboard.data / "worker.toml"
    config.write_text(f"allow = {msgspec.json.encode([sys.executable]).decode()}\nlease = 10.0\n")
    command = [sys.executable, "-m", "worker", "run", "--name", name, "--slots", "2", *options]
    process = subprocess.Popen(
        [*command, "--config", str(config), "--data", str(dashboard.data)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=environ(dashboard),
        cwd=ROOT,
    )
    try:
        yield process
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


def add_branch(dashboard: Dashboard) -> None:
    """The branch of those jobs."""
    build = Build(command=(sys.executable, "-X", "faulthandler", "{input}"), about="this Python")
    builds = {"release": {platform.system(): build}}
    branch = Branch(id=branch_id("cpython", "here"), product="cpython", branch="here", builds=builds)
    dashboard.write(branch.to_doc())


def row(page: Page, words: str) -> Any:
    """The table's row that holds these words."""
    return page.get_by_role("row").filter(has_text=words)


def test_a_real_worker_is_followed_paused_and_relieved(browser: Browser, tmp_path: Path) -> None:
    """It comes, runs, finds, rests when it is asked to, and gives up a job that is cancelled: all on the screen."""
    with dashboards.start(tmp_path / "data") as dashboard:
        add_branch(dashboard)
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


def command(dashboard: Dashboard, *words: object) -> Any:
    """What one of our commands prints, as JSON if that was asked for."""
    told = subprocess.run(
        [sys.executable, "-m", "server", *map(str, words), "--data", str(dashboard.data)],
        env=environ(dashboard),
        cwd=ROOT,
        capture_output=True,
        check=True,
        text=True,
        timeout=120,
    ).stdout
    return json.loads(told) if "--json" in words else told


def counted(dashboard: Dashboard, *words: str) -> Counter[tuple[str, ...]]:
    """What a command counts: {what it counts by: how many}."""
    rows = command(dashboard, *words, "--json")
    return Counter({tuple(str(part) for name, part in one.items() if name != "count"): one["count"] for one in rows})


def on_chips(page: Page, title: str, group: str) -> Counter[tuple[str, ...]]:
    """The numbers on the buttons of a page of the dashboard, but for zeros and the sum of all."""
    turn_to(page, title)
    chips = page.get_by_role("group", name=group).get_by_role("button")
    chips.first.wait_for()
    found = {tuple(chip.locator("span, b").all_inner_texts()) for chip in chips.all()}
    return +Counter({(state,): int(number) for state, number in found if state != "all"})


def on_the_dashboard(page: Page) -> dict[str, Any]:
    """What its pages tell."""
    ended = page.get_by_text("jobs ended in the last hour")
    expect(ended).to_contain_text("4 jobs")
    outcomes = re.findall(r"(\d+) (nothing found|something found|could not run)", ended.inner_text())
    jobs, workers = on_chips(page, "Jobs", "State of the jobs"), on_chips(page, "Workers", "State of the workers")
    turn_to(page, "Findings")
    listed = page.locator(".findings tbody tr")
    listed.first.wait_for()
    tuples = [int(text.split()[0]) for text in listed.locator("[data-label=Where] .under").all_inner_texts()]
    runs = {OUTCOMES[words]: int(number) for number, words in outcomes}
    return {"jobs": jobs, "workers": workers, "runs": runs, "signatures": listed.count(), "tuples": sum(tuples)}


OUTCOMES = {"nothing found": "success", "something found": "failure", "could not run": "error"}


def test_the_numbers_are_those_of_commands_report_export_and_documents(browser: Browser, tmp_path: Path) -> None:
    """Jobs and workers by state, runs by outcome, signatures and tuples, after real runs of real crashers."""
    with dashboards.start(tmp_path / "data") as dashboard:
        add_branch(dashboard)
        for name, text in (("a.py", ABORTS), ("a.py", ABORTS), ("c.py", OTHERWISE), ("d.py", "pass")):
            queue(dashboard, name, text)
        with working(dashboard, "barn", "--until-empty") as worker:
            worker.wait(120)
        dashboard.write(samples.pending())
        dashboard.write(samples.aborted() | {"_id": "job:ended"})
        with dashboard.signed_in(browser) as page:
            shown = on_the_dashboard(page)
        history = [doc for doc in dashboard.farm.history.documents("") if "type" in doc]
        status = list(dashboard.farm.status.documents(""))
        results = [doc for doc in history if doc["type"] == "result"]
        tuples = [doc for doc in history if doc["type"].startswith("history_")]
        found = Counter((one["kind"], one["detail"]) for doc in results for one in doc["findings"])
        runs = Counter(doc["outcome"] for doc in results)

        def states(kind: str) -> Counter[tuple[str, ...]]:
            return Counter((doc["state"],) for doc in status if doc.get("type") == kind)

        assert shown["jobs"] == states("job") == counted(dashboard, "jobs", "--group", "state")
        assert shown["workers"] == states("worker") == counted(dashboard, "workers", "--group", "state")
        assert +Counter(shown["runs"]) == runs and runs.total() == 4
        by_outcome = {key[-1]: number for key, number in counted(dashboard, "results", "--group", "outcome").items()}
        assert by_outcome == runs
        assert (shown["signatures"], shown["tuples"]) == (len(found), len(tuples)) and len(found) == 2
        crashes = counted(dashboard, "crashes", "--group", "detail")
        assert crashes.total() == found.total() and len(crashes) == len(found)
        _agree_elsewhere(dashboard, tmp_path, shown, found.total())


def _agree_elsewhere(dashboard: Dashboard, folder: Path, shown: dict[str, Any], findings: int) -> None:
    command(dashboard, "report", folder / "report")
    summary = json.loads((folder / "report/summary.json").read_text())
    told = (summary["runs"], summary["signatures"], summary["findings"])
    assert told == (sum(shown["runs"].values()), shown["signatures"], findings)
    command(dashboard, "export", "--sqlite", folder / "farm.sqlite")
    with closing(sqlite3.connect(folder / "farm.sqlite")) as tables:
        for name in ("job", "worker"):
            rows = tables.execute(f"SELECT state, count(*) FROM {name} GROUP BY 1").fetchall()  # noqa: S608
            assert Counter({(state,): number for state, number in rows}) == shown[f"{name}s"]
        outcomes = dict(tables.execute("SELECT outcome, count(*) FROM result GROUP BY 1").fetchall())
        assert outcomes == +Counter(shown["runs"])
        assert tables.execute("SELECT count(*) FROM tuple").fetchone() == (shown["tuples"],)


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
