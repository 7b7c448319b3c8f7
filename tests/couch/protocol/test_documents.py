"""One document: written, read, rewritten, deleted; and every sentence of refusal on the way."""

from urllib.parse import quote

import pytest

CONFLICT = {"error": "conflict", "reason": "Document update conflict."}
MISSING = {"error": "not_found", "reason": "missing"}
DELETED = {"error": "not_found", "reason": "deleted"}
BAD_REV = {"error": "bad_request", "reason": "Invalid rev format"}
BAD_JSON = {"error": "bad_request", "reason": "invalid UTF-8 JSON"}
NO_OBJECT = {"error": "bad_request", "reason": "Document must be a JSON object"}


def test_put_answers_with_revision_etag_and_address(db):
    """201, the revision in the body and, quoted, as ETag."""
    answer = db.put("a", json={"n": 1})
    body = answer.json()
    assert answer.status_code == 201
    assert (body["ok"], body["id"], body["rev"].split("-")[0]) == (True, "a", "1")
    assert answer.headers["ETag"] == f'"{body["rev"]}"'
    assert answer.headers["Location"] == f"{db.url}/a"


def test_post_gives_a_new_id_where_none_is_named(db):
    """The server's ids are uuids; the Location leads to the document."""
    answer = db.post(json={"n": 1})
    body = answer.json()
    assert answer.status_code == 201 and len(body["id"]) == 32
    assert answer.headers["Location"] == f"{db.url}/{body['id']}"
    assert db.read(body["id"])["n"] == 1


def test_post_takes_the_id_of_the_body(db):
    """POST with an `_id` is a PUT to it."""
    assert db.post(json={"_id": "chosen"}).json()["id"] == "chosen"
    assert db.post(json={"_id": "chosen"}).json() == CONFLICT


def test_put_takes_the_id_of_the_address(db):
    """An `_id` in the body that says otherwise is ignored."""
    db.put("here", json={"_id": "there"})
    assert db.read("here")["_id"] == "here"
    assert db.get("there").status_code == 404


def test_the_same_edit_gives_the_same_revision(new_db):
    """Replicas that make one edit independently do not conflict."""
    one, other = new_db(), new_db()
    assert one.save("a", n=[1, {"b": None}]) == other.save("a", n=[1, {"b": None}])
    assert one.save("b", n=1) != other.save("b", n=2)


@pytest.mark.parametrize("doc_id", ["a/b", "é", "a b", "a+b", "a%2Fb", "?x", "#x", "\n", "𝄞", "a" * 2000])
def test_ids_are_any_text(db, doc_id):
    """Whatever is quoted in the address comes back in the body and the Location."""
    path = quote(doc_id, safe="")
    answer = db.put(path, json={})
    assert (answer.status_code, answer.json()["id"]) == (201, doc_id)
    assert db.read(path)["_id"] == doc_id
    assert db.get(answer.headers["Location"][len(db.url) + 1 :]).status_code == 200


def test_a_plus_in_the_path_is_a_space(db):
    """CouchDB decodes paths as forms are decoded."""
    assert db.put("a+b", json={}).json()["id"] == "a b"


@pytest.mark.parametrize("path", ["_x", "_design", "_design/", "_all", "_bulk"])
def test_ids_with_an_underscore_are_reserved(db, path):
    """Only design and local documents start with one."""
    answer = db.put(path, json={})
    assert answer.status_code == 400
    assert answer.json() == {
        "error": "illegal_docid",
        "reason": "Only reserved document ids may start with underscore.",
    }


@pytest.mark.parametrize("path", ["_local", "_local/"])
def test_a_local_id_needs_a_name(db, path):
    """The prefix alone is no id."""
    answer = db.put(path, json={})
    assert answer.json() == {"error": "bad_request", "reason": "Invalid _local document id."}


def test_an_id_that_is_no_utf8_is_refused(db):
    """Bytes that are no text cannot be an id."""
    answer = db.put("%FF", json={})
    assert answer.json() == {"error": "illegal_docid", "reason": "Document id must be valid UTF-8"}


@pytest.mark.parametrize(
    ("doc_id", "reason"),
    [
        ("", "Document id must not be empty"),
        (1, "Document id must be a string"),
        (None, "Document id must be a string"),
        ("_x", "Only reserved document ids may start with underscore."),
    ],
)
def test_bad_ids_of_a_posted_body_are_named(db, doc_id, reason):
    """The reason says which rule is broken."""
    answer = db.post(json={"_id": doc_id})
    assert answer.status_code == 400
    assert answer.json() == {"error": "illegal_docid", "reason": reason}


