"""Fixtures that speak plain HTTP to a CouchDB: an admin's client, a stranger's client, fresh databases."""

import contextlib
import uuid
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote, unquote, urlsplit, urlunsplit

import pytest
import requests

TIMEOUT = 60  # seconds; a request that takes longer is a failure of its own


class Couch:
    """Requests to everything below one address, with one set of credentials."""

    def __init__(self, url: str, auth: tuple[str, str] | None = None) -> None:
        self.url = url.rstrip("/")
        self.auth = auth
        self.session = requests.Session()
        self.session.trust_env = False
        self.session.auth = auth

    def at(self, path: str) -> "Couch":
        """The same client one path further down; it shares the connections."""
        child = Couch.__new__(Couch)
        child.url, child.auth, child.session = f"{self.url}/{path}", self.auth, self.session
        return child

    def as_user(self, name: str, password: str) -> "Couch":
        """A client of the same address that authenticates as somebody else."""
        return Couch(self.url, (name, password))

    def request(self, method: str, path: str = "", **options: Any) -> requests.Response:
        """One request; `path` is already quoted."""
        options.setdefault("timeout", TIMEOUT)
        address = f"{self.url}/{path}" if path else self.url
        return self.session.request(method, address, **options)

    def get(self, path: str = "", **options: Any) -> requests.Response:
        return self.request("GET", path, **options)

    def head(self, path: str = "", **options: Any) -> requests.Response:
        return self.request("HEAD", path, **options)

    def put(self, path: str = "", **options: Any) -> requests.Response:
        return self.request("PUT", path, **options)

    def post(self, path: str = "", **options: Any) -> requests.Response:
        return self.request("POST", path, **options)

    def delete(self, path: str = "", **options: Any) -> requests.Response:
        return self.request("DELETE", path, **options)

    def copy(self, path: str, destination: str, **options: Any) -> requests.Response:
        return self.request("COPY", path, headers={"Destination": destination}, **options)

    def read(self, path: str = "", **params: Any) -> Any:
        """The JSON of a GET that must succeed."""
        answer = self.get(path, params=params)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def save(self, doc_id: str, **members: Any) -> str:
        """Writes a document and returns its revision."""
        answer = self.put(quote(doc_id, safe="_/" if doc_id.startswith("_") else ""), json=members)
        assert answer.status_code in (200, 201), answer.text
        return str(answer.json()["rev"])

    def graft(self, doc_id: str, *path: str, **members: Any) -> None:
        """Stores the branch `path` (newest revision first, such as "2-b", "1-a") as a replicator would."""
        start = int(path[0].split("-")[0])
        ids = [revision.split("-", 1)[1] for revision in path]
        doc = {"_id": doc_id, "_rev": path[0], "_revisions": {"start": start, "ids": ids}, **members}
        answer = self.post("_bulk_docs", json={"docs": [doc], "new_edits": False})
        assert (answer.status_code, answer.json()) == (201, [])

    def bulk(self, docs: list[dict[str, Any]], **options: Any) -> list[dict[str, Any]]:
        """One `_bulk_docs`; the rows of its answer."""
        answer = self.post("_bulk_docs", json={"docs": docs, **options})
        assert answer.status_code == 201, answer.text
        rows: list[dict[str, Any]] = answer.json()
        return rows

    def design(self, name: str, **members: Any) -> str:
        """Writes a design document and returns its revision."""
        return self.save(f"_design/{name}", **members)

    def json(self, method: str, path: str = "", text: str | bytes = "", **options: Any) -> requests.Response:
        """Sends `text` as it is, declared as JSON."""
        return self.request(method, path, data=text, headers={"Content-Type": "application/json"}, **options)


@pytest.fixture(scope="session")
def server(couch_url: str) -> Iterator[Couch]:
    """An admin's client of the server under test."""
    parts = urlsplit(couch_url)
    bare = urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))
    couch = Couch(bare, (unquote(parts.username or ""), unquote(parts.password or "")))
    yield couch
    couch.session.close()


@pytest.fixture
def stranger(server: Couch) -> Iterator[Couch]:
    """A client of the same server without credentials."""
    couch = Couch(server.url)
    yield couch
    couch.session.close()


@pytest.fixture
def new_db(server: Couch) -> Iterator[Callable[[], Couch]]:
    """Makes databases that are deleted when the test is over; one shard each, so that rows come in one order."""
    made: list[Couch] = []

    def make() -> Couch:
        database = server.at(f"t{uuid.uuid4().hex}")
        assert database.put(params={"q": 1}).status_code == 201
        made.append(database)
        return database

    yield make
    for database in made:
        with contextlib.suppress(requests.RequestException):
            database.delete()


@pytest.fixture
def db(new_db: Callable[[], Couch]) -> Couch:
    """A fresh, empty database, seen as admin."""
    return new_db()
