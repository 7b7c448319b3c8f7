"""Replication by the server: `_replicate` once, `_replicator` documents, checkpoints."""

import base64
import os
import time
from urllib.parse import quote

import pytest


def side(db, **more):
    """A database as `_replicate` addresses it, with the admin's credentials."""
    name, password = db.auth
    return {"url": db.url, "auth": {"basic": {"username": name, "password": password}}, **more}


def replicate(server, source, target, **options):
    """One `_replicate`; its answer, which must be a success."""
    answer = server.post("_replicate", json={"source": side(source), "target": side(target), **options}, timeout=120)
    assert answer.status_code in (200, 202), answer.text
    return answer.json()


def eventually(check, seconds=60):
    """Waits until a check is true; it must come true in time."""
    deadline = time.monotonic() + seconds
    while not check():
        assert time.monotonic() < deadline, "it did not come about in time"


def ids(db):
    """The ids in a database."""
    return [row["id"] for row in db.read("_all_docs")["rows"]]


def test_everything_travels(server, new_db):
    """Documents, deletions, conflicts, attachments, design documents; not local ones."""
    source, target = new_db(), new_db()
    source.save("a", n=1, _attachments={"f": {"data": "eA==", "content_type": "text/plain"}})
    source.delete("gone", params={"rev": source.save("gone")})
    source.graft("b", "1-a")
    source.graft("b", "2-b", "1-b")
    source.design("d", views={"v": {"map": "function(doc){emit(doc._id)}"}})
    source.save("_local/l")
    result = replicate(server, source, target)
    assert result["ok"] is True
    assert ids(target) == ids(source)
    assert target.get("a/f").content == b"x"
    assert target.read("b", conflicts="true") == source.read("b", conflicts="true")
    assert target.get("gone").json()["reason"] == "deleted"
    assert target.read("a")["_rev"] == source.read("a")["_rev"]
    assert target.get("_local/l").status_code == 404


def test_large_attachments_travel_as_they_are(server, new_db):
    """Packed or not, in a branch that lost as well, whatever the document is called."""
    source, target = new_db(), new_db()
    noise, text = os.urandom(1_500_000), b"many words " * 200_000
    for doc_id in ("a", "b/ü c", "_design/d"):
        path = quote(doc_id, safe="_/" if doc_id == "_design/d" else "")
        rev = source.put(path, json={"n": 1}).json()["rev"]
        rev = source.put(f"{path}/noise", params={"rev": rev}, data=noise).json()["rev"]
        kind = {"Content-Type": "text/plain"}
        assert source.put(f"{path}/text", params={"rev": rev}, data=text, headers=kind).status_code == 201
    lost = {"_rev": "1-0", "_attachments": {"f": {"data": base64.b64encode(noise).decode()}}}
    assert source.put("a", params={"new_edits": "false"}, json=lost).status_code == 201
    entry = replicate(server, source, target)["history"][0]
    assert (entry["docs_read"], entry["docs_written"], entry["doc_write_failures"]) == (4, 4, 0)
    for path in ("a", "b%2F%C3%BC%20c", "_design/d"):
        assert target.get(f"{path}/noise").content == noise
        assert target.get(f"{path}/text").content == text
        assert target.read(path, revs="true") == source.read(path, revs="true")
    assert target.get("a/f", params={"rev": "1-0"}).content == noise
    assert target.read("a", conflicts="true")["_conflicts"] == ["1-0"]


def test_a_large_document_that_is_refused_stops_nothing(server, new_db):
    """It is counted; the others travel."""
    source, target = new_db(), new_db()
    for doc_id in ("good", "bad", "fine"):
        source.put(f"{doc_id}/f", data=os.urandom(1_200_000))
    target.design("v", validate_doc_update="function(doc){if(doc._id==='bad')throw({forbidden:'no'})}")
    entry = replicate(server, source, target)["history"][0]
    assert (entry["docs_read"], entry["docs_written"], entry["doc_write_failures"]) == (3, 2, 1)
    assert ids(target) == ["_design/v", "fine", "good"]


def test_the_answer_counts_what_was_done(server, new_db):
    """Read, written, failed; and a history to go on from."""
    source, target = new_db(), new_db()
    source.bulk([{"_id": doc_id} for doc_id in "abc"])
    first = replicate(server, source, target)
    entry = first["history"][0]
    assert (entry["docs_read"], entry["docs_written"], entry["doc_write_failures"]) == (3, 3, 0)
    assert first["session_id"] and first["source_last_seq"] and first["replication_id_version"] == 4


def test_the_second_time_only_news_travel(server, new_db):
    """A checkpoint on both sides says where to go on."""
    source, target = new_db(), new_db()
    source.bulk([{"_id": doc_id} for doc_id in "abc"])
    replicate(server, source, target)
    assert replicate(server, source, target).get("no_changes") is True
    source.save("d")
    assert len(replicate(server, source, target)["history"]) == 2
    assert ids(target) == list("abcd")
    assert source.read("_local_docs")["rows"] and target.read("_local_docs")["rows"]