@pytest.mark.parametrize(
    "text", ["", "{", '{"a":1', '{"a":01}', '{"a":1}}', '{"a":NaN}', b"\xff", "{'a':1}", '{"a":"\x01"}', "nul"]
)
@pytest.mark.parametrize(("method", "path"), [("PUT", "a"), ("POST", "")])
def test_broken_json_is_a_bad_request(db, method, path, text):
    """PUT and POST say the same of every way to break JSON."""
    answer = db.json(method, path, text)
    assert (answer.status_code, answer.json()) == (400, BAD_JSON)


@pytest.mark.parametrize("text", ["[]", "1", '"x"', "null", "true"])
@pytest.mark.parametrize(("method", "path"), [("PUT", "a"), ("POST", "")])
def test_a_document_is_an_object(db, method, path, text):
    """Other JSON values are no documents."""
    answer = db.json(method, path, text)
    assert (answer.status_code, answer.json()) == (400, NO_OBJECT)


@pytest.mark.parametrize(
    ("member", "value", "name"),
    [("_foo", 1, "_foo"), ("_deleted", 1, "_deleted"), ("_attachments", 1, "_attachments"), ("_", 1, "_")],
)
def test_unknown_special_members_are_refused(db, member, value, name):
    """Members with an underscore belong to CouchDB."""
    answer = db.put("a", json={member: value})
    assert answer.status_code == 400
    assert answer.json() == {"error": "doc_validation", "reason": f"Bad special document member: {name}"}


@pytest.mark.parametrize("member", ["_conflicts", "_deleted_conflicts", "_revs_info", "_local_seq"])
def test_members_that_reading_adds_are_dropped_in_writing(db, member):
    """What was read with options can be written back as it is."""
    db.save("a", **{member: []})
    assert set(db.read("a")) == {"_id", "_rev"}


@pytest.mark.parametrize("rev", [1, "", "abc", "x-abc", None])
def test_malformed_revisions_in_a_body_are_refused(db, rev):
    """A revision is a number, a dash and more."""
    assert db.put("a", json={"_rev": rev}).json() == BAD_REV


@pytest.mark.parametrize("method", ["GET", "DELETE"])
@pytest.mark.parametrize("rev", ["bad", "", "x-1"])
def test_malformed_revisions_in_an_address_are_refused(db, method, rev):
    """Reading and deleting check it as writing does."""
    db.save("a")
    answer = db.request(method, "a", params={"rev": rev})
    assert (answer.status_code, answer.json()) == (400, BAD_REV)


def test_writing_without_the_current_revision_is_a_conflict(db):
    """No revision, an older one, one that never was: all conflict, and nothing changes."""
    first = db.save("a", n=1)
    second = db.save("a", n=2, _rev=first)
    for members in ({}, {"_rev": first}, {"_rev": "1-abc"}, {"_rev": "9-abc"}):
        answer = db.put("a", json={"n": 3, **members})
        assert (answer.status_code, answer.json()) == (409, CONFLICT)
    assert db.read("a") == {"_id": "a", "_rev": second, "n": 2}


def test_a_new_document_with_a_revision_is_a_conflict(db):
    """Nobody can update what does not exist."""
    assert db.put("a", json={"_rev": "1-967a00dff5e02add41819138abb3284d"}).json() == CONFLICT


def test_the_revision_may_stand_in_the_query(db):
    """`rev` in the address does as well as `_rev` in the body."""
    first = db.save("a", n=1)
    assert db.put("a", params={"rev": first}, json={"n": 2}).status_code == 201


def test_revisions_that_disagree_are_a_bad_request(db):
    """Body, query and If-Match must name one revision."""
    rev = db.save("a")
    answer = db.put("a", params={"rev": "1-abc"}, json={"_rev": rev})
    assert answer.json()["reason"] == "Document rev from request body and query string have different values"
    answer = db.put("a", headers={"If-Match": "1-abc"}, json={"_rev": rev})
    assert answer.json()["reason"] == "Document rev and etag have different values"
    assert answer.status_code == 400


def test_deleting_needs_the_revision(db):
    """Without one, or with a stale one, it is a conflict."""
    stale = db.save("a", n=1)
    rev = db.save("a", n=2, _rev=stale)
    assert db.delete("a").json() == CONFLICT
    assert db.delete("a", params={"rev": stale}).json() == CONFLICT
    answer = db.delete("a", params={"rev": rev})
    assert answer.status_code == 200
    assert (answer.json()["ok"], answer.json()["rev"].split("-")[0]) == (True, "3")


