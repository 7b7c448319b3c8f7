"""The demonstration: hunt crashes in every CPython interpreter of this machine, with two real workers."""

import re
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import msgspec

from crashfarm import console, settings, times
from crashfarm.documents.branch import Branch
from crashfarm.documents.job import Job
from crashfarm.errors import CrashfarmError, InputError
from crashfarm.queue import JobQueue
from crashfarm.settings import Farm, Settings
from server import branches, deploy, embedded, interpreters, submit, watch
from server.inputs import JobInput, from_file, from_path
from server.interpreters import Interpreter
from server.report import ReportSummary, write_report

WORKERS = 2
SLOTS = 2
LEASE_SECONDS = 10.0
"""Short, so that the other worker takes over within seconds when one is killed."""

REDRAW_SECONDS = 0.5
TIMEOUT_SECONDS = 10.0
"""Longer than any crasher needs on a busy machine, but for those that hang."""

MEMORY_BYTES = 1 << 29

CHARTS_SECONDS = 20.0
"""For npm to fetch what the dashboard draws its charts with, while the workers hunt."""

_SOURCE = re.compile(r"^demo:(\d+)$")


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """What the caller may choose. `timeout` is the seconds that each run may take; no `pythons` means all there are."""

    data: Path
    report: Path
    crashers: Path
    pythons: tuple[Path, ...] = ()
    timeout: float = TIMEOUT_SECONDS


class _Round(msgspec.Struct, frozen=True):
    """One round of the hunt: what was chosen, the farm, and the name that its jobs carry."""

    options: Options
    settings: Settings
    farm: Farm
    source: str


def hunt(options: Options, found: Settings) -> ReportSummary:
    """One round: branches, jobs, workers, report. The store at `found` must answer."""
    farm = settings.connect(found)
    with console.progress("pushing design documents", None) as advance:
        console.say(str(deploy.push(farm, advance)))
    pythons = _find_interpreters(options.pythons)
    known = _register(farm, pythons)
    this = _Round(options, found, farm, _next_round(farm))
    began = times.utc_now()
    jobs = _queue(_inputs(options.crashers, pythons), known, this)
    console.say(f"round {this.source.removeprefix('demo:')}: queued {len(jobs)} jobs on {len(known)} branches")
    with _fetching_charts(farm):
        _work(this, pythons)
    with console.live_counts("writing the report") as advance:
        return write_report(farm, options.report, now=times.utc_now(), since=began, progress=advance)


@contextmanager
def _fetching_charts(farm: Farm) -> Iterator[None]:
    """Fetch the dashboard's charts meanwhile, and push them. Where they cannot be had, it goes on without a word."""
    with ThreadPoolExecutor(1, "charts") as others:
        fetched = others.submit(deploy.fetch_charts, CHARTS_SECONDS)
        yield
    if not isinstance(fetched.exception(), CrashfarmError):
        deploy.push(farm, lambda done: None, fetch=fetched.result)


def open_store(data: Path) -> tuple[Settings, bool]:
    """The store that COUCHDB_URL names or that runs on the folder, else a new one; and whether it was started."""
    if settings.names_a_server():
        return settings.load(data), False
    if found := embedded.running(data):
        console.say(f"using the store that runs on {data}")
        return found, False
    console.say(f"starting a store on {data}")
    return embedded.start(data), True


def _find_interpreters(wanted: Sequence[Path]) -> list[Interpreter]:
    with console.progress("asking the interpreters of this machine what they are", None):
        search = interpreters.ask(wanted) if wanted else interpreters.find()
    for python in search.found:
        console.say(f"  {python.version} {'debug' if python.debug else 'release'}  {python.path}")
    for passed in search.passed_over:
        console.say(f"  passed over {passed.path}: {passed.reason}")
    if not search.found:
        raise InputError("there is no CPython to hunt in: name one with --python")
    return list(search.found)


