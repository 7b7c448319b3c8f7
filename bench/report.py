"""The report at scale, against reading the rows that it is made of.

    python -m bench.report [--results N] [--signatures N] [--tuples N] [--more N]

On the CouchDB that COUCHDB_URL names, else on an embedded store that lives as long as the benchmark. Results are made
by a generator whose signatures have a long tail, as those of real farms do: a few are seen in every hundredth run,
most of them once or twice. Timed are: reading all the rows and documents that the first report reads, with nothing
done to them; the first report; and the next one after `--more` new results. Memory is the whole process's peak, which
holds the generator's, too.
"""

import argparse
import random
import resource
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import TypeVar
from uuid import uuid4

import msgspec

from bench import stores
from crashfarm import settings, times
from crashfarm.documents.environment import Environment
from crashfarm.documents.finding import Finding, Frame, Kind
from crashfarm.documents.history import History, Sighting, history_of
from crashfarm.documents.result import Result
from crashfarm.settings import Farm
from server import deploy
from server.queries import paging
from server.report import write_report

T = TypeVar("T")

BATCH = 5000
BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
BRANCHES = tuple(f"3.{minor}" for minor in range(8, 16))
MACHINES = tuple(
    (system, version, cpu) for system in ("Linux", "Darwin") for version in "1234" for cpu in ("x86_64", "aarch64")
)


def results(count: int, signatures: int, tuples: int, first: int, seed: int) -> Iterator[Result]:
    """Results from number `first` on; each finds one thing, drawn from a long tail."""
    draw = random.Random(seed)
    each = max(1, tuples // signatures)
    for number in range(first, first + count):
        # The inverse of a power law: rank 1 is the commonest.
        rank = min(signatures - 1, int(signatures ** draw.random()) - 1)
        place = draw.randrange(each)
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


def load(farm: Farm, runs: Iterator[Result]) -> int:
    """Write results, and merge what they show into the history documents; returns how many of these are new."""
    made = 0
    while batch := list(islice(runs, BATCH)):
        merged: dict[str, History] = {}
        for run in batch:
            sighting = Sighting(
                finding=run.findings[0], environment=Environment.of(run), seen_at=run.completed_at, place=run.input_name
            )
            one = history_of(sighting)
            merged[one.id] = merged[one.id].merge(one) if one.id in merged else one
        there = farm.history.all_docs(keys=list(merged), include_docs=True).rows
        for row in there:
            if row.doc and row.key:
                merged[row.key] = type(merged[row.key]).from_doc(row.doc).merge(merged[row.key])
        made += sum(1 for one in merged.values() if one.rev is None)
        outcomes = farm.history.bulk([one.to_doc() for one in [*batch, *merged.values()]])
        assert all(outcome.ok for outcome in outcomes), next(outcome for outcome in outcomes if not outcome.ok)
    return made


def read_rows(farm: Farm) -> int:
    """Read what the first report reads, and do nothing with it: history documents, counts, runs by input."""
    query = {"startkey": ["history_"], "endkey": ["history_\ufff0"], "include_docs": True, "page": 500}
    read = sum(1 for _ in paging.rows(farm.history, "crash_type", "results", **query))
    read += sum(1 for _ in paging.groups(farm.history, "crash_type", "results", 9))
    read += sum(1 for _ in paging.groups(farm.history, "results", "by_input", 8))
    return read + sum(1 for _ in farm.history.documents("result:"))


def timed(work: Callable[[], T]) -> tuple[T, float]:
    """What the work gives, and the seconds it took."""
    began = time.perf_counter()
    return work(), time.perf_counter() - began


def main() -> None:
    """Load, read, report, add, report again; print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--results", type=int, default=20_000)
    parser.add_argument("--signatures", type=int, default=2_000)
    parser.add_argument("--tuples", type=int, default=10_000)
    parser.add_argument("--more", type=int, default=1_000)
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="keep the store here, and go on with what it holds")
    asked = parser.parse_args()
    with stores.store(asked.keep) as found, tempfile.TemporaryDirectory() as folder:
        farm = settings.connect(
            msgspec.structs.replace(found, farm="bench-kept" if asked.keep else f"bench-{uuid4().hex}")
        )
        deploy.push(farm, lambda done: None)
        try:
            measure(farm, Path(folder), asked)
        finally:
            if not asked.keep:
                for database in (farm.status, farm.history):
                    farm.connection.drop(database.name)


def measure(farm: Farm, folder: Path, asked: argparse.Namespace) -> None:
    """The figures of one farm."""
    shape = (asked.signatures, asked.tuples)
    made, seconds = timed(lambda: load(farm, results(asked.results, *shape, first=0, seed=1)))
    print(f"loaded {asked.results:,} results and {made:,} tuples in {seconds:.1f} s")
    _, seconds = timed(lambda: paging.total(farm.history, "crash_type", "results") and read_rows(farm))
    print(f"first read, which builds the views: {seconds:.1f} s")
    rows, reading = timed(lambda: read_rows(farm))
    print(f"reading {rows:,} rows and documents: {reading:.1f} s")

    def report(number: int) -> str:
        return write_report(
            farm, folder / "out", now=BEGIN + timedelta(seconds=number * 10), state=folder / "state.sqlite"
        ).line()

    line, first = timed(lambda: report(asked.results))
    print(f"first report: {first:.1f} s, {first / reading:.2f} times the reading; {line}")
    load(farm, results(asked.more, *shape, first=asked.results, seed=2))
    paging.total(farm.history, "crash_type", "results")
    line, second = timed(lambda: report(asked.results + asked.more))
    print(f"next report after {asked.more:,} results: {second:.1f} s; {line}")
    print(f"peak memory of this process: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MiB")


if __name__ == "__main__":
    main()
