"""Replication between the embedded store and another CouchDB: both directions, run by either of them."""

import base64
import os
import time
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest

from tests.couch.conftest import Client, start_store, stop_store

pytestmark = pytest.mark.skipif(not os.environ.get("COUCHDB_URL"), reason="COUCHDB_URL names no other CouchDB")

SECONDS = 60
#: Who is the source, and who runs the replication.
WAYS = [(source, runner) for source in ("ours", "theirs") for runner in ("ours", "theirs")]


class Side:
    """One of the two, with its full address for the other to use."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.ask = Client(url)

    def address(self, db: str) -> dict[str, Any]:
        """A database, as a replication names it."""
        name, password = self.ask.session.auth  # type: ignore[misc]
        auth = {"basic": {"username": name, "password": password}}
        return {"url": f"{self.ask.url}/{db}", "auth": auth}

    def read(self, path: str) -> Any:
        """The JSON of what has to be there."""
        answer = self.ask("GET", path, headers={"Accept": "application/json"})
        assert answer.status_code == 200, answer.text
        return answer.json()


@pytest.fixture(scope="module")
def sides(couch_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Side]]:
    """A store of ours beside the CouchDB under test."""
    process, url = start_store(tmp_path_factory.mktemp("ours") / "data")
    found = {"ours": Side(url), "theirs": Side(couch_url)}
    yield found
    for side in found.values():
        side.ask.session.close()
        side.ask.stranger.close()
    assert stop_store(process) == 0


@pytest.fixture
def name(sides: dict[str, Side]) -> Iterator[str]:
    """The name of a database that is on neither side before and after."""
    name = f"between-{uuid4().hex}"
    yield name
    for side in sides.values():
        side.ask("DELETE", f"/{name}")


def fill(side: Side, db: str) -> None:
    """Documents of every kind that travels: conflicts, deletions, attachments, histories, large numbers, odd ids."""
    assert side.ask("PUT", f"/{db}").status_code == 201
    docs: list[dict[str, Any]] = [{"_id": f"d{n:03}", "n": n, "text": "ä€😀"} for n in range(120)]
    text = base64.b64encode(b"hello " * 9000).decode()
    attachments = {"a.txt": {"content_type": "text/plain", "data": text}}
    docs.append({"_id": "attached", "_attachments": attachments})
    docs.append({"_id": "_design/f", "filters": {"odd": "function (doc, req) { return doc.n % 2 == 1; }"}})
    rows = side.ask("POST", f"/{db}/_bulk_docs", json={"docs": docs}).json()
    revs = {row["id"]: row["rev"] for row in rows}
    big = bytes(range(256)) * 8000
    path = f"/{db}/attached/b%20%C3%BC?rev={revs['attached']}"
    assert side.ask("PUT", path, data=big, headers={"Content-Type": "image/png"}).status_code == 201
    assert side.ask("DELETE", f"/{db}/d007?rev={revs['d007']}").status_code == 200
    for n in range(5):
        revs["d003"] = side.ask("PUT", f"/{db}/d003", json={"_rev": revs["d003"], "n": 3, "again": n}).json()["rev"]
    number = '{"big":12345678901234567890123,"one":1.0}'
    headers = {"Content-Type": "application/json"}
    assert side.ask("PUT", f"/{db}/a%2Fb%20c", data=number, headers=headers).status_code == 201
    for letter in "abc":
        history = {"start": 2, "ids": [letter * 32, "0" * 32]}
        conflict = {"_id": "conflict", "_rev": f"2-{letter * 32}", "_revisions": history, "v": letter}
        side.ask("POST", f"/{db}/_bulk_docs", json={"new_edits": False, "docs": [conflict]})


def leaves(side: Side, db: str) -> dict[str, tuple[list[str], bool]]:
    """Every document's leaves, and whether it is deleted."""
    rows = side.read(f"/{db}/_changes?style=all_docs")["results"]
    return {row["id"]: (sorted(each["rev"] for each in row["changes"]), "deleted" in row) for row in rows}


