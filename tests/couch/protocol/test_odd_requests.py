"""Requests that few clients send, answered as CouchDB answers them."""

import json

import pytest


def ids(body):
    """The ids or keys of an answer's rows."""
    return [row.get("id", row["key"]) for row in body["rows"]]


@pytest.fixture
def filled(db):
    """Three documents, a design document, two local ones."""
    db.bulk([{"_id": letter} for letter in "abc"])
    db.design("x", language="javascript")
    db.save("_local/one", n=1)
    db.save("_local/two", n=2)
    return db


def test_empty_segments_of_a_path_do_not_count(db):
    """So what looks like a document's address never is the database's."""
    assert db.put("/x", json={"n": 1}).status_code == 201
    assert db.read("x")["n"] == 1
    assert db.delete("/x").status_code == 409
    assert db.get("/nosuch").status_code == 404
    assert db.read()["doc_count"] == 1


@pytest.mark.parametrize(
    ("path", "allowed"),
    [
        ("", "DELETE,GET,HEAD,POST"),
        ("a", "DELETE,GET,HEAD,POST,PUT,COPY"),
        ("_all_docs", "GET,HEAD,POST"),
        ("_changes", "GET,POST,HEAD"),
        ("_bulk_docs", "POST"),
    ],
)
@pytest.mark.parametrize("method", ["FOO", "PATCH"])
def test_unknown_method_is_405_and_told_what_there_is(db, method, path, allowed):
    """Whether HTTP knows it or not."""
    answer = db.request(method, path)
    assert (answer.status_code, answer.headers["Allow"]) == (405, allowed)
    assert answer.json() == {"error": "method_not_allowed", "reason": f"Only {allowed} allowed"}


@pytest.mark.parametrize("option", ["startkey", "endkey", "key"])
@pytest.mark.parametrize("listing", ["_all_docs", "_local_docs", "_design_docs"])
def test_keys_go_with_no_range(filled, listing, option):
    """One or the other says which documents are wanted."""
    answer = filled.get(listing, params={"keys": '["a","b"]', option: '"a"'})
    assert (answer.status_code, answer.json()["error"]) == (400, "query_parse_error")


@pytest.mark.parametrize("bound", ["5", "{}", "null", "[]", "true"])
def test_bound_that_is_no_text_stands_before_all_ids(filled, bound):
    """Whatever it is."""
    everything = ["_design/x", "a", "b", "c"]
    assert ids(filled.read("_all_docs", startkey=bound)) == everything
    assert ids(filled.read("_all_docs", endkey=bound)) == []
    assert ids(filled.read("_all_docs", startkey=bound, descending="true")) == []
    assert ids(filled.read("_all_docs", endkey=bound, descending="true")) == everything[::-1]


@pytest.mark.parametrize("name", ["limit", "skip"])
def test_negative_number_is_refused(filled, name):
    """CouchDB's words."""
    answer = filled.get("_all_docs", params={name: -1})
    reason = 'Invalid value for positive integer: "-1"'
    assert (answer.status_code, answer.json()["reason"]) == (400, reason)


@pytest.mark.parametrize(
    ("options", "found"),
    [
        ({"limit": 1}, ["one"]),
        ({"skip": 1}, ["two"]),
        ({"descending": "true"}, ["two", "one"]),
        ({"key": '"_local/two"'}, ["two"]),
        ({"startkey": '"_local/p"'}, ["two"]),
        ({"endkey": '"_local/p"'}, ["one"]),
        ({"keys": '["_local/two","_local/nosuch"]'}, ["two", "nosuch"]),
    ],
)
def test_local_documents_are_listed_as_asked(filled, options, found):
    """With the options of `_all_docs`."""
    rows = filled.read("_local_docs", **options)["rows"]
    assert [row["key"].removeprefix("_local/") for row in rows] == found
    assert all(("error" in row) == (row["key"] == "_local/nosuch") for row in rows)


def test_local_documents_are_listed_with_contents_and_in_queries(filled):
    """Several listings in one request."""
    body = filled.post("_local_docs", json={"keys": ["_local/one"], "include_docs": True}).json()
    assert body["rows"][0]["doc"] == {"_id": "_local/one", "_rev": "0-1", "n": 1}
    queries = [{"limit": 1}, {"key": "_local/two"}]
    answers = filled.post("_local_docs/queries", json={"queries": queries}).json()["results"]
    assert [ids(answer) for answer in answers] == [["_local/one"], ["_local/two"]]


def test_listing_of_design_documents_knows_no_others(filled):
    """Neither as rows nor in the total, whatever keys are asked for."""
    body = filled.read("_design_docs", keys=json.dumps(["_design/x", "a", "zz"]))
    assert (ids(body), body["total_rows"]) == (["_design/x"], 1)


def test_copy_of_a_local_document_is_a_document(filled):
    """It has a history of its own."""
    answer = filled.copy("_local/one", "copied")
    assert answer.status_code == 201
    assert filled.read("copied")["n"] == 1
    assert filled.read("copied")["_rev"].startswith("1-")


def test_sign_in_says_what_it_sends(server):
    """A body of no type is not guessed at."""
    answer = server.post("_session", data=b"name=a&password=b", headers={"Content-Type": "text/plain"})
    assert (answer.status_code, answer.json()["error"]) == (415, "bad_content_type")


def test_statistics_of_no_number_fail_the_answer(db):
    """The status says it, not a value that looks like one."""
    db.design("d", views={"v": {"map": "function (doc) { emit(1, doc.n || null); }", "reduce": "_stats"}})
    db.save("a", n=1)
    assert db.read("_design/d/_view/v")["rows"][0]["value"]["count"] == 1
    db.save("b")
    answer = db.get("_design/d/_view/v")
    assert (answer.status_code, answer.json()["error"]) == (500, "invalid_value")
    assert "_stats" in answer.json()["reason"]
