"""The report at scale, against reading the rows that it is made of.

    python -m bench.report [--results N] [--signatures N] [--tuples N] [--more N] [--keep FOLDER] [--fill] [--out PATH]

On the CouchDB that COUCHDB_URL names, else on an embedded store that lives as long as the benchmark, or whose data stay
in a folder: then a second run goes on with what the first one loaded, and `--fill` is a run that only loads. Results
are made by a generator whose signatures have a long tail, as those of real farms do: a few are seen in every hundredth
run, on most branches and machines, and most of them a few times in a few places.

Timed are: reading the rows and documents that the first report reads, one after the other, with nothing done to them,
right before and right after the report, for machines are faster at one time than at another, and once more before, so
that nothing is read from a cold disk; the first report, against the mean of these two; and the next one after `--more`
new results. Each report is made by a process of its own, of which is told: the processor time of it and
of the processes that it starts, and the peaks of memory of it and of the largest of these. A report is thousands of
small files: `--out` tells on which disk they are, and a temporary folder in memory shows what it costs to make them,
apart from a slow disk. Some file systems take ten times as long to make a file where many were deleted just before.
"""

import argparse
import functools
import multiprocessing
import random
import resource
import tempfile
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import TypeVar
from uuid import uuid4

import msgspec

from bench import stores
from crashfarm import settings, times
from crashfarm.database import Database
from crashfarm.documents.base import Document
from crashfarm.documents.environment import Environment
from crashfarm.documents.finding import Finding, Frame, Kind
from crashfarm.documents.history import History, Sighting, history_of
from crashfarm.documents.result import Result
from crashfarm.settings import Farm, Settings
from server.deploy import sources
from server.queries import paging
from server.report import write_report

T = TypeVar("T")

BATCH = 2000
VIEWS = ("crash_type", "results", "signatures", "jobs", "workers")
"""The design documents that a report reads: building the others would only take time."""
BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
BRANCHES = tuple(f"3.{minor}" for minor in range(8, 16))
MACHINES = tuple(
    (system, version, cpu) for system in ("Linux", "Darwin") for version in "1234" for cpu in ("x86_64", "aarch64")
)

MANY = 16
"""In how many times as many places the commonest hundredth of the signatures is seen."""


