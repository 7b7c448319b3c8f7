"""A CouchDB for the tests: COUCHDB_URL, or an embedded store on a free port with a folder of its own."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote, urlsplit, urlunsplit
from uuid import uuid4

import couchdb
import pytest
import requests

STOP_SECONDS = 20


def start_store(folder: Path) -> tuple[subprocess.Popen[str], str]:
    """Start an embedded store in a process of its own: the process, and its address with credentials."""
    command = [sys.executable, "-m", "server.store", "--data", str(folder), "--port", "0"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    word, _, url = process.stdout.readline().strip().partition(" ")
    assert word == "ready", f"the store did not start: {word} {url}"
    password = (folder / "admin-password").read_text().strip()
    return process, url.replace("http://", f"http://admin:{quote(password)}@")


def stop_store(process: subprocess.Popen[str]) -> int:
    """Stop a store as an operator would; its exit status."""
    process.terminate()
    try:
        return process.wait(STOP_SECONDS)
    finally:
        process.kill()
        if process.stdout is not None:
            process.stdout.close()
        process.wait()


class Client:
    """Requests to one CouchDB as its administrator; paths are relative to its address."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self.url = urlunsplit((parts.scheme, f"{parts.hostname}:{parts.port}", "", "", ""))
        self.session = requests.Session()
        self.session.auth = (parts.username or "", parts.password or "")
        self.stranger = requests.Session()

    def __call__(self, method: str, path: str, **options: object) -> requests.Response:
        """A request as administrator, with a timeout."""
        return self.session.request(method, self.url + path, timeout=60, **options)  # type: ignore[arg-type]

    def unnamed(self, method: str, path: str, **options: object) -> requests.Response:
        """A request without credentials, unless `auth` is given."""
        return self.stranger.request(method, self.url + path, timeout=60, **options)  # type: ignore[arg-type]


@pytest.fixture(scope="session")
def couch_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of the CouchDB under test, with an administrator's credentials."""
    given = os.environ.get("COUCHDB_URL")
    if given:
        yield given.rstrip("/")
        return
    process, url = start_store(tmp_path_factory.mktemp("couch") / "data")
    yield url
    assert stop_store(process) == 0


@pytest.fixture(scope="session")
def http(couch_url: str) -> Iterator[Client]:
    """Plain requests to the CouchDB under test."""
    client = Client(couch_url)
    yield client
    client.session.close()
    client.stranger.close()


@pytest.fixture
def database_name(http: Client) -> Iterator[str]:
    """The name of a fresh, empty database."""
    name = f"test-{uuid4().hex}"
    assert http("PUT", f"/{name}").status_code == 201
    yield name
    assert http("DELETE", f"/{name}").status_code in (200, 404)


@pytest.fixture
def database(couch_url: str, database_name: str) -> Iterator[couchdb.Database]:
    """A fresh database as couchdb-python sees it."""
    server = couchdb.Server(couch_url)
    yield server[database_name]
    for connections in server.resource.session.connection_pool.conns.values():
        for connection in connections:
            connection.close()


@pytest.fixture(autouse=True)
def _embedded_only(request: pytest.FixtureRequest) -> None:
    if request.node.get_closest_marker("embedded_only") and os.environ.get("COUCHDB_URL"):
        pytest.skip("only the embedded store has this")
