"""What a replicator asks before it sends: _revs_diff, _missing_revs; and _purge, which forgets."""

import pytest


def test_revs_diff_tells_what_is_missing_and_what_might_be_an_ancestor(db):
    """Known revisions are left out; ancestors help to send attachments only once."""
    db.graft("a", "2-b", "1-a")
    db.save("b")
    body = db.post("_revs_diff", json={"a": ["2-b", "3-c"], "b": [], "c": ["1-x"]}).json()
    assert body == {
        "a": {"missing": ["3-c"], "possible_ancestors": ["2-b"]},
        "c": {"missing": ["1-x"]},
    }


def test_revs_diff_of_what_is_known_is_empty(db):
    """Inner revisions are known too."""
    db.graft("a", "2-b", "1-a")
    assert db.post("_revs_diff", json={"a": ["1-a", "2-b"]}).json() == {}


def test_missing_revs_has_its_own_form(db):
    """The older question, the same knowledge."""
    db.graft("a", "1-a")
    body = db.post("_missing_revs", json={"a": ["1-a", "2-b"], "c": ["1-x"]}).json()
    assert body == {"missing_revs": {"a": ["2-b"], "c": ["1-x"]}}


@pytest.mark.parametrize("path", ["_revs_diff", "_missing_revs"])
@pytest.mark.parametrize(
    ("body", "reason"),
    [({"a": ["bad"]}, "Invalid rev format"), ([], "Request body must be a JSON object")],
)
def test_malformed_questions_are_bad_requests(db, path, body, reason):
    """A revision must look like one, the body be an object."""
    answer = db.post(path, json=body)
    assert (answer.status_code, answer.json()["reason"]) == (400, reason)


@pytest.mark.parametrize("path", ["_revs_diff", "_missing_revs", "_purge"])
def test_these_are_posts(db, path):
    """405 for reading."""
    answer = db.get(path)
    assert (answer.status_code, answer.headers["Allow"]) == (405, "POST")


def test_purge_forgets_the_named_leaves(db):
    """Nothing remains, not even a tombstone."""
    rev = db.save("a")
    answer = db.post("_purge", json={"a": [rev]})
    assert answer.status_code == 201
    assert answer.json()["purged"] == {"a": [rev]}
    assert db.get("a").json()["reason"] == "missing"
    assert db.read("_changes")["results"] == []
    assert (db.read()["doc_count"], db.read()["doc_del_count"]) == (0, 0)


def test_purge_leaves_other_leaves(db):
    """A conflict that is purged is gone, the winner stays."""
    db.graft("a", "1-a")
    db.graft("a", "1-b")
    assert db.post("_purge", json={"a": ["1-b"]}).json()["purged"] == {"a": ["1-b"]}
    assert db.read("a", conflicts="true") == {"_id": "a", "_rev": "1-a"}


def test_purge_of_inner_or_unknown_revisions_does_nothing(db):
    """Only leaves can be purged."""
    db.graft("a", "2-b", "1-a")
    body = db.post("_purge", json={"a": ["1-a", "9-x"], "no": ["1-x"]}).json()
    assert body["purged"] == {"a": [], "no": []}
    assert db.read("a")["_rev"] == "2-b"


def test_purge_takes_documents_out_of_views(db):
    """An index forgets what the database forgot."""
    db.design("d", views={"v": {"map": "function(doc){emit(doc._id)}", "reduce": "_count"}})
    rev = db.save("a")
    db.save("b")
    assert db.read("_design/d/_view/v", reduce="false")["total_rows"] == 2
    db.post("_purge", json={"a": [rev]})
    assert [row["key"] for row in db.read("_design/d/_view/v", reduce="false")["rows"]] == ["b"]
    assert db.read("_design/d/_view/v")["rows"] == [{"key": None, "value": 1}]


def test_the_purge_sequence_moves(db):
    """Each purge counts."""
    before = str(db.read()["purge_seq"]).split("-")[0]
    db.post("_purge", json={"a": [db.save("a")]})
    assert int(str(db.read()["purge_seq"]).split("-")[0]) == int(before) + 1


@pytest.mark.parametrize("body", ['{"a":1}', '{"a":["bad"]}', "[]"])
def test_malformed_purges_are_bad_requests(db, body):
    """Nothing is purged by a mistake."""
    db.save("a")
    assert db.json("POST", "_purge", body).status_code in (400, 500)
    assert db.get("a").status_code == 200