def test_edits_on_both_sides_meet_as_a_conflict(server, new_db):
    """And the same winner on both."""
    one, other = new_db(), new_db()
    rev = one.save("a", n=0)
    replicate(server, one, other)
    one.save("a", n=1, _rev=rev)
    other.save("a", n=2, _rev=rev)
    replicate(server, one, other)
    replicate(server, other, one)
    assert one.read("a", conflicts="true") == other.read("a", conflicts="true")
    assert len(one.read("a", conflicts="true")["_conflicts"]) == 1


@pytest.mark.parametrize(
    "options",
    [
        {"doc_ids": ["b"]},
        {"selector": {"n": 1}},
        {"filter": "f/one"},
        {"filter": "f/asked", "query_params": {"n": "1"}},
    ],
)
def test_filters_choose_what_travels(server, new_db, options):
    """By ids, by selector, by a function of the source."""
    source, target = new_db(), new_db()
    source.bulk([{"_id": doc_id, "n": n} for n, doc_id in enumerate("abc")])
    one = "function(doc,req){return doc.n === 1}"
    asked = "function(doc,req){return doc.n == req.query.n}"
    source.design("f", filters={"one": one, "asked": asked})
    replicate(server, source, target, **options)
    assert ids(target) == ["b"]


def test_the_target_can_be_made(server, new_db):
    """`create_target` makes what is not there."""
    source, target = new_db(), new_db()
    target.delete()
    source.save("a")
    assert replicate(server, source, target, create_target=True)["ok"] is True
    assert ids(target) == ["a"]


def test_a_bare_name_is_a_database_of_this_server(server, new_db):
    """With the rights of who asks."""
    source, target = new_db(), new_db()
    source.save("a")
    names = {side: db.url.rsplit("/", 1)[1] for side, db in (("source", source), ("target", target))}
    answer = server.post("_replicate", json=names, timeout=120)
    assert (answer.status_code, answer.json()["ok"]) == (200, True)
    assert ids(target) == ["a"]


def test_a_missing_database_is_an_error(server, new_db):
    """The reason names it."""
    source, gone = new_db(), new_db()
    gone.delete()
    answer = server.post("_replicate", json={"source": side(gone), "target": side(source)})
    assert answer.status_code >= 400
    assert answer.json()["error"] == "db_not_found"


@pytest.mark.parametrize("body", [{}, {"source": "x"}, {"source": 1, "target": 2}])
def test_a_replication_needs_both_sides(server, body):
    """Anything less is an error."""
    assert server.post("_replicate", json=body).status_code >= 400


def test_continuous_replication_follows_until_cancelled(server, new_db):
    """The same request with `cancel` ends it."""
    source, target = new_db(), new_db()
    started = replicate(server, source, target, continuous=True)
    assert started["_local_id"]
    source.save("a")
    eventually(lambda: target.get("a").status_code == 200)
    jobs = server.read("_scheduler/jobs")["jobs"]
    assert any(job["target"].rstrip("/").endswith(target.url.rsplit("/", 1)[1]) for job in jobs)
    assert replicate(server, source, target, continuous=True, cancel=True)["ok"] is True


def test_a_replicator_document_replicates(server, new_db):
    """Its state is told by `_scheduler/docs`; when it is done the document says so."""
    source, target = new_db(), new_db()
    source.save("a")
    doc_id = f"to-{target.url.rsplit('/', 1)[1]}"
    answer = server.put(f"_replicator/{doc_id}", json={"source": side(source), "target": side(target)})
    assert answer.status_code == 201, answer.text
    try:
        eventually(lambda: target.get("a").status_code == 200)
        eventually(lambda: server.read(f"_replicator/{doc_id}").get("_replication_state") == "completed")
        state = server.read(f"_scheduler/docs/_replicator/{doc_id}")
        assert (state["state"], state["doc_id"], state["info"]["docs_written"]) == ("completed", doc_id, 1)
    finally:
        server.delete(f"_replicator/{doc_id}", params={"rev": server.read(f"_replicator/{doc_id}")["_rev"]})


def test_a_continuous_replicator_document_follows(server, new_db):
    """Until it is deleted."""
    source, target = new_db(), new_db()
    doc_id = f"to-{target.url.rsplit('/', 1)[1]}"
    doc = {"source": side(source), "target": side(target), "continuous": True}
    assert server.put(f"_replicator/{doc_id}", json=doc).status_code == 201
    source.save("a")
    eventually(lambda: target.get("a").status_code == 200)
    server.delete(f"_replicator/{doc_id}", params={"rev": server.read(f"_replicator/{doc_id}")["_rev"]})
    eventually(lambda: server.get(f"_scheduler/docs/_replicator/{doc_id}").status_code == 404)


def test_malformed_replicator_documents_are_refused(server):
    """403 with the reason."""
    answer = server.put("_replicator/bad", json={"source": "x"})
    assert (answer.status_code, answer.json()["error"]) == (403, "forbidden")


def test_passwords_of_replications_are_not_shown(server, new_db):
    """Neither in the jobs nor in the documents' states."""
    source, target = new_db(), new_db()
    replicate(server, source, target, continuous=True)
    try:
        for path in ("_scheduler/jobs", "_scheduler/docs", "_active_tasks"):
            assert server.auth[1] not in server.get(path).text
    finally:
        replicate(server, source, target, continuous=True, cancel=True)
