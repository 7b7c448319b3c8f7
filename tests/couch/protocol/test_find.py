"""`_find`: selectors, and what surrounds them."""

import pytest

DOCS = [
    {"_id": "a", "n": 1, "s": "apple", "tags": ["x", "y"], "o": {"p": 1, "q": {"r": "deep"}}},
    {"_id": "b", "n": 2, "s": "banana", "tags": ["y"], "o": {"p": 2}},
    {"_id": "c", "n": 3.5, "s": "cherry", "tags": [], "o": {}},
    {"_id": "d", "n": "4", "s": None, "tags": "x", "b": True},
    {"_id": "e", "n": None, "items": [{"k": 1, "v": 2}, {"k": 2, "v": 9}], "a.b": 1, "nums": [1, 5, 9]},
    {"_id": "f", "b": False, "nums": [6, 7], "s": ""},
]


@pytest.fixture(scope="module")
def stocked(server):
    """The documents above, for reading only."""
    db = server.at("tfind-reading")
    db.delete()
    assert db.put(params={"q": 1}).status_code == 201
    db.bulk(DOCS)
    yield db
    db.delete()


def found(db, selector, **more):
    """The ids that a selector finds."""
    answer = db.post("_find", json={"selector": selector, **more})
    assert answer.status_code == 200, answer.text
    return "".join(doc["_id"] for doc in answer.json()["docs"])


@pytest.mark.parametrize(
    ("selector", "expected"),
    [
        ({}, "abcdef"),
        ({"n": 1}, "a"),
        ({"n": {"$eq": 1}}, "a"),
        ({"n": {"$ne": 1}}, "bcde"),
        ({"n": {"$gt": 1}}, "bcd"),
        ({"n": {"$gte": 2}}, "bcd"),
        ({"n": {"$lt": 2}}, "ae"),
        ({"n": {"$lte": 2}}, "abe"),
        ({"n": {"$gt": 1, "$lt": 3}}, "b"),
        ({"n": None}, "e"),
        ({"n": "4"}, "d"),
        ({"n": {"$gt": None}}, "abcd"),
        ({"n": {"$exists": True}}, "abcde"),
        ({"n": {"$exists": False}}, "f"),
        ({"b": False}, "f"),
        ({"s": ""}, "f"),
        ({"n": {"$type": "number"}}, "abc"),
        ({"n": {"$type": "string"}}, "d"),
        ({"n": {"$type": "null"}}, "e"),
        ({"tags": {"$type": "array"}}, "abc"),
        ({"o": {"$type": "object"}}, "abc"),
        ({"b": {"$type": "boolean"}}, "df"),
        ({"n": {"$in": [1, "4", 99]}}, "ad"),
        ({"tags": {"$in": ["y"]}}, "ab"),
        ({"n": {"$nin": [1, 2]}}, "cde"),
        ({"n": {"$in": []}}, ""),
        ({"tags": {"$size": 1}}, "b"),
        ({"tags": {"$size": 0}}, "c"),
        ({"n": {"$mod": [2, 0]}}, "b"),
        ({"n": {"$mod": [2, 1]}}, "a"),
        ({"s": {"$regex": "^[ab]"}}, "ab"),
        ({"s": {"$regex": "(?i)APPLE"}}, "a"),
        ({"s": {"$beginsWith": "ba"}}, "b"),
        ({"tags": {"$all": ["x", "y"]}}, "a"),
        ({"tags": {"$all": ["y"]}}, "ab"),
        ({"tags": {"$all": []}}, ""),
        ({"tags": {"$elemMatch": {"$eq": "y"}}}, "ab"),
        ({"items": {"$elemMatch": {"k": 2, "v": {"$gt": 5}}}}, "e"),
        ({"items": {"$elemMatch": {"k": 1, "v": {"$gt": 5}}}}, ""),
        ({"nums": {"$allMatch": {"$gt": 5}}}, "f"),
        ({"tags": {"$allMatch": {"$eq": "y"}}}, "b"),
        ({"o": {"$keyMapMatch": {"$eq": "q"}}}, "a"),
        ({"o.p": 2}, "b"),
        ({"o": {"p": 2}}, "b"),
        ({"o": {"q": {"r": "deep"}}}, "a"),
        ({"o.q.r": {"$exists": True}}, "a"),
        ({"a\\.b": 1}, "e"),
        ({"o": {"$eq": {}}}, "c"),
        ({"o": {}}, "c"),
        ({"tags": ["y"]}, "b"),
        ({"tags.0": "x"}, "a"),
        ({"$and": [{"n": {"$gt": 1}}, {"s": "banana"}]}, "b"),
        ({"$or": [{"n": 1}, {"s": "banana"}]}, "ab"),
        ({"$nor": [{"n": 1}, {"s": "banana"}]}, "cd"),
        ({"$not": {"n": 1}}, "bcde"),
        ({"n": {"$not": {"$gt": 1}}}, "ae"),
        ({"$and": []}, ""),
        ({"$or": []}, ""),
        ({"n": {"$or": [{"$eq": 1}, {"$eq": 2}]}}, "ab"),
        ({"n": 1, "s": "banana"}, ""),
        ({"_id": {"$gt": "d"}}, "ef"),
        ({"_id": {"$in": ["f", "a"]}}, "af"),
    ],
)
def test_selectors_find(stocked, selector, expected):
    """Every operator, on every kind of value."""
    assert found(stocked, selector) == expected


