"""What the store does per second, against the bare machine and, in turns, against another CouchDB.

    python -m bench.store [--docs N] [--requests N] [--only TEXT]

Each line is measured in the same run on: the embedded store; the bare machine (the same HTTP server answering a
constant, or SQLite alone doing the same durable inserts); and the CouchDB that COUCHDB_URL names, if it is set.
Ratios are ours divided by theirs.
"""

import argparse
import base64
import contextlib
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit
from uuid import uuid4

import apsw
import psutil
import requests

from bench import load

CLIENTS = (1, 8, 32)
BULK = 1000
DESIGN = {
    "maps": {"n": {"map": "function(doc) { emit(doc.n, null); }"}},
    "counts": {"g": {"map": "function(doc) { emit([doc.n % 10, doc.n % 1000, doc.n], null); }", "reduce": "_count"}},
}


@dataclass(frozen=True)
class Store:
    """A CouchDB under measurement."""

    name: str
    url: str
    pid: int | None = None
    folder: Path | None = None

    @property
    def credentials(self) -> str:
        """For Basic authentication."""
        parts = urlsplit(self.url)
        return base64.b64encode(f"{parts.username}:{parts.password}".encode()).decode()

    def memory(self) -> float:
        """Resident megabytes of its processes."""
        if self.pid is None:
            return 0.0
        process = psutil.Process(self.pid)
        return sum(each.memory_info().rss for each in (process, *process.children(recursive=True))) / 1e6

    def request(self, method: str, path: str, body: bytes = b"") -> bytes:
        """A request's bytes."""
        return load.request(method, path, self.credentials, body)


class Database:
    """A fresh database, filled when first asked for."""

    def __init__(self, store: Store, docs: int) -> None:
        self.store = store
        self.docs = docs
        self.path = f"/bench-{uuid4().hex[:8]}"
        self.session = requests.Session()
        self.ask("PUT", "?q=1")

    def ask(self, method: str, path: str, **options: object) -> requests.Response:
        """One request that has to succeed."""
        answer = self.session.request(method, self.store.url + self.path + path, timeout=3600, **options)  # type: ignore[arg-type]
        assert answer.ok, answer.text
        return answer

    def rate(self, wanted: list[bytes], clients: int) -> float:
        """Requests per second."""
        return load.rate(self.store.url, wanted, clients)

    def fill(self) -> float:
        """Write all documents in bulk; documents per second."""
        bodies = [_bulk(first) for first in range(0, self.docs, BULK)]
        wanted = [self.store.request("POST", f"{self.path}/_bulk_docs", body) for body in bodies]
        return self.rate(wanted, 1) * BULK

    def build(self, name: str) -> float:
        """Build the index of a design document; documents per second."""
        self.ask("PUT", f"/_design/{name}", json={"views": DESIGN[name]})
        view = next(iter(DESIGN[name]))
        begun = time.perf_counter()
        while self.session.get(f"{self.store.url}{self.path}/_design/{name}/_view/{view}?limit=1").status_code != 200:
            continue
        return self.docs / (time.perf_counter() - begun)

    def writes(self, clients: int, count: int) -> float:
        """New documents one by one, per second."""
        path = f"{self.path}/{clients}-"
        return self.rate([self.store.request("PUT", f"{path}{n}", _document(n)) for n in range(count)], clients)

    def reads(self, clients: int, count: int) -> float:
        """Documents read one by one, per second."""
        ids = (n * 7919 % self.docs for n in range(count))
        return self.rate([self.store.request("GET", f"{self.path}/d{n:08}") for n in ids], clients)

    def lookups(self, clients: int, count: int, limit: int = 0) -> float:
        """View rows found by key (or ranges of `limit` rows), per second."""
        view = f"{self.path}/_design/maps/_view/n?"
        option = f"limit={limit}&startkey" if limit else "key"
        wanted = (f"{view}{option}={n * 7919 % self.docs}" for n in range(count))
        return self.rate([self.store.request("GET", path) for path in wanted], clients)

    def groups(self, count: int) -> float:
        """Answers with group_level=1 over all documents, per second."""
        path = f"{self.path}/_design/counts/_view/g?group_level=1"
        return self.rate([self.store.request("GET", path)] * count, 1)

    def rows(self, path: str) -> float:
        """Rows per second of one long listing."""
        begun = time.perf_counter()
        text = self.ask("GET", path).content
        return text.count(b'"id":') / (time.perf_counter() - begun)

    def size(self) -> float:
        """Megabytes on disk, as the store says."""
        return float(self.ask("GET", "").json()["sizes"]["file"]) / 1e6

    def drop(self) -> None:
        """Delete it."""
        self.ask("DELETE", "")
        self.session.close()


Measure = Callable[[Database], float]


