"""The validation function inside a CouchDB: it is in force, in both databases, for everybody, with its words."""

from collections.abc import Iterator
from secrets import token_hex
from typing import Any

import pytest

from crashfarm import settings
from crashfarm.database import Database
from crashfarm.errors import Refused
from crashfarm.settings import Farm
from server import deploy
from tests import samples
from tests.fresh import farm_settings, fresh_farm

Json = dict[str, Any]


@pytest.fixture
def farm(couch_url: str) -> Iterator[Farm]:
    """A farm with its design documents."""
    with fresh_farm(couch_url) as farm:
        deploy.push(farm, lambda done: None)
        yield farm


@pytest.fixture
def member(couch_url: str, farm: Farm) -> Iterator[Farm]:
    """The same farm, as somebody sees it who has the farm's role and no other."""
    users, name, password = farm.connection.database("_users"), f"test-{token_hex(6)}", token_hex(8)
    farm.connection.create("_users")
    user = {
        "_id": f"org.couchdb.user:{name}",
        "name": name,
        "password": password,
        "roles": ["crashfarm"],
        "type": "user",
    }
    rev = users.put(user)
    seen = settings.connect(farm_settings(couch_url, name, password, farm=farm.status.name))
    yield seen
    seen.connection.close()
    users.delete(user["_id"], rev)


def put(db: Database, doc: Json, **changes: Any) -> Json:
    """Write a document that replaces what is there."""
    found = db.get(doc["_id"])
    whole = doc | changes | ({"_rev": found["_rev"]} if found else {})
    return whole | {"_rev": db.put(whole)}


def test_good_documents_are_taken(farm: Farm) -> None:
    """One of every type, each in its database."""
    for make in samples.STATUS:
        written = put(farm.status, make())
        farm.status.delete(written["_id"], written["_rev"])
    for make in samples.HISTORY:
        put(farm.history, make())


def test_refusal_says_field_and_reason(farm: Farm) -> None:
    """What an admin reads in Fauxton after a slip."""
    with pytest.raises(Refused, match="priority: must be a whole number from 0 to 3, but is 9"):
        farm.status.put(samples.pending() | {"priority": 9})


def test_bulk_write_refuses_only_what_is_wrong(farm: Farm) -> None:
    """One bad job does not keep the others out."""
    good, bad = samples.pending(), samples.pending() | {"_id": "job:bad", "requires": {"moon": "full"}}
    taken, refused = farm.status.bulk([good, bad])
    assert taken.ok
    assert refused.error == "forbidden"
    assert refused.reason == "requires.moon: is not known; known are os_name, os_version, cpu_name, tags"


def test_job_lives_its_life_and_no_other(farm: Farm) -> None:
    """The old document is the one that is stored."""
    put(farm.status, samples.pending())
    with pytest.raises(Refused, match="state: cannot go from pending to completed, only to running or aborted"):
        put(farm.status, samples.completed())
    put(farm.status, samples.running())
    put(farm.status, samples.completed())
    with pytest.raises(Refused, match="state: cannot go from completed to pending: the job has ended"):
        put(farm.status, samples.pending())


def test_replicated_job_may_skip_states(farm: Farm) -> None:
    """A replicator brings a job's last revision, whatever lies between."""
    first = put(farm.status, samples.pending())["_rev"].partition("-")[2]
    revisions = {"start": 3, "ids": ["c" * 32, "b" * 32, first]}
    done = samples.completed() | {"_rev": "3-" + "c" * 32, "_revisions": revisions}
    assert farm.status.bulk([done], new_edits=False) == []
    assert (farm.status.get(done["_id"]) or {})["state"] == "completed"


def test_result_of_a_lower_attempt_is_refused(farm: Farm) -> None:
    """Whoever writes it."""
    put(farm.history, samples.result(), attempt=2)
    with pytest.raises(Refused, match="attempt: must not be lower than 2"):
        put(farm.history, samples.result(), attempt=1)
    put(farm.history, samples.result(), attempt=3)


def test_documents_are_refused_in_the_wrong_database(farm: Farm) -> None:
    """The two have different lives."""
    with pytest.raises(Refused, match="type: a result belongs into the history database"):
        farm.status.put(samples.result())
    with pytest.raises(Refused, match="type: a worker belongs into the status database"):
        farm.history.put(samples.worker())


def test_member_writes_but_does_not_delete(farm: Farm, member: Farm) -> None:
    """Retention is the administrators' work."""
    rev = put(member.status, samples.worker())["_rev"]
    with pytest.raises(Refused, match="_deleted: only an administrator may delete this"):
        member.status.delete("worker:alpha", rev)
    farm.status.delete("worker:alpha", rev)
    said = put(member.status, samples.message())
    member.status.delete(said["_id"], said["_rev"])


def test_attachment_is_no_offence(farm: Farm) -> None:
    """Logs hang on results."""
    rev = put(farm.history, samples.result())["_rev"]
    farm.history.attach(samples.result()["_id"], rev, "output.txt", b"Segmentation fault", "text/plain")
    assert farm.history.attachment(samples.result()["_id"], "output.txt") == b"Segmentation fault"
