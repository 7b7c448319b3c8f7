"""The dashboard in front of a large farm, in Chromium.

    python -m bench.dashboard [--jobs N] [--workers N] [--seconds N] [--changes N] [--keep FOLDER]

On the CouchDB that COUCHDB_URL names, which has to be on this machine and to run the dashboard's pages, else on an
embedded store that lives as long as the benchmark, or whose data stay in a folder: then a second run goes on with what
the first one loaded. The farm has so many pending jobs, in a hundred classes, and so many workers.

Told are, one JSON object a line: for each page, how long it takes from the press on its link until it has content, and
its requests and the bytes of their answers; how long it takes from an act, and from somebody else's change, until the
page shows it; and, for a while each, the processor time of the store and of the browser and the requests of the page
while nothing changes, and while so many jobs change a second, with the dashboard open and without.
"""

import argparse
import json
import secrets
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec
import psutil
from playwright.sync_api import Page, Response, sync_playwright

from bench import stores
from crashfarm import settings, times
from crashfarm.database import Database
from crashfarm.documents.branch import Branch, Build, branch_id
from crashfarm.documents.job import Input, Job, new_job_id
from crashfarm.documents.worker import Worker, WorkerState
from crashfarm.errors import DatabaseUnavailable
from crashfarm.settings import Farm, Settings
from server import dashboard, deploy

CHUNK = 5_000
BRANCHES = 25
PRIORITIES = (0, 1, 2, 3)
STATES = (WorkerState.WAITING, WorkerState.EXECUTING, WorkerState.PAUSED)
PAGES = {"Workers": "tbody tr", "Jobs": "tbody tr", "Findings": ".empty", "Databases": "tbody tr", "Now": ".pending dd"}
"""The pages, and what is there once they have content."""
VIEWS = (("jobs", "by_state"), ("queue", "pending"), ("workers", "by_state"), ("conflicts", "open"))
"""A view of each design document that the dashboard asks."""
UNKNOWN = "\u2013"
"""What stands for a number that is not known yet."""
TRIES = 5
POLL_MS = 10
WAIT_MS = 120_000.0


def fill(farm: Farm, jobs: int, workers: int) -> None:
    """Load what is missing, and build the views."""
    stamp = times.to_text(times.utc_now())
    builds = {"release": {"Linux": Build(command=("/usr/bin/true",))}}
    for n in range(BRANCHES):
        branch = Branch(id=branch_id("bench", f"b{n:02d}"), product="bench", branch=f"b{n:02d}", builds=builds)
        if farm.status.get(branch.id) is None:
            farm.status.put(branch.to_doc())
    with stores.unchecked(farm.status):
        _load(farm.status, "worker:field-", workers, lambda n: make_worker(n, stamp))
        _load(farm.status, "job:", jobs, lambda n: make_job(n, stamp))
    say("building the views")
    for design, view in VIEWS:
        _ask(farm.status, design, view)


def _load(status: Database, prefix: str, wanted: int, make: Callable[[int], dict[str, Any]]) -> None:
    there = int((status.get("_local/bench") or {}).get(prefix, 0))
    for at in range(there, wanted, CHUNK):
        status.bulk([make(n) for n in range(at, min(wanted, at + CHUNK))])
        if at % (20 * CHUNK) == 0:
            say(f"{prefix} {at:,} of {wanted:,}")
    status.put((status.get("_local/bench") or {"_id": "_local/bench"}) | {prefix: max(there, wanted)})


def _ask(status: Database, design: str, view: str) -> None:
    while True:
        try:
            status.view(design, view, group_level=1)
        except DatabaseUnavailable:
            continue  # it takes longer than one request may
        return


def make_worker(number: int, stamp: str) -> dict[str, Any]:
    """One of ten kinds of machines."""
    machine = {"os_name": "Linux", "os_version": str(number % 10), "cpu_name": "x86_64"}
    return Worker(
        id=f"worker:field-{number:05d}",
        hostname=f"field-{number:05d}",
        state=STATES[number % len(STATES)],
        incarnation=f"field/boot/{number}/1",
        version="1",
        heartbeat_at=stamp,
        registered_at=stamp,
        connected_at=stamp,
        slots=4,
        dynamic_metadata={**machine, "tags": [], "allow": ["/usr/bin/*"], "allow_builds_from": []},
        **machine,
    ).to_doc()


