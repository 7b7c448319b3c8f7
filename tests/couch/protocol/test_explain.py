"""`_explain`: which index a query uses, and why it does not use the others."""

import pytest

ALL = "_all_docs"


@pytest.fixture
def indexed(db):
    """An index over n, and one over s and n."""
    for ddoc, name, fields in (("in", "by-n", ["n"]), ("in2", "by-sn", ["s", "n"])):
        answer = db.post("_index", json={"index": {"fields": fields}, "ddoc": ddoc, "name": name})
        assert answer.json()["result"] == "created"
    return db


def explained(db, query):
    """What `_explain` says of a query."""
    answer = db.post("_explain", json=query)
    assert answer.status_code == 200, answer.text
    return answer.json()


def analysis(body):
    """Name, usability, reason, ranking and covering of each index that is not used."""
    return [
        (each["index"]["name"], about["usable"], about["reasons"][0]["name"], about["ranking"], about["covering"])
        for each in body["index_candidates"]
        for about in [each["analysis"]]
    ]


@pytest.mark.parametrize(
    ("query", "index", "others"),
    [
        (
            {"selector": {"n": {"$gt": 5}}, "fields": ["n"]},
            "by-n",
            [("by-sn", False, "field_mismatch", 2, True), (ALL, True, "unfavored_type", 1, None)],
        ),
        (
            {"selector": {"s": "a", "n": {"$gt": 3}, "x": {"$exists": False}}},
            "by-sn",
            [("by-n", True, "less_overlap", 1, False), (ALL, True, "unfavored_type", 2, None)],
        ),
        (
            {"selector": {"s": "a", "n": {"$gt": 3}}, "use_index": "in"},
            "by-n",
            [("by-sn", True, "excluded_by_user", 1, False), (ALL, True, "excluded_by_user", 1, None)],
        ),
        (
            {"selector": {"s": {"$regex": "a"}, "n": 3}, "sort": [{"n": "desc"}], "use_index": ["in", "by-n"]},
            "by-n",
            [("by-sn", False, "sort_order_mismatch", 1, False), (ALL, False, "field_mismatch", 1, None)],
        ),
        (
            {"selector": {}},
            ALL,
            [("by-sn", False, "field_mismatch", 1, False), ("by-n", False, "field_mismatch", 1, False)],
        ),
    ],
)
def test_candidates_are_told_with_their_reasons(indexed, query, index, others):
    """The index that is used, and each that is not."""
    body = explained(indexed, query)
    assert body["index"]["name"] == index
    assert analysis(body) == others


def test_query_without_an_index_for_its_sort_is_explained(indexed):
    """Only finding with it is an error."""
    query = {"selector": {"zzz": {"$gt": 5}}, "sort": ["_id"]}
    body = explained(indexed, query)
    assert body["index"] is None
    assert "mrargs" not in body and "covering" not in body
    answer = indexed.post("_find", json=query)
    assert (answer.status_code, answer.json()["error"]) == (400, "no_usable_index")


def test_covering_index_needs_no_documents(indexed):
    """It has all that the query asks for and speaks of."""
    body = explained(indexed, {"selector": {"s": "a", "n": 3}, "fields": ["s", "n", "_id"]})
    assert (body["covering"], body["mrargs"]["include_docs"]) == (True, False)
    assert (body["mrargs"]["start_key"], body["mrargs"]["end_key"]) == (["a", 3], ["a", 3, "<MAX>"])
    body = explained(indexed, {"selector": {"s": "a", "n": 3, "x": 1}, "fields": ["s", "n"]})
    assert (body["covering"], body["mrargs"]["include_docs"]) == (False, True)


def test_hints_tell_which_fields_an_index_would_help_with(indexed):
    """A pattern, or an alternative, is found by reading all."""
    selector = {"a": 1, "b": {"$regex": "x"}, "$or": [{"c": 1}, {"d": 2}]}
    [hint] = explained(indexed, {"selector": selector})["selector_hints"]
    assert hint == {"type": "json", "indexable_fields": ["a"], "unindexable_fields": ["b", "c", "d"]}


def test_negation_of_no_condition_is_refused(indexed):
    """CouchDB's words."""
    answer = indexed.post("_find", json={"selector": {"n": {"$not": 3}}})
    assert (answer.status_code, answer.json()["error"]) == (400, "bad_arg")
    assert answer.json()["reason"] == "Bad argument for operator $not: 3"
