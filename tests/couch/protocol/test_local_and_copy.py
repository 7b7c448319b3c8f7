"""Local documents, COPY, and batch=ok."""

import time

import pytest


def test_local_documents_count_their_writes(db):
    """The revision is a counter and is not enforced strictly: they belong to one writer."""
    assert db.save("_local/l", n=1) == "0-1"
    assert db.save("_local/l", _rev="0-1", n=2) == "0-2"
    assert db.read("_local/l") == {"_id": "_local/l", "_rev": "0-2", "n": 2}


def test_local_documents_never_conflict(db):
    """The last write wins: a replicator that lost its answer writes its checkpoint again."""
    db.save("_local/l", n=1)
    assert db.save("_local/l", n=2) == "0-1"
    assert db.save("_local/l", _rev="0-7", n=3) == "0-8"
    assert db.bulk([{"_id": "_local/l", "n": 4}])[0]["rev"] == "0-1"
    assert db.read("_local/l")["n"] == 4
    assert db.delete("_local/l").json()["rev"] == "0-0"


def test_local_documents_are_deleted(db):
    """Then they are missing, without a tombstone."""
    db.save("_local/l")
    answer = db.delete("_local/l", params={"rev": "0-1"})
    assert (answer.status_code, answer.json()) == (200, {"ok": True, "id": "_local/l", "rev": "0-0"})
    assert db.get("_local/l").json() == {"error": "not_found", "reason": "missing"}
    assert db.delete("_local/l", params={"rev": "0-1"}).status_code == 404


def test_local_documents_show_nowhere(db):
    """Not in counts, changes, or the list of documents."""
    db.save("_local/l")
    assert db.read()["doc_count"] == 0
    assert db.read("_changes")["results"] == []
    assert db.read("_all_docs")["rows"] == []


def test_a_local_revision_is_checked_for_its_form(db):
    """A text that is no revision is refused."""
    answer = db.put("_local/l", json={"_rev": "bad"})
    assert (answer.status_code, answer.json()["reason"]) == (400, "Invalid rev format")


def test_local_ids_may_hold_slashes(db):
    """Quoted in the address."""
    assert db.put("_local/a%2Fb", json={"n": 1}).json()["id"] == "_local/a/b"
    assert db.read("_local/a%2Fb")["n"] == 1


def test_copy_makes_another_document(db):
    """A new id, the first revision, the same members."""
    db.save("a", n=1)
    answer = db.copy("a", "b")
    assert (answer.status_code, answer.json()["id"]) == (201, "b")
    assert answer.headers["ETag"] == f'"{answer.json()["rev"]}"'
    assert answer.headers["Location"] == f"{db.url}/b"
    assert db.read("b")["n"] == 1


def test_copy_over_a_document_needs_its_revision(db):
    """The revision stands in the destination."""
    db.save("a", n=1)
    rev = db.save("b", n=2)
    assert db.copy("a", "b").json() == {"error": "conflict", "reason": "Document update conflict."}
    assert db.copy("a", "b?rev=1-x").status_code == 409
    assert db.copy("a", f"b?rev={rev}").status_code == 201
    assert db.read("b")["n"] == 1


def test_copy_of_an_old_revision(db):
    """`rev` chooses what is copied."""
    first = db.save("a", n=1)
    db.save("a", n=2, _rev=first)
    assert db.copy("a", "b", params={"rev": first}).status_code == 201
    assert db.read("b")["n"] == 1


def test_copy_of_nothing_is_not_found(db):
    """There is nothing to copy."""
    assert db.copy("no", "b").json() == {"error": "not_found", "reason": "missing"}


@pytest.mark.parametrize(
    ("destination", "error", "reason"),
    [
        ("http://elsewhere/x/y", "bad_request", "Destination URL must be relative."),
        ("", "illegal_docid", "Document id must not be empty"),
        ("_x", "illegal_docid", "Only reserved document ids may start with underscore."),
    ],
)
def test_bad_destinations_are_named(db, destination, error, reason):
    """The destination is an id of this database."""
    db.save("a")
    answer = db.copy("a", destination)
    assert (answer.status_code, answer.json()) == (400, {"error": error, "reason": reason})


def test_copy_needs_a_destination(db):
    """The header is mandatory."""
    db.save("a")
    answer = db.request("COPY", "a")
    assert answer.json()["reason"] == "Destination header is mandatory for COPY."


def test_batch_ok_is_accepted_and_written(db):
    """202 without a revision; the document is there soon."""
    answer = db.put("a", params={"batch": "ok"}, json={"n": 1})
    assert (answer.status_code, answer.json()) == (202, {"ok": True, "id": "a"})
    assert db.post(params={"batch": "ok"}, json={"_id": "b"}).json() == {"ok": True, "id": "b"}
    deadline = time.monotonic() + 30
    while db.read()["doc_count"] < 2:
        assert time.monotonic() < deadline
    assert db.read("a")["n"] == 1


def test_batch_ok_of_a_local_document_has_no_revision(db):
    """202, as for others."""
    answer = db.put("_local/l", params={"batch": "ok"}, json={"n": 1})
    assert (answer.status_code, answer.json()) == (202, {"ok": True, "id": "_local/l"})


@pytest.mark.parametrize("value", ["no", "true", ""])
def test_other_values_of_batch_write_at_once(db, value):
    """201 with a revision."""
    assert db.put("a", params={"batch": value}, json={}).status_code == 201
