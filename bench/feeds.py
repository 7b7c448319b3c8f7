"""Workers that wait for news of their own while others write: what a write costs the store that none of them wants.

    python -m bench.feeds [--feeds N ...] [--seconds S] [--only TEXT]

On the CouchDB that COUCHDB_URL names, else on an embedded store of its own, whose processor time is told. So many
clients wait with a longpoll feed, in each of these ways: all with one selector, with a selector each, for a document
each, with one function of a design document. For some seconds heartbeats of workers are written one after the other,
and `cpu_ms_per_write` is what the store computed for each. In the end something is written that all want, and
`woken_seconds` go by until the last of them has heard of it. One JSON object a line.
"""

import argparse
import base64
import json
import resource
import select
import socket
import time
from collections.abc import Callable
from urllib.parse import urlsplit
from uuid import uuid4

import requests

from bench import load, stores
from crashfarm.settings import Settings

Way = Callable[[int], tuple[str, dict[str, object]]]

#: Options and body of the feed of the client with that number. All want the document `news`.
WAYS: dict[str, Way] = {
    "one selector": lambda n: ("_selector", {"selector": {"type": "job", "state": "pending"}}),
    "own selector": lambda n: (
        "_selector",
        {"selector": {"type": "job", "state": "pending", "$or": [{"for": f"w{n}"}, {"for": "all"}]}},
    ),
    "own document": lambda n: ("_doc_ids", {"doc_ids": ["news", f"job:{n}"]}),
    "one function": lambda n: ("feeds/jobs", {}),
}
NEWS = {"_id": "news", "type": "job", "state": "pending", "for": "all"}
DESIGN = {"_id": "_design/feeds", "filters": {"jobs": "function (doc) { return doc.type === 'job'; }"}}
HEARTBEAT = {"_id": "worker:w", "type": "worker", "state": "running", "dynamic_metadata": {"n": list(range(50))}}
PATIENCE = 60.0


def measure(found: Settings, name: str, way: Way, feeds: int, seconds: float) -> dict[str, object]:
    """One line, on a database of its own."""
    database = f"{found.url}/bench-{uuid4().hex}"
    with requests.Session() as session:
        session.auth = (found.user, found.password)
        session.put(database).raise_for_status()
        try:
            session.post(f"{database}/_bulk_docs", json={"docs": [DESIGN, HEARTBEAT]}).raise_for_status()
            return {"way": name, "feeds": feeds, **_with_feeds(found, session, database, way, feeds, seconds)}
        finally:
            session.delete(database)


def _with_feeds(
    found: Settings, session: requests.Session, database: str, way: Way, feeds: int, seconds: float
) -> dict[str, object]:
    waiting = [_begin(found, database, *way(n)) for n in range(feeds)]
    try:
        _write(session, database, 1.0)
        before = stores.processor()
        writes = _write(session, database, seconds)
        used = stores.processor() - before
        began = time.perf_counter()
        session.post(database, json=NEWS).raise_for_status()
        _wait(waiting)
        woken = time.perf_counter() - began
        waking = stores.processor() - before - used
    finally:
        for each in waiting:
            each.close()
    return {
        "writes": writes,
        "cpu_ms_per_write": round(1000 * used / writes, 2),
        "woken_seconds": round(woken, 2),
        "cpu_ms_per_waking": round(1000 * waking / max(feeds, 1), 2),
    }


def _begin(found: Settings, database: str, name: str, body: dict[str, object]) -> socket.socket:
    """A client that has asked for what comes."""
    parts = urlsplit(database)
    path = f"{parts.path}/_changes?feed=longpoll&since=now&timeout=600000&filter={name}"
    credentials = base64.b64encode(f"{found.user}:{found.password}".encode()).decode()
    client = socket.create_connection((parts.hostname or "", parts.port or 80))
    client.sendall(load.request("POST", path, credentials, json.dumps(body).encode()))
    return client


def _write(session: requests.Session, database: str, seconds: float) -> int:
    """Write heartbeats for so long; how many."""
    doc = session.get(f"{database}/{HEARTBEAT['_id']}").json()
    writes, until = 0, time.monotonic() + seconds
    while time.monotonic() < until:
        doc["_rev"] = session.put(f"{database}/{doc['_id']}", json=doc).json()["rev"]
        writes += 1
    return writes


def _wait(waiting: list[socket.socket]) -> None:
    """Until all have heard of the news, whatever signs of life came before."""
    left, until = set(waiting), time.monotonic() + PATIENCE
    while left:
        assert time.monotonic() < until, f"{len(left)} have heard nothing"
        poller = select.epoll()
        named = {each.fileno(): each for each in left}
        for number in named:
            poller.register(number, select.EPOLLIN)
        for number, _ in poller.poll(1.0):
            if b'"news"' in named[number].recv(1 << 20):
                left.discard(named[number])
        poller.close()


def main() -> None:
    """Read the options, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--feeds", type=int, nargs="+", default=[1, 100, 1000])
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--only", default="", help="ways whose name has this in it")
    options = parser.parse_args()
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 65_536), hard))
    with stores.store() as found:
        for name, way in WAYS.items():
            for feeds in options.feeds if options.only in name else ():
                print(json.dumps(measure(found, name, way, feeds, options.seconds)), flush=True)


if __name__ == "__main__":
    main()