def whole(side: Side, db: str, doc_id: str) -> dict[str, Any]:
    """A document with all there is to it. Digests of packed text differ, for the packing does."""
    doc: dict[str, Any] = side.read(f"/{db}/{doc_id}?attachments=true&conflicts=true&revs=true")
    for attachment in doc.get("_attachments", {}).values():
        del attachment["digest"]
    return doc


def assert_same(one: Side, other: Side, db: str) -> None:
    """Both hold the same revisions with the same contents."""
    assert leaves(one, db) == leaves(other, db)
    for doc_id in ("attached", "conflict", "d003", "a%2Fb%20c", "d001"):
        assert whole(one, db, doc_id) == whole(other, db, doc_id)


@pytest.mark.parametrize(("source", "runner"), WAYS)
def test_one_shot_brings_everything_and_then_nothing(
    sides: dict[str, Side], name: str, source: str, runner: str
) -> None:
    """The target is made; the second time there are no changes."""
    start, end = sides[source], sides["theirs" if source == "ours" else "ours"]
    fill(start, name)
    task = {"source": start.address(name), "target": end.address(name), "create_target": True}
    first = sides[runner].ask("POST", "/_replicate", json=task)
    assert (first.status_code, first.json().get("ok")) == (200, True), first.text
    assert first.json()["history"][0]["doc_write_failures"] == 0
    assert_same(start, end, name)
    again = sides[runner].ask("POST", "/_replicate", json=task)
    assert again.json().get("no_changes") is True


@pytest.mark.parametrize(("source", "runner"), WAYS)
@pytest.mark.parametrize(
    ("choice", "count"),
    [
        ({"filter": "f/odd"}, 59),
        ({"selector": {"n": {"$lt": 5}}}, 5),
        ({"doc_ids": ["d001", "conflict", "nosuch"]}, 2),
    ],
)
def test_chosen_documents_travel_alone(
    sides: dict[str, Side], name: str, source: str, runner: str, choice: dict[str, Any], count: int
) -> None:
    """By a function, by a selector, by their ids."""
    start, end = sides[source], sides["theirs" if source == "ours" else "ours"]
    fill(start, name)
    task = {"source": start.address(name), "target": end.address(name), "create_target": True, **choice}
    assert sides[runner].ask("POST", "/_replicate", json=task).status_code == 200
    assert end.read(f"/{name}")["doc_count"] == count


@pytest.mark.parametrize(("source", "runner"), WAYS)
def test_continuous_document_keeps_the_target_up_to_date(
    sides: dict[str, Side], name: str, source: str, runner: str
) -> None:
    """What is written later arrives too; a conflict that is settled on one side is settled on the other."""
    start, end, running = sides[source], sides["theirs" if source == "ours" else "ours"], sides[runner]
    fill(start, name)
    running.ask("PUT", "/_replicator")
    task = {"source": start.address(name), "target": end.address(name), "create_target": True, "continuous": True}
    made = running.ask("PUT", f"/_replicator/{name}", json=task)
    assert made.status_code == 201, made.text
    try:
        await_same(start, end, name)
        loser = start.read(f"/{name}/conflict?conflicts=true")["_conflicts"][0]
        assert start.ask("DELETE", f"/{name}/conflict?rev={loser}").status_code == 200
        assert start.ask("PUT", f"/{name}/later", json={"n": 1}).status_code == 201
        await_same(start, end, name)
        state = running.read(f"/_scheduler/docs/_replicator/{name}")
        assert (state["state"], state["error_count"]) == ("running", 0)
    finally:
        rev = running.read(f"/_replicator/{name}")["_rev"]
        assert running.ask("DELETE", f"/_replicator/{name}?rev={rev}").status_code == 200


def await_same(start: Side, end: Side, db: str) -> None:
    """Wait until the target has what the source has."""
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        if end.ask("GET", f"/{db}").status_code == 200 and leaves(start, db) == leaves(end, db):
            break
    assert_same(start, end, db)