def test_deleted_and_missing_documents_differ_in_reason(db):
    """404 for both; the reason tells them apart."""
    rev = db.save("a")
    gone = db.delete("a", params={"rev": rev}).json()["rev"]
    assert (db.get("a").status_code, db.get("a").json()) == (404, DELETED)
    assert (db.get("b").status_code, db.get("b").json()) == (404, MISSING)
    assert db.get("a", params={"rev": gone}).json() == {"_id": "a", "_rev": gone, "_deleted": True}


def test_deleting_what_is_not_there_is_not_found(db):
    """A document that never was is missing; one that is gone is deleted."""
    assert db.delete("b", params={"rev": "1-abc"}).json() == MISSING
    rev = db.save("a")
    db.delete("a", params={"rev": rev})
    answer = db.delete("a", params={"rev": rev})
    assert (answer.status_code, answer.json()) == (404, DELETED)


def test_a_deleted_document_comes_back_without_a_revision(db):
    """Writing over a tombstone continues its history."""
    rev = db.save("a")
    db.delete("a", params={"rev": rev})
    assert db.save("a", n=1).split("-")[0] == "3"
    assert db.read("a")["n"] == 1


def test_putting_deleted_true_keeps_the_body_of_the_tombstone(db):
    """A tombstone may say why."""
    rev = db.save("a", n=1)
    answer = db.put("a", json={"_rev": rev, "_deleted": True, "why": "old"})
    gone = answer.json()["rev"]
    assert answer.status_code == 200
    assert db.get("a").json() == DELETED
    assert db.read("a", rev=gone)["why"] == "old"


def test_posting_a_tombstone_creates_it(db):
    """POST answers 201 whatever it makes."""
    answer = db.post(json={"_id": "a", "_deleted": True})
    assert (answer.status_code, answer.json()["rev"].split("-")[0]) == (201, "1")
    assert db.get("a").json() == DELETED


def test_old_revisions_read_until_compaction(db):
    """`rev` reads a body that was replaced."""
    first = db.save("a", n=1)
    db.save("a", n=2, _rev=first)
    assert db.read("a", rev=first)["n"] == 1
    assert db.get("a", params={"rev": "9-abc"}).json() == MISSING


def test_revs_lists_the_history_newest_first(db):
    """`_revisions` is what replication sends."""
    first = db.save("a")
    second = db.save("a", _rev=first)
    assert db.read("a", revs="true")["_revisions"] == {
        "start": 2,
        "ids": [second.split("-")[1], first.split("-")[1]],
    }


def test_revs_info_tells_what_is_available(db):
    """Each ancestor with its status."""
    first = db.save("a")
    gone = db.delete("a", params={"rev": first}).json()["rev"]
    third = db.save("a")
    assert db.read("a", revs_info="true")["_revs_info"] == [
        {"rev": third, "status": "available"},
        {"rev": gone, "status": "deleted"},
        {"rev": first, "status": "available"},
    ]


def test_local_seq_is_added_on_demand(db):
    """The sequence of the document's last update in this database."""
    db.save("other")
    db.save("a")
    assert str(db.read("a", local_seq="true")["_local_seq"]).split("-")[0] == "2"


def test_meta_asks_for_everything_about_revisions(db):
    """`meta=true` stands for revs_info, conflicts and deleted_conflicts."""
    db.graft("a", "1-a")
    db.graft("a", "1-b")
    db.graft("a", "2-c", "1-c", _deleted=True)
    body = db.read("a", meta="true")
    assert [body["_conflicts"], body["_deleted_conflicts"]] == [["1-a"], ["2-c"]]
    assert body["_revs_info"] == [{"rev": "1-b", "status": "available"}]


def test_unknown_options_are_ignored(db):
    """Clients may send more than the server knows."""
    db.save("a")
    assert db.read("a", foo="bar", revs="maybe")["_id"] == "a"


@pytest.mark.parametrize("method", ["PATCH", "MOVE", "OPTIONS"])
def test_other_methods_on_a_document_are_405(db, method):
    """The header names what a document can do."""
    answer = db.request(method, "a")
    assert (answer.status_code, answer.headers["Allow"]) == (405, "DELETE,GET,HEAD,POST,PUT,COPY")
