"""Two sites that were apart: whoever settles their conflicts, in whatever order, both end with the same documents."""

from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crashfarm import conflicts
from crashfarm.database import Connection, Database
from tests import samples, two_sites


@pytest.fixture
def make(couch_url: str) -> Iterator[Callable[[], Database]]:
    """Makes databases, which are dropped in the end."""
    parts = urlsplit(couch_url)
    address = f"{parts.scheme}://{parts.hostname}:{parts.port}"
    connection = Connection(address, parts.username or "", parts.password or "")
    names: list[str] = []

    def create() -> Database:
        names.append(f"test-{uuid4().hex}")
        connection.create(names[-1])
        return connection.database(names[-1])

    yield create
    for name in names:
        connection.drop(name)
    connection.close()


def graft(database: Database, doc: dict[str, Any], *path: str) -> None:
    """Store a revision with its ancestors, newest first, as replication does."""
    generation = int(path[0].partition("-")[0])
    ids = [rev.partition("-")[2] for rev in path]
    revisions = {"start": generation, "ids": ids}
    database.bulk([doc | {"_rev": path[0], "_revisions": revisions}], new_edits=False)


def leaves(database: Database, document_id: str) -> list[str]:
    """The living revisions."""
    return [leaf["_rev"] for leaf in conflicts.read_leaves(database, document_id)]


def replicate(source: Database, target: Database, document_id: str) -> None:
    """Bring all leaves of one document, deleted ones too, to another database."""
    for found in source.get_json(document_id, open_revs="all", revs="true"):
        target.bulk([found["ok"]], new_edits=False)


def test_a_job_that_is_completed_outweighs_one_that_was_claimed_again(make: Callable[[], Database]) -> None:
    """Whichever CouchDB would have preferred; the losing revision is removed."""
    database = make()
    root = samples.running()
    graft(database, root, "1-a")
    graft(database, samples.completed(), "2-a", "1-a")
    graft(database, root, "3-c", "2-c", "1-a")
    assert conflicts.settle_all(database)[0] == 1
    assert leaves(database, root["_id"]) == ["2-a"]
    assert conflicts.settle_all(database)[0] == 0


def test_history_documents_become_their_union(make: Callable[[], Database]) -> None:
    """First and last time, places, bugs: nothing that one site saw is lost."""
    database = make()
    doc = samples.history()
    graft(database, doc | {"places": ["a.py"], "first_seen": "2026-01-01T00:00:00.000Z"}, "1-a")
    graft(database, doc | {"places": ["b.py"], "last_seen": "2026-12-01T00:00:00.000Z"}, "1-b")
    conflicts.settle_all(database)
    settled = database.get(doc["_id"], conflicts=True) or {}
    assert (settled["places"], "_conflicts" in settled) == (["a.py", "b.py"], False)
    assert (settled["first_seen"][:7], settled["last_seen"][:7]) == ("2026-01", "2026-12")


@pytest.mark.parametrize("kind", ["job", "history"])
def test_two_sites_that_both_settle_end_with_the_same_document(make: Callable[[], Database], kind: str) -> None:
    """Both make the same edits, so that replicating once more brings no new conflict."""
    one, other = make(), make()
    if kind == "job":
        versions = [samples.running(), samples.completed(), samples.aborted()]
        ids = {"_id": samples.running()["_id"]}
    else:
        versions = [samples.history() | {"places": [place]} for place in ("a", "b", "c")]
        ids = {}
    document_id = (versions[0] | ids)["_id"]
    for site in (one, other):
        for number, version in enumerate(versions):
            graft(site, version | ids, f"1-{number}")
    for site in (one, other):
        conflicts.settle_all(site)
    replicate(one, other, document_id)
    replicate(other, one, document_id)
    assert leaves(one, document_id) == leaves(other, document_id)
    assert len(leaves(one, document_id)) == 1
    assert one.get(document_id) == other.get(document_id)


@pytest.mark.parametrize("kinds", [two_sites.JOBS, two_sites.HISTORIES], ids=["job", "history"])
@settings(max_examples=6, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(data=st.data(), first=st.integers(0, 1))
def test_whatever_happens_on_two_sites_they_end_with_the_same_documents(
    make: Callable[[], Database], kinds: tuple[str, ...], data: st.DataObject, first: int
) -> None:
    """As in memory, where many more histories are tried: this server names revisions as the rule needs it, too."""
    happened = data.draw(two_sites.events(kinds))
    sites = (make(), make())
    two_sites.begin(sites)
    for event in happened:
        two_sites.happen(sites, event)
    two_sites.make_up(sites, first)
