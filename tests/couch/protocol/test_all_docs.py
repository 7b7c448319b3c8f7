"""`_all_docs` and its relatives `_design_docs` and `_local_docs`."""

import json

import pytest


@pytest.fixture
def filled(db):
    """Five documents, one of them deleted, and a design document."""
    rows = db.bulk([{"_id": letter, "n": n} for n, letter in enumerate("abcde")])
    db.delete("c", params={"rev": rows[2]["rev"]})
    db.design("x", language="javascript")
    return db


def ids(body):
    """The ids of an answer's rows."""
    return [row["id"] for row in body["rows"]]


def j(value):
    """A value as it stands in a query."""
    return json.dumps(value)


def test_rows_have_id_key_and_revision(filled):
    """In the order of the ids' code points; deleted documents are not listed."""
    body = filled.read("_all_docs")
    assert ids(body) == ["_design/x", "a", "b", "d", "e"]
    assert (body["total_rows"], body["offset"]) == (5, 0)
    row = body["rows"][1]
    assert row == {"id": "a", "key": "a", "value": {"rev": filled.read("a")["_rev"]}}


def test_ids_sort_by_bytes_not_by_alphabet(db):
    """Unlike views, capitals come before small letters here."""
    for doc_id in ("a", "B", "é", "_design/z", "Z", "10", "9"):
        db.put(doc_id.replace("é", "%C3%A9"), json={})
    assert ids(db.read("_all_docs")) == ["10", "9", "B", "Z", "_design/z", "a", "é"]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"startkey": j("b")}, "bde"),
        ({"start_key": j("b")}, "bde"),
        ({"startkey": j("b"), "endkey": j("d")}, "bd"),
        ({"startkey": j("b"), "end_key": j("d")}, "bd"),
        ({"startkey": j("b"), "endkey": j("d"), "inclusive_end": "false"}, "b"),
        ({"startkey": j("a"), "limit": 2}, "ab"),
        ({"startkey": j("a"), "skip": 2}, "de"),
        ({"startkey": j("a"), "skip": 1, "limit": 1}, "b"),
        ({"startkey": j("d"), "endkey": j("a"), "descending": "true"}, "dba"),
        ({"descending": "true", "limit": 2}, "ed"),
        ({"key": j("b")}, "b"),
        ({"key": j("c")}, ""),
        ({"key": "null"}, ""),
        ({"key": "1"}, ""),
        ({"startkey": j("f")}, ""),
        ({"limit": 0}, ""),
    ],
)
def test_ranges_and_pages(filled, options, expected):
    """Every option that cuts the list."""
    assert ids(filled.read("_all_docs", **options)) == list(expected)


def test_include_docs_adds_the_documents(filled):
    """Each row brings its document."""
    (row,) = filled.read("_all_docs", key=j("b"), include_docs="true")["rows"]
    assert row["doc"] == filled.read("b")


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_keys_answer_in_their_order(filled, method):
    """Each key has its row: found, deleted, missing, repeated."""
    keys = ["e", "c", "no", "a", "e"]
    if method == "GET":
        body = filled.read("_all_docs", keys=j(keys))
    else:
        body = filled.post("_all_docs", json={"keys": keys}).json()
    rows = body["rows"]
    assert [row["key"] for row in rows] == keys
    assert rows[0]["id"] == "e"
    assert rows[1]["value"]["deleted"] is True and rows[1]["id"] == "c"
    assert rows[2] == {"key": "no", "error": "not_found"}


def test_keys_with_documents_have_null_for_the_deleted(filled):
    """There is no document to include."""
    body = filled.post("_all_docs", params={"include_docs": "true"}, json={"keys": ["c", "a"]}).json()
    assert body["rows"][0]["doc"] is None
    assert body["rows"][1]["doc"]["n"] == 0


