"""Views: what a map emits, in which order, cut by every option."""

import json

import pytest

MAP = "function (doc) { if (doc.k !== undefined) { emit(doc.k, doc.v); } }"


def j(value):
    """A value as it stands in a query."""
    return json.dumps(value)


def ids(body):
    """The ids of an answer's rows."""
    return [row["id"] for row in body["rows"]]


@pytest.fixture
def letters(db):
    """Documents a to e with keys 1, 2, 2, 3, 4 under the view `d/v`."""
    db.design("d", views={"v": {"map": MAP}})
    db.bulk([{"_id": doc_id, "k": k, "v": k * 10} for doc_id, k in zip("abcde", (1, 2, 2, 3, 4), strict=True)])
    return db


def test_rows_have_id_key_and_value(letters):
    """Sorted by key, equal keys by id."""
    body = letters.read("_design/d/_view/v")
    assert (body["total_rows"], body["offset"]) == (5, 0)
    assert body["rows"][1] == {"id": "b", "key": 2, "value": 20}
    assert ids(body) == list("abcde")


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"key": 2}, "bc"),
        ({"key": 9}, ""),
        ({"keys": [4, 1, 2]}, "eabc"),
        ({"keys": []}, ""),
        ({"startkey": 2}, "bcde"),
        ({"start_key": 2}, "bcde"),
        ({"startkey": 2, "endkey": 3}, "bcd"),
        ({"startkey": 2, "end_key": 3}, "bcd"),
        ({"endkey": 2, "inclusive_end": False}, "a"),
        ({"endkey": 1.5}, "a"),
        ({"descending": True}, "edcba"),
        ({"descending": True, "startkey": 3, "endkey": 2}, "dcb"),
        ({"descending": True, "startkey": 3, "endkey": 2, "inclusive_end": False}, "d"),
        ({"limit": 2}, "ab"),
        ({"limit": 0}, ""),
        ({"skip": 3}, "de"),
        ({"skip": 1, "limit": 2}, "bc"),
        ({"skip": 9}, ""),
        ({"startkey": 2, "startkey_docid": "c"}, "cde"),
        ({"startkey": 2, "start_key_doc_id": "c"}, "cde"),
        ({"endkey": 2, "endkey_docid": "b"}, "ab"),
        ({"endkey": 2, "end_key_doc_id": "b"}, "ab"),
        ({"startkey_docid": "c"}, "abcde"),
        ({"key": 2, "startkey_docid": "c"}, "c"),
        ({"descending": True, "startkey": 2, "startkey_docid": "b"}, "ba"),
        ({"startkey": [1], "limit": 1}, ""),
        ({"startkey": None}, "abcde"),
        ({"reduce": False}, "abcde"),
        ({"update": "true"}, "abcde"),
        ({"stable": True}, "abcde"),
        ({"sorted": True}, "abcde"),
        ({"stale": "false", "limit": 1}, None),
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_options_choose_rows(letters, options, expected, method):
    """The same by query and by body; `docid` options in the query are plain text."""
    plain = {name: str(value) for name, value in options.items() if "doc" in name or name in ("update", "stale")}
    if method == "GET":
        params = {**{name: j(value) for name, value in options.items()}, **plain}
        answer = letters.get("_design/d/_view/v", params=params)
    else:
        answer = letters.post("_design/d/_view/v", json={**options, **plain})
    if expected is None:
        assert answer.status_code == 400
    else:
        assert ids(answer.json()) == list(expected)


def test_include_docs_brings_the_documents(letters):
    """Each row with the document that emitted it."""
    (row,) = letters.read("_design/d/_view/v", key=1, include_docs="true")["rows"]
    assert row["doc"] == letters.read("a")


def test_include_docs_follows_links(db):
    """A value with an `_id` names the document to include, with `_rev` the revision."""
    old = db.save("target", n=1)
    db.save("target", n=2, _rev=old)
    db.design("d", views={"v": {"map": "function(doc){if(doc.to)emit(doc._id,doc.to)}"}})
    db.save("a", to={"_id": "target"})
    db.save("b", to={"_id": "target", "_rev": old})
    db.save("c", to={"_id": "gone"})
    rows = db.read("_design/d/_view/v", include_docs="true")["rows"]
    assert [row["doc"] and row["doc"]["n"] for row in rows] == [2, 1, None]


def test_conflicts_come_with_included_documents(db):
    """`conflicts=true` lists the losing leaves."""
    db.design("d", views={"v": {"map": "function(doc){emit(doc._id)}"}})
    db.graft("a", "1-a")
    db.graft("a", "1-b")
    (row,) = db.read("_design/d/_view/v", include_docs="true", conflicts="true")["rows"]
    assert (row["doc"]["_rev"], row["doc"]["_conflicts"]) == ("1-b", ["1-a"])


def test_attachments_come_with_included_documents(db):
    """`attachments=true` sends base64 instead of stubs."""
    db.design("d", views={"v": {"map": "function(doc){emit(doc._id)}"}})
    db.save("a", _attachments={"f": {"data": "eA=="}})
    (row,) = db.read("_design/d/_view/v", include_docs="true", attachments="true")["rows"]
    assert row["doc"]["_attachments"]["f"]["data"] == "eA=="