def lines(count: int) -> list[tuple[str, Measure]]:
    """What is measured, in order: a database is filled and indexed on the way."""
    found: list[tuple[str, Measure]] = [("bulk documents/s", Database.fill)]
    for clients in CLIENTS:
        found.append((f"writes/s, {clients} clients", lambda db, c=clients: db.writes(c, count)))
    for clients in CLIENTS:
        found.append((f"reads/s, {clients} clients", lambda db, c=clients: db.reads(c, count)))
    found.append(("map view, documents/s", lambda db: db.build("maps")))
    found.append(("map and _count, documents/s", lambda db: db.build("counts")))
    for clients in CLIENTS:
        found.append((f"key lookups/s, {clients} clients", lambda db, c=clients: db.lookups(c, count)))
    for clients in CLIENTS:
        found.append((f"ranges of 10/s, {clients} clients", lambda db, c=clients: db.lookups(c, count, 10)))
    found += [
        ("group_level=1/s", lambda db: db.groups(max(20, count // 50))),
        ("_all_docs rows/s", lambda db: db.rows("/_all_docs")),
        ("_all_docs with documents, rows/s", lambda db: db.rows("/_all_docs?include_docs=true")),
        ("_changes rows/s", lambda db: db.rows("/_changes")),
        ("resident memory, MB", lambda db: db.store.memory()),
        ("database on disk, MB", Database.size),
    ]
    return found


def constant_rates(count: int) -> dict[int, float]:
    """What the bare HTTP server does, by number of clients."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = subprocess.Popen([sys.executable, "-m", "bench.constant", str(port)])
    try:
        _await_port(port)
        wanted = [load.request("PUT", "/x", "eDp4", _document(n)) for n in range(count)]
        return {clients: load.rate(f"http://127.0.0.1:{port}", wanted, clients) for clients in CLIENTS}
    finally:
        process.terminate()
        process.wait()


def sqlite_rates(folder: Path, count: int) -> tuple[float, float]:
    """Durable inserts per second of SQLite alone: one by one, and 1,000 at a time."""
    connection = apsw.Connection(str(folder / "bare.sqlite"))
    for statement in ("PRAGMA journal_mode = WAL", "PRAGMA synchronous = FULL", "CREATE TABLE t (id PRIMARY KEY, b)"):
        connection.execute(statement).fetchall()
    begun = time.perf_counter()
    for n in range(count):
        connection.execute("INSERT INTO t VALUES (?, ?)", (f"s{n}", _document(n)))
    single = count / (time.perf_counter() - begun)
    begun = time.perf_counter()
    for first in range(0, 20 * BULK, BULK):
        with connection:
            rows = ((f"b{n}", _document(n)) for n in range(first, first + BULK))
            connection.executemany("INSERT INTO t VALUES (?, ?)", rows)
    connection.close()
    return single, 20 * BULK / (time.perf_counter() - begun)


@contextlib.contextmanager
def embedded(folder: Path) -> Iterator[Store]:
    """An embedded store of its own."""
    command = [sys.executable, "-m", "server.store", "--data", str(folder / "data")]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        url = process.stdout.readline().split()[1]
        password = (folder / "data" / "admin-password").read_text().strip()
        yield Store("ours", url.replace("//", f"//admin:{password}@"), process.pid, folder)
    finally:
        process.terminate()
        process.wait()


def other() -> Store | None:
    """The CouchDB of COUCHDB_URL; its processes are found when it runs on this machine."""
    url = os.environ.get("COUCHDB_URL")
    if not url:
        return None
    port = urlsplit(url).port
    listening = [
        each.pid for each in psutil.net_connections("tcp") if each.status == "LISTEN" and each.laddr[1] == port
    ]
    return Store("CouchDB", url.rstrip("/"), listening[0] if listening else None)


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--docs", type=int, default=100_000, help="documents in the filled database")
    parser.add_argument("--requests", type=int, default=3000, help="single requests per line")
    parser.add_argument("--only", default="", help="only lines that contain this text (filling is always done)")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, embedded(Path(folder)) as ours:
        rival = other()
        bare = _bare(Path(folder), given.requests)
        stores = [Database(each, given.docs) for each in (ours, rival) if each is not None]
        print(f"{'':38}{'ours':>12}{'bare':>12}{'ratio':>8}{'CouchDB':>12}{'ratio':>8}")
        for name, measure in lines(given.requests):
            if name.startswith("bulk") or given.only in name:
                _show(name, [measure(db) for db in stores], bare.get(name))
        for db in stores:
            db.drop()


def _bare(folder: Path, count: int) -> dict[str, float]:
    constant = constant_rates(count)
    single, bulk = sqlite_rates(folder, count)
    found = {f"{kind}/s, {n} clients": value for n, value in constant.items() for kind in ("reads", "key lookups")}
    return found | {"writes/s, 1 clients": min(single, constant[1]), "bulk documents/s": bulk}


def _show(name: str, values: list[float], bare: float | None) -> None:
    text = f"{name:38}{values[0]:12,.1f}"
    text += f"{bare:12,.1f}{values[0] / bare:8.2f}" if bare else " " * 20
    if len(values) > 1:
        text += f"{values[1]:12,.1f}{values[0] / values[1] if values[1] else 0:8.2f}"
    print(text, flush=True)


def _document(n: int) -> bytes:
    """About 500 bytes of JSON."""
    return json.dumps({"n": n, "type": "result", "text": f"{n:08}" * 50, "list": [1, 2, n]}).encode()


def _bulk(first: int) -> bytes:
    docs = b",".join(b'{"_id":"d%08d",%s' % (n, _document(n)[1:]) for n in range(first, first + BULK))
    return b'{"docs":[' + docs + b"]}"


def _await_port(port: int) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
    raise TimeoutError("the bare server does not answer")


if __name__ == "__main__":
    main()