def _register(farm: Farm, pythons: Sequence[Interpreter]) -> list[Branch]:
    return [branches.save(farm.status, branch) for branch in interpreters.to_branches(pythons)]


def _next_round(farm: Farm) -> str:
    """The name of this round: one more than the highest that left a job or a result."""
    jobs = farm.status.view("jobs", "by_source", group_level=1).rows
    results = farm.history.view("results", "by_source", group_level=1).rows
    matches = [_SOURCE.match(str(row.key[0])) for row in (*jobs, *results)]
    return f"demo:{1 + max((int(m[1]) for m in matches if m), default=0)}"


def _inputs(crashers: Path, pythons: Sequence[Interpreter]) -> list[JobInput]:
    """Our own crashers, and of CPython's own each script's newest copy: the same input for every branch."""
    ours = {item.input.name: item for item in from_path(crashers) if item.input.name.endswith(".py")}
    theirs: dict[str, JobInput] = {}
    for python in sorted(pythons, key=lambda p: p.version_info):
        if python.crashers:
            scripts = sorted(p for p in python.crashers.glob("*.py") if p.name != "__init__.py")
            theirs |= {script.name: from_file(script) for script in scripts}
    return list((theirs | ours).values())


def _queue(inputs: Sequence[JobInput], known: Sequence[Branch], this: _Round) -> list[Job]:
    plan = submit.Plan(source=this.source, timeout=this.options.timeout)
    jobs = submit.make_jobs(inputs, known, plan, times.utc_now())
    JobQueue(this.farm.status).add(jobs)
    return jobs


def _work(this: _Round, pythons: Sequence[Interpreter]) -> None:
    """Start the workers and show what they do until the queue is empty and they have ended."""
    config = _worker_config(this.options.data, pythons)
    workers = [_start_worker(this.options, config, number) for number in range(1, WORKERS + 1)]
    try:
        _show_progress(this, workers)
    finally:
        for worker in workers:
            if worker.poll() is None:
                worker.terminate()
        for worker in workers:
            worker.wait()


def _show_progress(this: _Round, workers: Sequence["subprocess.Popen[bytes]"]) -> None:
    found, drawn = 0, 0.0
    with watch.following(this.settings, this.farm) as events, console.live_counts("hunting") as show:
        for event in events:
            found += bool(event and event.kind == "finding" and event.new)
            if event is not None and time.monotonic() - drawn < REDRAW_SECONDS:
                continue
            drawn = time.monotonic()
            ended = all(worker.poll() is not None for worker in workers)
            counts = watch.counts(this.farm.status, this.source)
            words = f"{counts.pending} pending, {counts.running} running, {found} new findings"
            show(counts.done, counts.total, words)
            if ended:
                return _check_nothing_is_left(this, counts)


def _check_nothing_is_left(this: _Round, counts: watch.Counts) -> None:
    if not counts.empty:
        left = counts.pending + counts.running
        raise CrashfarmError(f"the workers have ended with {left} jobs left: see {this.options.data}/demo/*.log")


def _start_worker(options: Options, config: Path, number: int) -> "subprocess.Popen[bytes]":
    name = f"demo-{number}"
    command = [sys.executable, "-P", "-m", "worker", "run", "--name", name, "--slots", str(SLOTS), "--until-empty"]
    command += ["--config", str(config), "--data", str(options.data)]
    with (options.data / "demo" / f"{name}.log").open("ab") as log:
        return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)


def _worker_config(data: Path, pythons: Sequence[Interpreter]) -> Path:
    """The workers' own configuration: what they may run, and for how long a silent worker keeps its jobs."""
    folder = data / "demo"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = folder / "worker.toml"
    allow = msgspec.json.encode([str(python.path) for python in pythons]).decode()
    path.write_text(f"allow = {allow}\nlease = {LEASE_SECONDS}\n[limits]\nmemory = {MEMORY_BYTES}\n")
    return path
