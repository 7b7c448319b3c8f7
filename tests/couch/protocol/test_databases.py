"""Creating, describing and deleting databases, and what they may be called."""

import time

import pytest

ILLEGAL = (
    "Name: '{name}'. Only lowercase characters (a-z), digits (0-9), and any of the characters "
    "_, $, (, ), +, -, and / are allowed. Must begin with a letter."
)
JSON = {"Content-Type": "application/json"}


def test_creating_answers_201_with_its_address(server, db):
    """The Location header leads to the database."""
    name = db.url.rsplit("/", 1)[1]
    assert db.delete().json() == {"ok": True}
    answer = server.put(name)
    assert (answer.status_code, answer.json()) == (201, {"ok": True})
    assert answer.headers["Location"] == f"{server.url}/{name}"


def test_creating_it_again_is_a_412(db):
    """A database that exists is left as it is."""
    db.save("kept")
    answer = db.put()
    assert answer.status_code == 412
    assert answer.json() == {
        "error": "file_exists",
        "reason": "The database could not be created, the file already exists.",
    }
    assert db.read()["doc_count"] == 1


@pytest.mark.parametrize(
    ("path", "name"),
    [("A", "A"), ("1a", "1a"), ("a%20b", "a b"), ("a.b", "a.b"), ("_x", "_x"), ("%C3%A9", "é"), ("aB", "aB")],
)
def test_names_outside_the_alphabet_are_illegal(server, path, name):
    """The reason repeats the name and the rule."""
    answer = server.put(path)
    assert answer.status_code == 400
    assert answer.json() == {"error": "illegal_database_name", "reason": ILLEGAL.format(name=name)}


@pytest.mark.parametrize("path", ["x{0}%2Fb", "x{0}-_$()%2B", "x{0}%2F"])
def test_every_character_of_the_alphabet_is_legal(server, db, path):
    """Slashes and the punctuation of the rule work, quoted in addresses."""
    path = path.format(db.url.rsplit("/", 1)[1])
    answer = server.put(path)
    try:
        assert answer.status_code == 201
        assert server.get(path).status_code == 200
    finally:
        assert server.delete(path).status_code == 200


def test_the_longest_name_has_238_characters(server):
    """One more is refused with an error of its own."""
    longest = "x" * 238
    assert server.put(longest).status_code == 201
    assert server.delete(longest).status_code == 200
    answer = server.put(longest + "x")
    assert (answer.status_code, answer.json()["error"]) == (400, "database_name_too_long")


@pytest.mark.parametrize(("option", "value"), [("q", "0"), ("q", "x"), ("n", "0"), ("n", "-1")])
def test_shards_and_copies_are_positive_integers(server, option, value):
    """The cluster's options are checked even where there is no cluster."""
    answer = server.put("neverborn", params={option: value})
    assert answer.status_code == 400
    assert answer.json()["reason"] == f"The `{option}` value should be a positive integer."


def test_information_counts_documents_and_deletions(db):
    """What clients read: name, counts, sequence, sizes, whether it compacts."""
    rev = db.save("a")
    db.save("b")
    db.delete("a", params={"rev": rev})
    info = db.read()
    assert info["db_name"] == db.url.rsplit("/", 1)[1]
    assert (info["doc_count"], info["doc_del_count"]) == (1, 1)
    assert info["compact_running"] is False
    assert set(info["sizes"]) == {"file", "external", "active"} and info["sizes"]["file"] > 0
    assert {"update_seq", "purge_seq", "instance_start_time", "cluster", "props", "disk_format_version"} <= set(info)
    assert info["cluster"]["n"] == 1


def test_the_start_time_is_that_of_its_making(db):
    """In seconds; a database made again under the same name has another."""
    started = db.read()["instance_start_time"]
    assert abs(int(started) - time.time()) < 600
    answer = db.post("_ensure_full_commit", headers=JSON)
    assert answer.json()["instance_start_time"] == started


def test_the_sequence_starts_with_its_number(db):
    """The part before the dash counts the updates."""
    assert str(db.read()["update_seq"]).split("-")[0] == "0"
    db.save("a")
    assert str(db.read()["update_seq"]).split("-")[0] == "1"


