"""The CouchDB that a benchmark measures: the one that COUCHDB_URL names, else an embedded store of its own."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

from crashfarm import settings
from crashfarm.database import Connection, Database
from crashfarm.settings import Settings

VIEWS = Path(__file__).parent.parent / "views"


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


@contextmanager
def database(found: Settings, design: str | None = None) -> Iterator[Database]:
    """A new database, with one of our design documents, that is dropped in the end."""
    connection = Connection(found.url, found.user, found.password)
    name = f"bench-{uuid4().hex}"
    connection.create(name)
    made = connection.database(name)
    if design:
        made.put(design_document(design))
    try:
        yield made
    finally:
        connection.drop(name)
        connection.close()


def design_document(name: str) -> dict[str, object]:
    """A design document from the folder of its views."""
    views = {}
    for view in sorted((VIEWS / name).iterdir()):
        views[view.name] = {"map": (view / "map.js").read_text()}
        if (view / "reduce").exists():
            views[view.name]["reduce"] = (view / "reduce").read_text().strip()
    return {"_id": f"_design/{name}", "language": "javascript", "views": views}