def test_conflicts_come_with_the_documents(db):
    """`conflicts=true` with include_docs."""
    db.graft("a", "1-a")
    db.graft("a", "1-b")
    (row,) = db.read("_all_docs", include_docs="true", conflicts="true")["rows"]
    assert row["doc"]["_conflicts"] == ["1-a"]


def test_update_seq_comes_on_demand(filled):
    """The sequence that the answer stands for."""
    assert "update_seq" not in filled.read("_all_docs")
    body = filled.read("_all_docs", update_seq="true")
    assert str(body["update_seq"]).split("-")[0] == "7"


def test_post_takes_the_options_in_its_body(filled):
    """What a query holds may stand in the body."""
    body = filled.post("_all_docs", json={"startkey": "b", "limit": 1, "include_docs": True}).json()
    assert body["rows"][0]["doc"]["n"] == 1


def test_queries_answers_several_at_once(filled):
    """One result per query."""
    body = filled.post("_all_docs/queries", json={"queries": [{"keys": ["a"]}, {"limit": 1}]}).json()
    assert [ids(result) for result in body["results"]] == [["a"], ["_design/x"]]


@pytest.mark.parametrize(
    ("options", "status", "error"),
    [
        ({"limit": "x"}, 400, "query_parse_error"),
        ({"limit": "-1"}, 400, "query_parse_error"),
        ({"skip": "-1"}, 400, "query_parse_error"),
        ({"descending": "x"}, 400, "query_parse_error"),
        ({"include_docs": "x"}, 400, "query_parse_error"),
        ({"startkey": "x"}, 400, "bad_request"),
        ({"keys": "x"}, 400, "bad_request"),
        ({"keys": "1"}, 400, "bad_request"),
    ],
)
def test_senseless_options_are_bad_requests(filled, options, status, error):
    """Numbers are numbers, keys are JSON."""
    answer = filled.get("_all_docs", params=options)
    assert (answer.status_code, answer.json()["error"]) == (status, error)


def test_keys_must_be_an_array(filled):
    """The body of a POST is checked."""
    answer = filled.post("_all_docs", json={"keys": 1})
    assert answer.status_code == 400
    assert answer.json() == {"error": "bad_request", "reason": "`keys` body member must be an array."}


def test_design_docs_lists_only_those(filled):
    """The counts are of design documents."""
    body = filled.read("_design_docs")
    assert (ids(body), body["total_rows"]) == (["_design/x"], 1)
    assert filled.read("_design_docs", include_docs="true")["rows"][0]["doc"]["language"] == "javascript"
    body = filled.post("_design_docs", json={"keys": ["_design/x", "_design/no"]}).json()
    assert body["rows"][1] == {"key": "_design/no", "error": "not_found"}


def test_local_docs_lists_only_those(filled):
    """Checkpoints are not in `_all_docs`."""
    filled.save("_local/b", n=1)
    filled.save("_local/a", n=2)
    body = filled.read("_local_docs")
    assert ids(body) == ["_local/a", "_local/b"]
    assert body["rows"][0]["value"] == {"rev": "0-1"}
    assert filled.read("_local_docs", include_docs="true")["rows"][0]["doc"]["n"] == 2
    assert "_local/a" not in ids(filled.read("_all_docs"))


def test_a_huge_limit_and_skip_are_fine(filled):
    """Clients ask for everything with large numbers."""
    assert len(filled.read("_all_docs", limit=10**12)["rows"]) == 5
    assert filled.read("_all_docs", skip=10**9)["rows"] == []


def test_offsets_count_what_is_before(filled):
    """Paging interfaces show it; a range by keys has one too."""
    assert filled.read("_all_docs", startkey=j("b"))["offset"] in (2, None)
    assert filled.read("_all_docs", skip=3)["offset"] == 3


def test_put_is_not_allowed(db):
    """Only reading."""
    answer = db.put("_all_docs", json={})
    assert (answer.status_code, answer.headers["Allow"]) == (405, "GET,HEAD,POST")