def make_job(number: int, stamp: str) -> dict[str, Any]:
    """A pending job of one of a hundred classes and priorities."""
    return Job(
        id=f"{new_job_id(times.utc_now()).partition('-')[0]}-{secrets.token_hex(5)}",
        product="bench",
        branch=f"b{number % BRANCHES:02d}",
        buildtype="release",
        input=Input(name=f"case-{number}.py", text="pass"),
        priority=PRIORITIES[number // BRANCHES % len(PRIORITIES)],
        created_at=stamp,
    ).to_doc()


class Costs:
    """What a page asks, but for the changes that it follows, and what the processes burn."""

    def __init__(self, page: Page, port: int) -> None:
        self.sizes: list[int] = []
        self._store = _listener(port)
        self._chromium = [one for one in psutil.Process().children(recursive=True) if "chrom" in one.name()]
        self._before = self._burnt()
        page.on("response", self._note)

    def _note(self, answer: Response) -> None:
        if "_changes" not in answer.url:
            self.sizes.append(int(answer.headers.get("content-length") or len(answer.body())))

    def _burnt(self) -> tuple[float, float]:
        return burnt(self._store), sum(sum(one.cpu_times()[:2]) for one in self._chromium if one.is_running())

    def take(self) -> dict[str, float]:
        """All since the last time."""
        before, self._before = self._before, self._burnt()
        store, browser = (now - then for now, then in zip(self._before, before, strict=True))
        sizes, self.sizes = self.sizes, []
        return {
            "requests": len(sizes),
            "kilobytes": round(sum(sizes) / 1000, 1),
            "store_cpu_seconds": round(store, 2),
            "browser_cpu_seconds": round(browser, 2),
        }


def _listener(port: int) -> psutil.Process:
    listeners = (one for one in psutil.net_connections("tcp") if one.status == psutil.CONN_LISTEN and one.pid)
    return psutil.Process(next(one.pid for one in listeners if one.laddr.port == port))


def burnt(process: psutil.Process) -> float:
    """The processor seconds of a process, of those that it has, and of those that it had."""
    return sum(process.cpu_times()[:4]) + sum(sum(one.cpu_times()[:2]) for one in process.children(recursive=True))


def measure(farm: Farm, found: Settings, seconds: float, rate: int) -> None:
    """All of it."""
    port = urlsplit(found.url).port or 0
    for words, changes in (("idle", 0), (f"{rate} changes a second", rate)):
        with changing(farm.status, changes):
            tell(what=f"no dashboard, {words}", seconds=seconds, store_cpu_seconds=_alone(port, seconds))
    with signed_in(farm, found) as page:
        costs = Costs(page, port)
        _time(page, costs, "Now, loaded anew", lambda: (page.reload(), _wait(page, "Now")))
        for title in PAGES:
            link = page.get_by_role("navigation", name="Dashboard").get_by_role("link", name=title, exact=True)
            _time(page, costs, title, lambda link=link, title=title: (link.click(), _wait(page, title)))  # type: ignore[misc]
        for words, changes in (("idle", 0), (f"{rate} changes a second", rate)):
            with changing(farm.status, changes):
                page.wait_for_timeout(2_000)
                costs.take()
                page.wait_for_timeout(1000 * seconds)
                tell(what=f"Now, {words}", seconds=seconds, **costs.take())
        with changing(farm.status, 0):
            tell(what="from a change to its effect on the page", **_spread(_change(farm, page) for _ in range(TRIES)))
        page.get_by_role("link", name="Workers", exact=True).first.click()
        _wait(page, "Workers")
        tell(what="from an act to its effect on the page", **_spread(_act(page) for _ in range(TRIES)))


def _alone(port: int, seconds: float) -> float:
    store = _listener(port)
    before = burnt(store)
    time.sleep(seconds)
    return round(burnt(store) - before, 2)


def _time(page: Page, costs: Costs, what: str, act: Callable[[], object]) -> None:
    costs.take()
    began = time.perf_counter()
    act()
    took = time.perf_counter() - began
    page.wait_for_timeout(1_000)
    tell(what=what, milliseconds_to_content=round(1000 * took), **costs.take())


def _wait(page: Page, title: str) -> None:
    page.wait_for_function("title => document.title.startsWith(title)", arg=title)
    page.locator(f"main {PAGES[title]}").filter(has_not_text=UNKNOWN).first.wait_for()


def _change(farm: Farm, page: Page) -> float:
    tile = page.locator(".working dd").first
    before = tile.inner_text()
    doc = farm.status.get("worker:field-00000") or {}
    busy = doc["state"] == WorkerState.EXECUTING
    page.wait_for_timeout(1_500)
    began = time.perf_counter()
    farm.status.put(doc | {"state": WorkerState.WAITING if busy else WorkerState.EXECUTING})
    _until(page, "([before]) => document.querySelector('.working dd').textContent !== before", before)
    return time.perf_counter() - began


def _until(page: Page, condition: str, argument: object) -> None:
    """A locator would look every half second only."""
    page.wait_for_function(condition, arg=[argument], polling=POLL_MS)


def _act(page: Page) -> float:
    row = page.locator("tbody tr").first
    paused = row.get_by_role("button", name="Resume").count() > 0
    row.get_by_role("button", name="Resume" if paused else "Pause", exact=True).click()
    send = page.get_by_role("dialog").get_by_role("button", name="Resume" if paused else "Pause")
    began = time.perf_counter()
    send.click()
    _until(page, "([paused]) => document.querySelector('tbody .acts').innerText.includes('Resume') !== paused", paused)
    took = time.perf_counter() - began
    page.wait_for_timeout(1_500)
    return took


def _spread(times: Iterator[float]) -> dict[str, float]:
    took = sorted(times)
    return {"median_ms": round(1000 * statistics.median(took)), "worst_ms": round(1000 * took[-1])}


@contextmanager
def changing(status: Database, rate: int) -> Iterator[None]:
    """So many jobs change meanwhile, each second, in ten writes."""
    over = threading.Event()
    docs = [row.doc for row in status.view("jobs", "by_state", reduce=False, include_docs=True, limit=rate or 1).rows]
    writer = threading.Thread(target=_write, args=(status, [doc for doc in docs if doc], over))
    if rate:
        writer.start()
    try:
        yield
    finally:
        over.set()
        if rate:
            writer.join()


def _write(status: Database, docs: list[dict[str, Any]], over: threading.Event) -> None:
    part = max(1, len(docs) // 10)
    due = time.monotonic()
    for at in range(0, 10**9, part):
        some = [docs[(at + n) % len(docs)] for n in range(part)]
        for doc, outcome in zip(some, status.bulk([doc | {"timeout": 1.0 + at} for doc in some]), strict=True):
            doc["_rev"] = outcome.rev
        due += 0.1
        if over.wait(max(0.0, due - time.monotonic())):
            return


@contextmanager
def signed_in(farm: Farm, found: Settings) -> Iterator[Page]:
    """The dashboard as the administrator sees it."""
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        page = chromium.new_page(viewport={"width": 1280, "height": 900})
        page.set_default_timeout(WAIT_MS)
        page.goto(dashboard.address(farm))
        page.get_by_label("Name", exact=True).fill(found.user)
        page.get_by_label("Password").fill(found.password)
        page.get_by_role("button", name="Sign in").click()
        _wait(page, "Now")
        yield page
        chromium.close()


def tell(**figures: object) -> None:
    """One line of the results."""
    print(json.dumps(figures), flush=True)


def say(words: str) -> None:
    """Progress."""
    print(f"{time.strftime('%H:%M:%S')} {words}", file=sys.stderr, flush=True)


def run(options: argparse.Namespace, keep: Path) -> None:
    """Load and measure."""
    with stores.store(keep) as found:
        farm = settings.connect(msgspec.structs.replace(found, farm="bench-dashboard"))
        say(str(deploy.push(farm, lambda done: None)))
        fill(farm, options.jobs, options.workers)
        measure(farm, found, options.seconds, options.changes)


def main() -> None:
    """Read the options."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--jobs", type=int, default=100_000)
    parser.add_argument("--workers", type=int, default=10_000)
    parser.add_argument("--seconds", type=float, default=20.0, help="How long each state is measured.")
    parser.add_argument("--changes", type=int, default=100, help="Jobs that change a second.")
    parser.add_argument("--keep", type=Path, metavar="FOLDER")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        run(options, options.keep or Path(folder) / "data")


if __name__ == "__main__":
    main()
