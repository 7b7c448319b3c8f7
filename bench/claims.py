"""Claims and finished jobs per second, against the same number of bare document writes in the same run.

    python -m bench.claims [--jobs N] [--batch N] [--rounds N]

On the CouchDB that COUCHDB_URL names, else on an embedded store that lives as long as the benchmark. Jobs are of no
work at all. A job is written twice, claimed and finished, so each round is set against two updates of as many
documents of the same size, in bulk writes of the same batch size, with no views to be kept; the two take turns.
"""

import argparse
import json
import statistics
import time

import msgspec

from bench import stores
from crashfarm.database import Database
from crashfarm.documents.job import Input, Job, JobResult, new_job_id
from crashfarm.queue import JobQueue
from crashfarm.queue.abilities import Abilities
from crashfarm.queue.transitions import Holder
from crashfarm.times import to_text, utc_now

HOLDER = Holder("bench", "host/boot/1/1")
EVERYTHING = Abilities("Linux", "Debian 12", "x86_64", frozenset(), lambda product, branch, buildtype: True)
LEASE = 600.0


class Round(msgspec.Struct, frozen=True):
    """Seconds that one round took: the queue's work, and as many bare writes."""

    queue: float
    bare: float


def make_jobs(count: int) -> list[Job]:
    """Jobs of no work."""
    now = utc_now()
    return [
        Job(
            id=new_job_id(now),
            product="bench",
            branch="none",
            buildtype="release",
            input=Input(name="nothing", text=""),
            created_at=to_text(now),
        )
        for _ in range(count)
    ]


def run_queue(status: Database, count: int, batch: int) -> float:
    """Queue jobs, then claim and finish them all; the seconds of the second part."""
    queue = JobQueue(status)
    queue.add(make_jobs(count))
    queue.waiting()
    began = time.perf_counter()
    done = 0
    while held := queue.claim(HOLDER, EVERYTHING, batch, LEASE):
        done += len(queue.finish([(job, JobResult.SUCCESS, "") for job in held]).done)
    assert done == count, f"{done} of {count} jobs were finished"
    return time.perf_counter() - began


def run_bare(database: Database, count: int, batch: int) -> float:
    """Write documents, then update each twice; the seconds of the updates."""
    docs = [job.to_doc() for job in make_jobs(count)]
    parts = [docs[at : at + batch] for at in range(0, count, batch)]
    for part in parts:
        _write(database, part)
    began = time.perf_counter()
    for part in parts:
        for _ in range(2):
            _write(database, part)
    return time.perf_counter() - began


def _write(database: Database, docs: list[dict[str, object]]) -> None:
    for doc, outcome in zip(docs, database.bulk(docs), strict=True):
        assert outcome.ok, outcome
        doc["_rev"] = outcome.rev


def main() -> None:
    """Measure and print one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--jobs", type=int, default=2000)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    rounds = []
    with stores.store() as found:
        for _ in range(options.rounds):
            with stores.database(found, views=("queue",)) as status, stores.database(found, views=()) as bare:
                took = Round(
                    run_queue(status, options.jobs, options.batch), run_bare(bare, options.jobs, options.batch)
                )
                rounds.append(took)
    queue = statistics.median(options.jobs / took.queue for took in rounds)
    bare = statistics.median(2 * options.jobs / took.bare for took in rounds)
    figures = {
        "jobs": options.jobs,
        "batch": options.batch,
        "rounds": options.rounds,
        "claimed_and_finished_per_second": round(queue, 1),
        "bare_writes_per_second": round(bare, 1),
        "writes_of_the_queue_to_bare_writes": round(2 * queue / bare, 3),
    }
    print(json.dumps(figures, indent=1))


if __name__ == "__main__":
    main()