def test_an_index_follows_edits_and_deletions(letters):
    """What a document emitted before is gone when it changes."""
    letters.read("_design/d/_view/v")
    letters.save("a", _rev=letters.read("a")["_rev"], k=9)
    letters.delete("b", params={"rev": letters.read("b")["_rev"]})
    assert ids(letters.read("_design/d/_view/v")) == list("cdea")


def test_an_index_sees_only_the_winner(db):
    """A conflicting leaf emits when it becomes the document."""
    db.design("d", views={"v": {"map": MAP}})
    db.graft("a", "1-a", k=1)
    db.graft("a", "1-b", k=2)
    assert [row["key"] for row in db.read("_design/d/_view/v")["rows"]] == [2]
    db.delete("a", params={"rev": "1-b"})
    assert [row["key"] for row in db.read("_design/d/_view/v")["rows"]] == [1]


def test_a_changed_map_makes_another_index(letters):
    """The next query answers by the new function."""
    letters.read("_design/d/_view/v")
    rev = letters.read("_design/d")["_rev"]
    letters.design("d", _rev=rev, views={"v": {"map": MAP.replace("doc.k,", "-doc.k,")}})
    assert ids(letters.read("_design/d/_view/v")) == list("edbca")


def test_a_document_may_emit_often_and_the_same(db):
    """Every emit is a row."""
    db.design("d", views={"v": {"map": "function(doc){emit(1,'x');emit(1,'y');emit(0)}"}})
    db.save("a")
    rows = db.read("_design/d/_view/v")["rows"]
    assert [row["key"] for row in rows] == [0, 1, 1]
    assert rows[0]["value"] is None
    assert sorted(row["value"] for row in rows[1:]) == ["x", "y"]


def test_a_map_sees_the_whole_document(db):
    """Id, revision, attachments' stubs."""
    db.design("d", views={"v": {"map": "function(doc){emit(doc._id,[doc._rev,doc._attachments.f.length])}"}})
    rev = db.save("a", _attachments={"f": {"data": "eHk="}})
    assert db.read("_design/d/_view/v")["rows"][0]["value"] == [rev, 2]


def test_queries_answers_several_at_once(letters):
    """One result per query, each with its own options."""
    queries = [{"keys": [1]}, {"startkey": 3, "limit": 1}, {"descending": True, "limit": 1}]
    body = letters.post("_design/d/_view/v/queries", json={"queries": queries}).json()
    assert [ids(result) for result in body["results"]] == [["a"], ["d"], ["e"]]


def test_update_seq_comes_on_demand(letters):
    """The sequence the index has reached."""
    body = letters.read("_design/d/_view/v", update_seq="true")
    assert str(body["update_seq"]).split("-")[0] == "6"


def test_update_false_reads_the_index_as_it_is(letters):
    """A change since the last update does not show."""
    letters.read("_design/d/_view/v")
    letters.save("f", k=0)
    assert ids(letters.read("_design/d/_view/v", update="false")) == list("abcde")
    assert ids(letters.read("_design/d/_view/v")) == list("fabcde")


def test_etags_of_views_spare_nothing_stale(letters):
    """Whether or not a view has a tag, a change is seen."""
    tag = letters.get("_design/d/_view/v").headers.get("ETag", '"none"')
    letters.save("f", k=0)
    answer = letters.get("_design/d/_view/v", headers={"If-None-Match": tag})
    assert answer.status_code == 200 and len(answer.json()["rows"]) == 6


def test_two_designs_with_one_view_answer_alike(letters):
    """Equal functions may share an index."""
    letters.design("twin", views={"v": {"map": MAP}})
    assert letters.read("_design/twin/_view/v") == letters.read("_design/d/_view/v")


def test_views_of_deleted_designs_are_not_found(letters):
    """With the design document goes the view."""
    letters.delete("_design/d", params={"rev": letters.read("_design/d")["_rev"]})
    answer = letters.get("_design/d/_view/v")
    assert (answer.status_code, answer.json()) == (404, {"error": "not_found", "reason": "deleted"})


def test_missing_views_and_missing_designs_differ(letters):
    """The reason says which."""
    assert letters.get("_design/no/_view/v").json() == {"error": "not_found", "reason": "missing"}
    answer = letters.get("_design/d/_view/no")
    assert (answer.status_code, answer.json()) == (404, {"error": "not_found", "reason": "missing_named_view"})


def test_design_information_describes_the_index(letters):
    """Language, sizes, whether it is being built."""
    letters.read("_design/d/_view/v")
    body = letters.read("_design/d/_info")
    info = body["view_index"]
    assert body["name"] == "d"
    assert (info["language"], info["updater_running"], len(info["signature"])) == ("javascript", False, 32)
    assert set(info["sizes"]) == {"file", "external", "active"}


def test_design_documents_are_not_mapped_unless_asked(db):
    """`options.include_design` asks."""
    for name, options in (("without", {}), ("with", {"options": {"include_design": True}})):
        db.design(name, views={"v": {"map": "function(doc){emit(doc._id)}"}}, **options)
    assert db.read("_design/without/_view/v")["total_rows"] == 0
    assert db.read("_design/with/_view/v")["total_rows"] == 2


def test_local_seq_is_there_when_asked(db):
    """`options.local_seq` gives the map `_local_seq`."""
    db.design("d", options={"local_seq": True}, views={"v": {"map": "function(doc){emit(doc._local_seq)}"}})
    db.save("a")
    assert db.read("_design/d/_view/v")["rows"][0]["key"] == 2
