"""`_bulk_docs` and `_bulk_get`: many documents in one request, each with its own fate."""

import pytest

CONFLICT = {"error": "conflict", "reason": "Document update conflict."}


def test_rows_answer_in_the_order_of_the_documents(db):
    """Each row has the id and the revision."""
    rows = db.bulk([{"_id": "b"}, {"_id": "a"}, {"n": 1}])
    assert [row["id"] for row in rows[:2]] == ["b", "a"]
    assert all(row["ok"] and row["rev"].startswith("1-") for row in rows)
    assert len(rows[2]["id"]) == 32


def test_a_conflict_spares_the_others(db):
    """What is refused says so in its row."""
    db.save("a")
    rows = db.bulk([{"_id": "a"}, {"_id": "b"}])
    assert rows[0] == {"id": "a", **CONFLICT}
    assert rows[1]["ok"] is True


def test_updates_and_deletions_go_together(db):
    """`_deleted` in a bulk deletes."""
    first, second = (row["rev"] for row in db.bulk([{"_id": "a"}, {"_id": "b"}]))
    rows = db.bulk([{"_id": "a", "_rev": first, "n": 2}, {"_id": "b", "_rev": second, "_deleted": True}])
    assert [row["rev"].split("-")[0] for row in rows] == ["2", "2"]
    assert db.read("a")["n"] == 2
    assert db.get("b").json()["reason"] == "deleted"


def test_the_same_new_document_twice_conflicts_with_itself(db):
    """One of two edits in a request wins."""
    rows = db.bulk([{"_id": "a", "n": 1}, {"_id": "a", "n": 2}])
    assert sorted(("ok" in row, row.get("error")) for row in rows) == [(False, "conflict"), (True, None)]


def test_new_edits_false_answers_only_errors(db):
    """Replicators want to hear of failures alone."""
    docs = [{"_id": "a", "_rev": "1-a", "n": 1}, {"_id": "a", "_rev": "1-b", "n": 2}]
    assert db.bulk(docs, new_edits=False) == []
    assert db.read("a", conflicts="true") == {"_id": "a", "_rev": "1-b", "n": 2, "_conflicts": ["1-a"]}


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ({}, "POST body must include `docs` parameter."),
        ({"docs": 1}, "`docs` parameter must be an array."),
        ({"docs": {}}, "`docs` parameter must be an array."),
        ({"docs": [], "new_edits": 1}, "`new_edits` parameter must be a boolean."),
    ],
)
def test_other_bodies_are_bad_requests(db, body, reason):
    """The body is an object with an array of documents."""
    answer = db.post("_bulk_docs", json=body)
    assert (answer.status_code, answer.json()) == (400, {"error": "bad_request", "reason": reason})


@pytest.mark.parametrize("text", ["", "{", '{"docs":[}'])
def test_broken_json_is_a_bad_request(db, text):
    """Nothing is written of half a body."""
    answer = db.json("POST", "_bulk_docs", text)
    assert answer.json() == {"error": "bad_request", "reason": "invalid UTF-8 JSON"}


@pytest.mark.parametrize("text", ["[]", "1", '"x"'])
def test_the_body_is_an_object(db, text):
    """Anything else is refused by name."""
    answer = db.json("POST", "_bulk_docs", text)
    assert answer.json() == {"error": "bad_request", "reason": "Request body must be a JSON object"}


@pytest.mark.parametrize(
    ("doc", "error", "reason"),
    [
        (1, "bad_request", "Document must be a JSON object"),
        ({"_id": 1}, "illegal_docid", "Document id must be a string"),
        ({"_id": ""}, "illegal_docid", "Document id must not be empty"),
        ({"_id": "_x"}, "illegal_docid", "Only reserved document ids may start with underscore."),
        ({"_id": "a", "_rev": "bad"}, "bad_request", "Invalid rev format"),
        ({"_id": "a", "_x": 1}, "doc_validation", "Bad special document member: _x"),
    ],
)
def test_one_malformed_document_refuses_the_request(db, doc, error, reason):
    """These are mistakes of the client, not of the data: nothing is written."""
    answer = db.post("_bulk_docs", json={"docs": [{"_id": "good"}, doc]})
    assert answer.status_code == 400
    assert answer.json() == {"error": error, "reason": reason}
    assert db.get("good").status_code == 404


