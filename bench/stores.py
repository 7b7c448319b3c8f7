"""The CouchDB that a benchmark measures: the one that COUCHDB_URL names, else an embedded store of its own."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import psutil

from crashfarm import settings
from crashfarm.database import Connection, Database
from crashfarm.settings import Settings
from server.deploy import sources


@contextmanager
def store(keep: Path | None = None) -> Iterator[Settings]:
    """Its address, with an administrator's credentials. An embedded one has its data in `keep`, if that is given."""
    if os.environ.get("COUCHDB_URL"):
        yield settings.load()
        return
    with tempfile.TemporaryDirectory() as folder:
        data = keep or Path(folder) / "data"
        command = [sys.executable, "-m", "server.store", "--data", str(data), "--port", "0"]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        try:
            assert process.stdout and process.stdout.readline().startswith("ready")
            yield settings.load(data, {})
        finally:
            process.terminate()
            process.wait()


def processor() -> float:
    """Seconds that an embedded store of this process has computed so far, with its own children; else 0."""
    ours = [each for each in psutil.Process().children() if "server.store" in each.cmdline()]
    times = [each.cpu_times() for store in ours for each in (store, *store.children(recursive=True))]
    return float(sum(each.user + each.system for each in times))


CHECKS = "documents"
"""The design document that checks every write."""


@contextmanager
def database(found: Settings, *, views: Collection[str]) -> Iterator[Database]:
    """A new database that checks documents as a farm's does, with these of a farm's designs; dropped in the end."""
    connection = Connection(found.url, found.user, found.password)
    name = f"bench-{uuid4().hex}"
    connection.create(name)
    made = connection.database(name)
    for design in sources.load():
        if design.name == CHECKS or design.name in views:
            made.put(design.doc())
    try:
        yield made
    finally:
        connection.drop(name)
        connection.close()


@contextmanager
def unchecked(made: Database) -> Iterator[None]:
    """Write without checks meanwhile: filling a database with what is known to be good takes half as long."""
    doc = made.get(f"_design/{CHECKS}") or {}
    made.delete(doc["_id"], doc["_rev"])
    try:
        yield
    finally:
        made.put({name: value for name, value in doc.items() if name != "_rev"})