def results(count: int, signatures: int, tuples: int, first: int, seed: int) -> Iterator[Result]:
    """Results from number `first` on; each finds one thing, drawn from a long tail."""
    draw = random.Random(seed)
    few = max(1, round(tuples / signatures))
    for number in range(first, first + count):
        # The inverse of a power law: rank 1 is the commonest.
        rank = min(signatures - 1, int(signatures ** draw.random()) - 1)
        place = draw.randrange(MANY * few if rank < signatures // 100 else few)
        os_name, os_version, cpu_name = MACHINES[(rank + place // len(BRANCHES)) % len(MACHINES)]
        moment = times.to_text(BEGIN + timedelta(seconds=number * 10))
        yield Result(
            id=f"result:{number:09d}",
            job=f"job:{number:09d}",
            product="bench",
            branch=BRANCHES[place % len(BRANCHES)],
            buildtype="release",
            os_name=os_name,
            os_version=os_version,
            cpu_name=cpu_name,
            worker=f"worker-{number % 50}",
            incarnation="bench/1/2/3",
            attempt=1,
            started_at=moment,
            completed_at=moment,
            outcome="failure",
            input_name=f"https://example.org/{rank}/{draw.randrange(3)}",
            source="bench",
            findings=(finding(rank),),
        )


@functools.lru_cache(5000)
def finding(rank: int) -> Finding:
    """What is seen under a rank, the same each time."""
    kind = list(Kind)[rank % len(Kind)]
    names = [f"function_{rank}_{depth}" for depth in range(12)]
    detail = " | ".join(names[:4])
    frames = tuple(Frame(function=name, file=f"src/{name}.c", line=rank % 900 + 1) for name in names)
    message = f"something of rank {rank} went wrong"
    return Finding(
        kind=kind,
        title="SIGSEGV",
        message=message,
        detail=detail,
        signature=detail,
        frames=frames,
        excerpt=message * 20,
    )


def load(farm: Farm, runs: Iterator[Result], written: int = 0) -> int:
    """Write results, and merge what they show into the history documents; returns how many of these are new.

    The first `written` results, a multiple of the batch, are there already from a run that was ended before its time.
    """
    merged: dict[str, History] = {}
    with ThreadPoolExecutor(1) as writer:
        waiting: deque[Future[None]] = deque()
        while batch := list(islice(runs, BATCH)):
            written -= len(batch)
            if written < 0:
                waiting.append(writer.submit(write, farm, batch))
            for run in batch:
                merge(merged, run)
            # The next batch is made while the store is busy with this one.
            while len(waiting) > 1:
                waiting.popleft().result()
        for one in waiting:
            one.result()
    made = 0
    ids = iter(merged)
    while some := list(islice(ids, BATCH)):
        there = {row.key: row.doc for row in farm.history.all_docs(keys=some, include_docs=True).rows if row.doc}
        made += len(some) - len(there)
        known = {name: type(merged[name]).from_doc(doc).merge(merged[name]) for name, doc in there.items()}
        write(farm, [known.get(name, merged[name]) for name in some])
    return made


def merge(merged: dict[str, History], run: Result) -> None:
    """Add what a run shows to the history documents."""
    sighting = Sighting(
        finding=run.findings[0], environment=Environment.of(run), seen_at=run.completed_at, place=run.input_name
    )
    one = history_of(sighting)
    merged[one.id] = merged[one.id].merge(one) if one.id in merged else one


def write(farm: Farm, documents: Sequence[Document]) -> None:
    """Write all of them."""
    outcomes = farm.history.bulk([one.to_doc() for one in documents])
    assert all(outcome.ok for outcome in outcomes), next(outcome for outcome in outcomes if not outcome.ok)


def read_rows(farm: Farm, signatures: int) -> int:
    """Read what the first report reads, and do nothing with it.

    These are the crash view's rows, with the documents of the tuples, the counts of runs by input, and as many results
    as there are signatures.
    """
    kinds = [key[0] for key, _ in paging.groups(farm.history, "crash_type", "results", 1)]
    read = 0
    for kind in kinds:
        documents = {"include_docs": True, "page": 500} if kind.startswith("history_") else {}
        read += sum(1 for _ in paging.rows(farm.history, "crash_type", "results", [kind], **documents))
    read += sum(1 for _ in paging.groups(farm.history, "results", "by_input", 8))
    return read + sum(1 for _ in islice(farm.history.documents("result:"), signatures))


def timed(work: Callable[[], T]) -> tuple[T, float]:
    """What the work gives, and the seconds it took."""
    began = time.perf_counter()
    return work(), time.perf_counter() - began


class Figures(msgspec.Struct, frozen=True):
    """What one report took: seconds, seconds of processors, peaks of memory in MiB, its own and of one beside it."""

    line: str
    seconds: float
    busy: float
    own: int
    beside: int


def report(found: Settings, folder: Path, number: int) -> Figures:
    """Make the report."""
    farm = settings.connect(found)
    now = BEGIN + timedelta(seconds=number * 10)
    summary, seconds = timed(lambda: write_report(farm, folder / "out", now=now, state=folder / "state.sqlite"))
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    busy = sum(one.ru_utime + one.ru_stime for one in used)
    return Figures(summary.line(), seconds, busy, *(one.ru_maxrss // 1024 for one in used))


def apart(found: Settings, folder: Path, number: int) -> Figures:
    """The same in a process of its own."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        return pool.submit(report, found, folder, number).result()


def main() -> None:
    """Load, read, report, add, report again; print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--results", type=int, default=20_000)
    parser.add_argument("--signatures", type=int, default=2_000)
    parser.add_argument("--tuples", type=int, default=10_000)
    parser.add_argument("--more", type=int, default=1_000)
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="keep the store here, and go on with what it holds")
    parser.add_argument("--fill", action="store_true", help="only fill that store")
    parser.add_argument("--out", type=Path, metavar="FOLDER", help="write the reports in here, and delete them")
    asked = parser.parse_args()
    with stores.store(asked.keep) as address, tempfile.TemporaryDirectory(dir=asked.out or asked.keep) as folder:
        name = "bench-kept" if asked.keep else f"bench-{uuid4().hex}"
        found = msgspec.structs.replace(address, farm=name)
        farm = settings.connect(found)
        try:
            prepare(farm, asked)
            if not asked.fill:
                measure(farm, found, Path(folder), asked)
        finally:
            if not asked.keep:
                for database in (farm.status, farm.history):
                    farm.connection.drop(database.name)


def prepare(farm: Farm, asked: argparse.Namespace) -> None:
    """Fill the farm's databases, as far as an earlier run did not; then set up views and rules."""
    farm.connection.create(farm.history.name)
    there = next_number(farm)
    if there < asked.results:
        runs = results(asked.results, asked.signatures, asked.tuples, first=0, seed=1)
        made, seconds = timed(lambda: load(farm, runs, there - there % BATCH))
        print(f"loaded {asked.results:,} results and {made:,} tuples in {seconds:.1f} s", flush=True)
    # Only now, at once, and without the rules, by which JavaScript would judge each document.
    _, seconds = timed(lambda: build(farm))
    print(f"built views: {seconds:.1f} s", flush=True)


def build(farm: Farm) -> None:
    """Have the views that a report reads, and build them side by side."""
    farm.connection.create(farm.status.name)
    designs = [(design, place) for design in sources.load() if design.name in VIEWS for place in design.places]
    databases = {sources.STATUS: farm.status, sources.HISTORY: farm.history}
    with ThreadPoolExecutor(len(designs)) as builders:
        list(builders.map(lambda one: build_one(databases[one[1]], one[0]), designs))


def build_one(database: Database, design: sources.Design) -> None:
    """Write a design document, if it is not there, and wait until its views are built."""
    doc = design.doc()
    if not database.get(doc["_id"]):
        database.put(doc)
    paging.build(database, design.name, next(iter(doc["views"])), lambda done, of: None, time.sleep)
    paging.ask(database, design.name, next(iter(doc["views"])), limit=1, reduce=False)


def next_number(farm: Farm) -> int:
    """The number behind that of the last result."""
    last = farm.history.all_docs(startkey="result:\ufff0", endkey="result:", descending=True, limit=1).rows
    return int((last[0].id or "").removeprefix("result:")) + 1 if last else 0


def measure(farm: Farm, found: Settings, folder: Path, asked: argparse.Namespace) -> None:
    """The figures of one farm."""
    number = next_number(farm)
    signatures = sum(1 for _ in paging.groups(farm.history, "signatures", "by_count", 2))
    paging.total(farm.history, "crash_type", "results")
    read(farm, signatures)
    before = read(farm, signatures)
    first = apart(found, folder, number)
    tell("first report", first)
    after = read(farm, signatures)
    print(f"that is {2 * first.seconds / (before + after):.2f} times as long as reading", flush=True)
    load(farm, results(asked.more, asked.signatures, asked.tuples, first=number, seed=number))
    paging.total(farm.history, "crash_type", "results")
    paging.total(farm.history, "results", "by_input")
    tell(f"next report after {asked.more:,} results", apart(found, folder, number + asked.more))


def read(farm: Farm, signatures: int) -> float:
    """How many seconds it takes to read what the report reads."""
    number, seconds = timed(lambda: read_rows(farm, signatures))
    print(f"reading {number:,} rows and documents: {seconds:.1f} s", flush=True)
    return seconds


def tell(what: str, took: Figures) -> None:
    """Print a report's figures."""
    print(took.line)
    print(f"{what}: {took.seconds:.1f} s, {took.busy:.1f} s of processors", flush=True)
    print(f"peak memory: {took.own} MiB, and {took.beside} MiB in a process beside it", flush=True)


if __name__ == "__main__":
    main()