@pytest.mark.parametrize(
    ("body", "error", "reason"),
    [
        ({}, "missing_required_key", "Missing required key: selector"),
        ({"selector": 1}, "invalid_selector_json", "Selector must be a JSON object, not: 1"),
        ({"selector": {"n": {"$bad": 1}}}, "invalid_operator", "Invalid operator: $bad"),
        ({"selector": {"$bad": 1}}, "invalid_operator", "Invalid operator: $bad"),
        ({"selector": {"$and": 1}}, "bad_arg", "Bad argument for operator $and: 1"),
        ({"selector": {"n": {"$in": 1}}}, "bad_arg", "Bad argument for operator $in: 1"),
        ({"selector": {"n": {"$exists": 1}}}, "bad_arg", "Bad argument for operator $exists: 1"),
        ({"selector": {"n": {"$mod": [1]}}}, "bad_arg", None),
        ({"selector": {"n": {"$size": "x"}}}, "bad_arg", None),
        ({"selector": {"n": {"$regex": "["}}}, "bad_arg", None),
        ({"selector": {}, "fields": "x"}, "invalid_fields", None),
        ({"selector": {}, "sort": [{"n": "down"}]}, "invalid_sort_field", None),
        ({"selector": {}, "sort": "n"}, "invalid_sort_json", None),
        (
            {"selector": {}, "limit": -1},
            "invalid_non_neg_integer",
            "-1 is not an integer greater than or equal to zero",
        ),
        ({"selector": {}, "limit": "x"}, "invalid_non_neg_integer", None),
        ({"selector": {}, "skip": -1}, "invalid_non_neg_integer", "-1 is not an integer greater than or equal to zero"),
        ({"selector": {}, "bookmark": "bad"}, "invalid_bookmark", 'Invalid bookmark value: "bad"'),
        ({"selector": {}, "foo": 1}, "invalid_key", "Invalid key foo for this request."),
        ({"selector": {}, "update": "x"}, "invalid_boolean", None),
        ({"selector": {"n": 1}, "sort": ["n"]}, "no_usable_index", None),
    ],
)
def test_senseless_queries_are_named(stocked, body, error, reason):
    """Each mistake has its error."""
    answer = stocked.post("_find", json=body)
    assert answer.status_code == 400
    assert answer.json()["error"] == error
    assert reason is None or answer.json()["reason"] == reason


def test_no_usable_index_says_what_to_do(stocked):
    """A sort needs an index."""
    answer = stocked.post("_find", json={"selector": {"n": {"$gt": 0}}, "sort": ["n"]})
    assert answer.json()["reason"] == "No index exists for this sort, try indexing by the sort fields."


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        (["_id"], {"_id": "a"}),
        (["n", "s"], {"n": 1, "s": "apple"}),
        (["o.p"], {"o": {"p": 1}}),
        (["o.q.r", "_id"], {"_id": "a", "o": {"q": {"r": "deep"}}}),
        (["nosuch"], {}),
    ],
)
def test_fields_choose_members(stocked, fields, expected):
    """A dotted path keeps its nesting."""
    answer = stocked.post("_find", json={"selector": {"_id": "a"}, "fields": fields})
    assert answer.json()["docs"] == [expected]


def test_limit_and_skip_cut(stocked):
    """After the selection."""
    assert found(stocked, {"n": {"$exists": True}}, limit=2) == "ab"
    assert found(stocked, {"n": {"$exists": True}}, skip=3) == "de"
    assert found(stocked, {}, limit=0) == ""


def test_the_limit_is_25_unless_said(db):
    """CouchDB's default."""
    db.bulk([{"n": n} for n in range(30)])
    assert len(db.post("_find", json={"selector": {}}).json()["docs"]) == 25


@pytest.mark.parametrize("indexed", [False, True])
def test_bookmarks_go_on(db, indexed):
    """Page by page until nothing is left, with and without an index."""
    db.bulk([{"_id": f"{n:02}", "n": n % 3} for n in range(10)])
    if indexed:
        db.post("_index", json={"index": {"fields": ["n"]}})
    seen, bookmark = [], None
    for _ in range(10):
        body = {"selector": {"n": {"$gte": 0}}, "limit": 3}
        if bookmark:
            body["bookmark"] = bookmark
        page = db.post("_find", json=body).json()
        if not page["docs"]:
            break
        bookmark = page["bookmark"]
        seen += [doc["_id"] for doc in page["docs"]]
    assert sorted(seen) == [f"{n:02}" for n in range(10)]
    assert page["docs"] == []


def test_a_missing_index_is_warned_about(stocked):
    """The answer is right all the same."""
    body = stocked.post("_find", json={"selector": {"n": 1}}).json()
    assert body["warning"].startswith("No matching index found, create an index to optimize query time.")


def test_execution_stats_count(stocked):
    """What was looked at and what came of it."""
    body = stocked.post("_find", json={"selector": {"n": 1}, "execution_stats": True}).json()
    stats = body["execution_stats"]
    assert stats["results_returned"] == 1 and stats["total_docs_examined"] >= 1
    assert {"total_keys_examined", "total_quorum_docs_examined", "execution_time_ms"} <= set(stats)


def test_conflicts_come_on_demand(db):
    """As in reading a document."""
    db.graft("a", "1-a")
    db.graft("a", "1-b")
    body = db.post("_find", json={"selector": {}, "conflicts": True}).json()
    assert body["docs"][0]["_conflicts"] == ["1-a"]


def test_design_documents_are_not_found(db):
    """Nor deleted ones."""
    db.design("d")
    db.delete("a", params={"rev": db.save("a")})
    assert found(db, {}) == ""


def test_the_request_is_a_json_object(db):
    """Anything else is refused."""
    assert db.json("POST", "_find", "[]").json()["reason"] == "Request body must be a JSON object"
    assert db.json("POST", "_find", "").json()["reason"] == "invalid UTF-8 JSON"
    assert db.post("_find", data=b"{}").status_code == 415
    assert db.get("_find").headers["Allow"] == "POST"