def test_no_documents_are_no_mistake(db):
    """An empty array has an empty answer."""
    assert db.bulk([]) == []


def test_get_is_not_allowed(db):
    """Only POST writes."""
    answer = db.get("_bulk_docs")
    assert (answer.status_code, answer.headers["Allow"]) == (405, "POST")


def test_design_documents_go_in_bulk(db):
    """They are documents."""
    (row,) = db.bulk([{"_id": "_design/d", "views": {"v": {"map": "function(doc){emit(1)}"}}}])
    assert row["ok"] is True
    assert db.read("_design/d/_view/v")["rows"] == []


def test_local_documents_go_in_bulk(db):
    """Checkpoints may travel along."""
    (row,) = db.bulk([{"_id": "_local/l", "n": 1}])
    assert (row["id"], row["rev"]) == ("_local/l", "0-1")
    assert db.read("_local/l")["n"] == 1


def test_bulk_get_reads_several_documents(db):
    """Results come per id, each with its documents."""
    rev = db.save("a", n=1)
    db.save("b", n=2)
    body = db.post("_bulk_get", json={"docs": [{"id": "b"}, {"id": "a", "rev": rev}]}).json()
    assert [result["id"] for result in body["results"]] == ["b", "a"]
    assert body["results"][1]["docs"] == [{"ok": {"_id": "a", "_rev": rev, "n": 1}}]


def test_bulk_get_reports_what_is_missing(db):
    """A missing document or revision is an error in its row."""
    db.save("a")
    body = db.post("_bulk_get", json={"docs": [{"id": "no"}, {"id": "a", "rev": "9-x"}]}).json()
    assert body["results"] == [
        {
            "id": "no",
            "docs": [{"error": {"id": "no", "rev": "undefined", "error": "not_found", "reason": "missing"}}],
        },
        {
            "id": "a",
            "docs": [{"error": {"id": "a", "rev": "9-x", "error": "not_found", "reason": "missing"}}],
        },
    ]


def test_bulk_get_without_a_revision_reads_every_leaf(db):
    """A document in conflict has several."""
    db.graft("a", "1-a")
    db.graft("a", "1-b")
    body = db.post("_bulk_get", json={"docs": [{"id": "a"}]}).json()
    assert sorted(doc["ok"]["_rev"] for doc in body["results"][0]["docs"]) == ["1-a", "1-b"]


def test_bulk_get_knows_revs_latest_and_attachments(db):
    """The options of open_revs, as replicators use them."""
    db.graft("a", "2-b", "1-a", _attachments={"f": {"data": "eA=="}})
    params = {"revs": "true", "latest": "true", "attachments": "true"}
    body = db.post("_bulk_get", params=params, json={"docs": [{"id": "a", "rev": "1-a"}]}).json()
    doc = body["results"][0]["docs"][0]["ok"]
    assert doc["_revisions"] == {"start": 2, "ids": ["b", "a"]}
    assert doc["_attachments"]["f"]["data"] == "eA=="


def test_bulk_get_refuses_malformed_entries_in_their_rows(db):
    """A bad revision is the row's error."""
    body = db.post("_bulk_get", json={"docs": [{"id": "a", "rev": "bad"}]}).json()
    error = body["results"][0]["docs"][0]["error"]
    assert (error["error"], error["reason"]) == ("bad_request", "Invalid rev format")


@pytest.mark.parametrize("body", [{}, {"docs": 1}, []])
def test_bulk_get_wants_docs(db, body):
    """Other bodies are refused."""
    assert db.post("_bulk_get", json=body).status_code in (400, 500)


def test_all_or_nothing_is_not_supported(db):
    """CouchDB 1 had it; the answer says so for each document, and nothing is written."""
    answer = db.post("_bulk_docs", json={"all_or_nothing": True, "docs": [{"_id": "a"}]})
    assert answer.status_code == 417
    assert answer.json()[0]["error"] == "not_implemented"
    assert db.get("a").status_code == 404
