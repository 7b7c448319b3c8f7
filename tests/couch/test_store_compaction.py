"""Compaction forgets what nobody can ask for any more, and nothing else."""

import time
from pathlib import Path

import pytest
import requests

from server.store.database import core
from server.store.service import start
from tests.couch.conftest import Client

pytestmark = pytest.mark.embedded_only


def compact(http: Client, name: str) -> None:
    """Compact and wait for the end."""
    assert http("POST", f"/{name}/_compact", json={}).status_code == 202
    deadline = time.monotonic() + 60
    while http("GET", f"/{name}").json()["compact_running"]:
        assert time.monotonic() < deadline


def graft(http: Client, name: str, rev: str, *ancestors: str) -> None:
    """Write a revision as a replicator does."""
    start_at, ids = int(rev[0]), [each[2:] for each in (rev, *ancestors)]
    doc = {"_id": "a", "_rev": rev, "_revisions": {"start": start_at, "ids": ids}, "rev": rev}
    http("POST", f"/{name}/_bulk_docs", json={"docs": [doc], "new_edits": False})


def test_bodies_of_ancestors_go_and_leaves_stay(http: Client, database_name: str) -> None:
    """Conflicts can still be read, what they grew from cannot."""
    for line in (("1-a",), ("2-b", "1-a"), ("2-c", "1-a")):
        graft(http, database_name, *line)
    compact(http, database_name)
    found = [http("GET", f"/{database_name}/a", params={"rev": rev}).status_code for rev in ("1-a", "2-b", "2-c")]
    assert found == [404, 200, 200]
    assert http("GET", f"/{database_name}/a", params={"conflicts": "true"}).json()["_conflicts"] == ["2-b"]


def test_space_of_removed_attachments_is_given_back(http: Client, database_name: str) -> None:
    """And the bytes of those that stay are whole."""
    headers = {"Content-Type": "image/png"}
    for doc_id in ("a", "b"):
        http("PUT", f"/{database_name}/{doc_id}/f", data=bytes(2_000_000), headers=headers)
    rev = http("GET", f"/{database_name}/a").json()["_rev"]
    http("DELETE", f"/{database_name}/a", params={"rev": rev})
    before = http("GET", f"/{database_name}").json()["sizes"]["active"]
    compact(http, database_name)
    assert http("GET", f"/{database_name}").json()["sizes"]["active"] < before - 1_900_000
    assert http("GET", f"/{database_name}/b/f").content == bytes(2_000_000)


def test_often_rewritten_database_compacts_by_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A heartbeat must not grow the file for ever."""
    monkeypatch.setattr(core, "_MUCH_PUT_ASIDE", 10)
    with start(tmp_path) as running, requests.Session() as session:
        session.auth = ("admin", running.password)
        db = running.url + "/db"
        session.put(db)
        first = rev = session.put(db + "/a", json={"n": 0}).json()["rev"]
        deadline = time.monotonic() + 60
        while session.get(db + "/a", params={"rev": first}).status_code == 200:
            rev = session.put(db + "/a", json={"_rev": rev}).json()["rev"]
            assert time.monotonic() < deadline
        assert session.get(db + "/a").json()["_rev"] == rev