def test_head_tells_whether_it_exists(server, db):
    """HEAD has GET's status and no body."""
    assert (db.head().status_code, db.head().content) == (200, b"")
    assert server.head("nosuch").status_code == 404


def test_a_trailing_slash_is_the_same_database(server, db):
    """Old clients ask with it."""
    name = db.url.rsplit("/", 1)[1]
    assert server.read(f"{name}/")["db_name"] == name


def test_deleting_with_a_revision_is_a_mistake_caught(db):
    """Whoever forgot the document's id does not lose the database."""
    answer = db.delete(params={"rev": "1-abc"})
    assert answer.status_code == 400
    assert answer.json()["reason"] == (
        "You tried to DELETE a database with a ?=rev parameter. Did you mean to DELETE a document instead?"
    )
    assert db.get().status_code == 200


def test_deleting_it_twice_is_not_found(db):
    """The second deletion has nothing to delete."""
    assert (db.delete().status_code, db.delete().status_code) == (200, 404)
    assert db.get("doc").json() == {"error": "not_found", "reason": "Database does not exist."}


def test_a_database_made_again_is_empty(db):
    """Nothing of its predecessor shows."""
    db.save("a")
    db.delete()
    db.put(params={"q": 1})
    assert db.read()["doc_count"] == 0
    assert db.get("a").status_code == 404


def test_patch_names_the_allowed_methods(db):
    """405 for a method a database does not know."""
    answer = db.request("PATCH")
    assert (answer.status_code, answer.headers["Allow"]) == (405, "DELETE,GET,HEAD,POST")


@pytest.mark.parametrize(("path", "status"), [("_compact", 202), ("_view_cleanup", 202), ("_ensure_full_commit", 201)])
def test_upkeep_is_accepted(db, path, status):
    """Maintenance answers at once."""
    answer = db.post(path, headers=JSON)
    assert answer.status_code == status
    assert answer.json()["ok"] is True


@pytest.mark.parametrize("path", ["_compact", "_ensure_full_commit", "_bulk_docs", ""])
@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", None])
def test_posts_that_are_not_json_are_415(db, path, content_type):
    """A page of another origin cannot post JSON without asking first."""
    headers = {"Content-Type": content_type} if content_type else {}
    answer = db.post(path, data=b"{}", headers=headers)
    assert answer.status_code == 415
    assert answer.json() == {"error": "bad_content_type", "reason": "Content-Type must be application/json"}


def test_compaction_keeps_the_documents(db):
    """Old bodies may go; what is current stays."""
    rev = db.save("a", n=1)
    db.save("a", n=2, _rev=rev)
    db.post("_compact", headers=JSON)
    assert db.read("a")["n"] == 2


def test_revs_limit_starts_at_1000_and_is_set(db):
    """The body is a bare number."""
    assert db.read("_revs_limit") == 1000
    assert db.json("PUT", "_revs_limit", "10").json() == {"ok": True}
    assert db.read("_revs_limit") == 10


def test_revs_limit_wants_json(db):
    """A body that is no JSON is a bad request."""
    answer = db.json("PUT", "_revs_limit", "ten")
    assert (answer.status_code, answer.json()["reason"]) == (400, "invalid UTF-8 JSON")


@pytest.mark.parametrize("value", ["0", "-1", '"x"', "1.5", "{}", "null"])
def test_revs_limit_wants_a_positive_integer(db, value):
    """Anything else is refused and the limit stays."""
    assert db.json("PUT", "_revs_limit", value).status_code in (400, 500)
    assert db.read("_revs_limit") == 1000


def test_purged_infos_limit_reads(db):
    """Replication tools ask for it."""
    assert db.read("_purged_infos_limit") == 1000


def test_unknown_members_of_a_database_are_missing_documents(db):
    """An underscore alone does not make an endpoint."""
    assert db.get("_nosuch").json() == {"error": "not_found", "reason": "missing"}
    answer = db.put("_nosuch", json={})
    assert (answer.status_code, answer.json()["error"]) == (400, "illegal_docid")
