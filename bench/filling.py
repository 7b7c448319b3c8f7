"""Databases full of pending jobs, quickly."""

import secrets
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

from bench import stores
from bench.claims import make_jobs
from crashfarm.database import Database
from crashfarm.errors import DatabaseUnavailable
from crashfarm.queue import JobQueue

CHUNK = 5000
"""Documents of one bulk write."""

Json = dict[str, Any]


def fill(database: Database, wanted: int) -> None:
    """Queue jobs until so many are pending; the view is built meanwhile."""
    left = wanted - sum(waiting.count for waiting in JobQueue(database).waiting())
    if left <= 0:
        return
    with stores.unchecked(database), ThreadPoolExecutor(1) as pool:
        for at in range(0, left, CHUNK):
            database.bulk(make_docs(min(CHUNK, left - at)))
            if at % (20 * CHUNK) == 0:
                pool.submit(database.view, "queue", "pending", limit=1, update="lazy")
    _wait_for_the_view(database)


def fill_with(database: Database, count: int) -> list[Json]:
    """Write so many pending jobs, and give them as they are stored."""
    docs = make_docs(count)
    with stores.unchecked(database):
        for at in range(0, count, CHUNK):
            for doc, outcome in zip(docs[at : at + CHUNK], database.bulk(docs[at : at + CHUNK]), strict=True):
                doc["_rev"] = outcome.rev
    return docs


def make_docs(count: int) -> list[Json]:
    """Jobs that differ in their ids alone, made quickly."""
    [job] = make_jobs(1)
    stamp = job.id.partition("-")[0]
    doc = job.to_doc()
    return [doc | {"_id": f"{stamp}-{secrets.token_hex(5)}"} for _ in range(count)]


def _wait_for_the_view(database: Database) -> None:
    while True:
        try:
            database.view("queue", "pending", group_level=2)
        except DatabaseUnavailable:
            continue  # it takes longer than one request may
        return


@contextmanager
def phase(words: str) -> Iterator[None]:
    """Tell on standard error what is done, and how long it took."""
    began = time.perf_counter()
    yield
    took = time.perf_counter() - began
    print(f"{time.strftime('%H:%M:%S')} {took:6.1f} s {words}", file=sys.stderr, flush=True)
