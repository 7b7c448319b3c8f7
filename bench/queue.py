"""The queue under many workers: jobs of no work at all, claimed and finished.

    python -m bench.queue [--pending N ...] [--processes N ...] [--slots N ...] [--picas PYTHON] [--idle TIMES]
                          [--markdown]

On the CouchDB that COUCHDB_URL names, else on an embedded store that lives as long as the benchmark. One database is
filled up to each number of pending jobs in turn, and kept there. For each spread of slots over processes: jobs a
second, conflicts for each claim, requests for each job, processor time of clients and of an embedded store, and the
ratio of its document writes (two a job) to bare writes of the same documents, checked alike, in as many bulks of the
same sizes by as many processes right after. For each number of pending jobs: how long a claim takes for one that has
read nothing ahead. `--picas` names a Python that has PiCaS: it does the same with as many processes, in turns with
ours. `--idle` measures the time from a job's making to its start on a real worker that waits, so many times. `--few`
leaves spreads out beyond 10,000 pending jobs: only these pairs of processes and slots are measured then.

Results go to standard output, one JSON object a line, with `--markdown` as tables in the end, too; progress and the
seconds that each part took go to standard error.
"""

if not __package__:
    raise SystemExit("run it from the repository's root, as: python -m bench.queue")

import argparse
import json
import os
import random
import statistics
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from bench import filling, idle, spreads, stores, tables
from bench.claims import EVERYTHING, LEASE
from bench.filling import phase
from bench.spreads import Measured
from crashfarm.database import Database
from crashfarm.documents.job import JobResult
from crashfarm.queue import JobQueue
from crashfarm.queue.transitions import Holder
from crashfarm.settings import Settings

MANY = 10_000
CLAIMS = 30
PICAS = Path(__file__).with_name("others") / "picas_run.py"


class Figures(msgspec.Struct):
    """All that was measured."""

    spreads: list[Measured] = []
    claims: list[dict[str, Any]] = []
    idle: list[dict[str, Any]] = []
    picas: list[dict[str, Any]] = []

    def tables(self) -> str:
        """As Markdown."""
        rates = {one["picas_processes"]: one["picas_tasks_per_second"] for one in self.picas}
        parts = [tables.spreads(self.spreads, rates), *map(tables.figures, (self.picas, self.claims, self.idle))]
        return "\n\n".join(part for part in parts if part)


def measure_claims(status: Database, pending: int) -> dict[str, Any]:
    """How long it takes to claim one job for a worker that has read nothing ahead."""
    took = []
    for number in range(CLAIMS):
        queue = JobQueue(status, rng=random.Random(number))
        began = time.perf_counter()
        held = queue.claim(Holder("bench", "host/boot/1/1"), EVERYTHING, 1, LEASE)
        took.append(time.perf_counter() - began)
        queue.finish([(job, JobResult.SUCCESS, "") for job in held])
    return {"pending": pending, "claim_median_ms": _ms(statistics.median(took)), "claim_worst_ms": _ms(max(took))}


def measure_picas(found: Settings, python: str, jobs: int, processes: int) -> dict[str, Any]:
    """PiCaS on the same server."""
    environ = os.environ | {"PICAS_URL": found.url, "PICAS_USER": found.user, "PICAS_PASSWORD": found.password}
    command = [python, str(PICAS), str(jobs), str(processes)]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=True)
    figures: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return figures


def measure_spreads(
    found: Settings, options: argparse.Namespace, status: Database, pending: int
) -> Iterator[dict[str, Any] | Measured]:
    """All spreads for one number of pending jobs; with the first one, PiCaS before each number of processes."""
    for processes in options.processes:
        if options.picas and pending == min(options.pending):
            with phase(f"PiCaS, {processes} processes"):
                yield measure_picas(found, options.picas, options.picas_jobs, processes)
        for slots in options.slots:
            if slots >= processes and (pending <= MANY or not options.few or f"{processes}x{slots}" in options.few):
                with phase(f"{pending:,} pending, {processes} processes, {slots} slots"):
                    filling.fill(status, pending + options.jobs)
                    limits = options.jobs, options.seconds
                    yield spreads.measure(found, status, pending, (processes, slots), limits)


def run(found: Settings, options: argparse.Namespace) -> Figures:
    """Measure all that is wanted, and tell each figure as soon as it is there."""
    figures = Figures()
    if options.idle:
        with phase("a worker that waits"):
            figures.idle.append(tell(idle.measure(found, options.idle)))
    with stores.database(found, views=("queue",)) as status:
        for pending in sorted(options.pending):
            with phase(f"filling to {pending:,}"):
                filling.fill(status, pending + options.jobs)
            with phase(f"claims at {pending:,}"):
                figures.claims.append(tell(measure_claims(status, pending)))
            for one in measure_spreads(found, options, status, pending):
                if isinstance(one, Measured):
                    tell(msgspec.to_builtins(one))
                    figures.spreads.append(one)
                else:
                    figures.picas.append(tell(one))
    return figures


def tell(figures: dict[str, Any]) -> dict[str, Any]:
    """One line of the results."""
    print(json.dumps(figures), flush=True)
    return figures


def _ms(seconds: float) -> float:
    return round(1000.0 * seconds, 1)


def main() -> None:
    """Read the options."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pending", type=int, nargs="+", default=[1000])
    parser.add_argument("--processes", type=int, nargs="+", default=[1, 2, 4, 8])
    parser.add_argument("--slots", type=int, nargs="+", default=[1, 8, 32, 128])
    parser.add_argument("--few", nargs="+", default=[], metavar="PROCESSESxSLOTS")
    parser.add_argument("--jobs", type=int, default=8000, help="How many a spread runs at most.")
    parser.add_argument("--seconds", type=float, default=4.0, help="How long a spread is measured at most.")
    parser.add_argument("--picas", metavar="PYTHON")
    parser.add_argument("--picas-jobs", type=int, default=300)
    parser.add_argument("--idle", type=int, default=0, metavar="TIMES")
    parser.add_argument("--markdown", action="store_true", help="Print finished tables in the end.")
    options = parser.parse_args()
    with stores.store() as found:
        figures = run(found, options)
    if options.markdown:
        print(figures.tables())


if __name__ == "__main__":
    main()
