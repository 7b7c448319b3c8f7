"""What goes wrong with views, and what is said of it."""

import pytest

MAP = "function (doc) { emit(doc._id, 1); }"


@pytest.fixture
def mapped(db):
    """The views `d/map` without and `d/count` with a reduce."""
    db.design("d", views={"map": {"map": MAP}, "count": {"map": MAP, "reduce": "_count"}})
    db.bulk([{"_id": doc_id} for doc_id in "abc"])
    return db


@pytest.mark.parametrize(
    ("params", "error", "reason"),
    [
        ({"limit": "x"}, "query_parse_error", 'Invalid value for integer: "x"'),
        ({"limit": "-1"}, "query_parse_error", 'Invalid value for positive integer: "-1"'),
        ({"skip": "-1"}, "query_parse_error", 'Invalid value for positive integer: "-1"'),
        ({"descending": "x"}, "query_parse_error", 'Invalid boolean parameter: "x"'),
        ({"include_docs": "x"}, "query_parse_error", 'Invalid boolean parameter: "x"'),
        ({"group_level": "x"}, "query_parse_error", 'Invalid value for integer: "x"'),
        ({"update": "x"}, "query_parse_error", "Invalid value for `update`."),
        ({"stale": "x"}, "query_parse_error", "Invalid value for `stale`."),
        ({"startkey": "x"}, "bad_request", "invalid UTF-8 JSON"),
        ({"key": "{"}, "bad_request", "invalid UTF-8 JSON"),
        ({"group": "true"}, "query_parse_error", "Invalid use of grouping on a map view."),
        ({"group_level": "1"}, "query_parse_error", "Invalid use of grouping on a map view."),
        ({"reduce": "true"}, "query_parse_error", "Reduce is invalid for map-only views."),
    ],
)
def test_senseless_options_are_bad_requests(mapped, params, error, reason):
    """Each with its sentence."""
    answer = mapped.get("_design/d/_view/map", params=params)
    assert answer.status_code == 400
    assert answer.json() == {"error": error, "reason": reason}


@pytest.mark.parametrize(
    ("params", "reason"),
    [
        ({"include_docs": "true"}, "`include_docs` is invalid for reduce"),
        ({"conflicts": "true"}, "`conflicts` is invalid for reduce views."),
        ({"keys": '["a","b"]'}, "Multi-key fetches for reduce views must use `group=true`"),
        ({"keys": '["a","b"]', "group_level": "1"}, "Multi-key fetches for reduce views must use `group=true`"),
    ],
)
def test_a_reduce_refuses_what_has_no_meaning(mapped, params, reason):
    """Rows of a reduce come from no single document."""
    answer = mapped.get("_design/d/_view/count", params=params)
    assert answer.status_code == 400
    assert answer.json() == {"error": "query_parse_error", "reason": reason}


@pytest.mark.parametrize(
    "params",
    [
        {"key": '"a"', "keys": '["a","b"]'},
        {"keys": '["a","b"]', "startkey": '"a"'},
        {"keys": '["a","b"]', "endkey": '"a"'},
    ],
)
def test_keys_exclude_ranges(mapped, params):
    """A list of keys is not cut by a range."""
    answer = mapped.get("_design/d/_view/map", params=params)
    assert answer.status_code == 400
    assert answer.json() == {
        "error": "query_parse_error",
        "reason": "`keys` is incompatible with `key`, `start_key` and `end_key`",
    }


def test_a_list_of_one_key_is_that_key(mapped):
    """A reduce of one key needs no grouping."""
    assert mapped.read("_design/d/_view/count", keys='["a"]')["rows"] == [{"key": None, "value": 1}]


def test_a_range_that_cannot_match_is_a_bad_request(mapped):
    """Start after end, in the direction of reading."""
    for params in ({"startkey": '"b"', "endkey": '"a"'}, {"startkey": '"a"', "endkey": '"b"', "descending": "true"}):
        answer = mapped.get("_design/d/_view/map", params=params)
        assert answer.status_code == 400
        assert answer.json()["error"] == "query_parse_error"
        assert answer.json()["reason"].startswith("No rows can match your key range, reverse your start_key and")


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ({"keys": 1}, "`keys` member must be an array."),
        ([], "Request body must be a JSON object"),
    ],
)
def test_posted_bodies_are_checked(mapped, body, reason):
    """The body is an object, its keys an array."""
    answer = mapped.post("_design/d/_view/map", json=body)
    assert answer.status_code == 400
    assert answer.json() == {"error": "bad_request", "reason": reason}


@pytest.mark.parametrize("body", [{}, {"queries": 1}, {"queries": [1]}])
def test_queries_must_be_an_array_of_objects(mapped, body):
    """Anything else is refused."""
    assert mapped.post("_design/d/_view/map/queries", json=body).status_code in (400, 500)


def test_a_map_that_throws_hides_only_that_document(db):
    """The others are in the index."""
    db.design("d", views={"v": {"map": "function(doc){emit(doc.a.b)}"}})
    db.bulk([{"_id": "good", "a": {"b": 1}}, {"_id": "bad"}])
    assert [row["id"] for row in db.read("_design/d/_view/v")["rows"]] == ["good"]


@pytest.mark.parametrize("source", ["function(doc){", "not a function", "1", "({})"])
def test_a_map_that_does_not_compile_is_refused_in_writing(db, source):
    """The design document is not stored."""
    answer = db.put("_design/d", json={"views": {"v": {"map": source}}})
    assert answer.status_code == 400
    assert answer.json()["error"] == "compilation_error"
    assert db.get("_design/d").status_code == 404


@pytest.mark.parametrize(
    ("members", "reason"),
    [
        ({"views": 1}, "`views` field must have object type"),
        ({"views": {"v": 1}}, "`views.v` field must have object type"),
        ({"views": {"v": {"map": 1}}}, "`views.v.map` field must have string type"),
        ({"views": {"v": {}}}, "View `v` must contain map function"),
        ({"views": {"v": {"reduce": "_count"}}}, "View `v` must contain map function"),
        ({"views": {"v": {"map": MAP, "reduce": "_nosuch"}}}, "`_nosuch` is not a supported reduce function."),
        ({"views": {"v": {"map": MAP, "reduce": 1}}}, "`views.v.reduce` field must have string type"),
        ({"language": 1}, "`language` field must have string type"),
        ({"options": 1}, "`options` field must have object type"),
        ({"filters": 1}, "`filters` field must have object type"),
        ({"filters": {"f": 1}}, "`filters.f` field must have string or object type"),
        ({"updates": 1}, "`updates` field must have object type"),
        ({"validate_doc_update": 1}, "`validate_doc_update` field must have string type"),
        ({"shows": 1}, "`shows` field must have object type"),
        ({"rewrites": 1}, "`rewrites` field must have array or string type"),
    ],
)
def test_malformed_design_documents_are_refused(db, members, reason):
    """The reason names the field and what it must be; nothing is stored."""
    answer = db.put("_design/d", json=members)
    assert answer.status_code == 400
    assert answer.json() == {"error": "invalid_design_doc", "reason": reason}
    assert db.get("_design/d").status_code == 404


def test_an_empty_map_is_missing(db):
    """There is no function in an empty text."""
    answer = db.put("_design/d", json={"views": {"v": {"map": ""}}})
    assert answer.status_code in (400, 404)
    assert db.get("_design/d").status_code == 404


@pytest.mark.parametrize("source", ["function(k,v){", "1"])
def test_a_reduce_that_does_not_compile_is_refused_in_writing(db, source):
    """As with a map; the reason names the view."""
    answer = db.put("_design/d", json={"views": {"v": {"map": MAP, "reduce": source}}})
    assert (answer.status_code, answer.json()["error"]) == (400, "compilation_error")
    assert answer.json()["reason"].startswith("Compilation of the reduce function in the 'v' view failed: ")


@pytest.mark.parametrize("path", ["_nosuch", "_view", "_view/"])
def test_what_a_design_document_does_not_have_is_refused(mapped, path):
    """Neither a view nor an attachment."""
    assert mapped.get(f"_design/d/{path}").status_code in (404, 405)


def test_an_unknown_language_fails_when_asked(db):
    """The document is stored; nobody can run it."""
    db.design("d", language="klingon", views={"v": {"map": "Qapla'"}})
    answer = db.get("_design/d/_view/v")
    assert answer.status_code in (400, 500)
    assert answer.json()["error"] in ("unknown_query_language", "klingon")


def test_a_reduce_that_does_not_shrink_is_reported(db):
    """CouchDB guards against reduces that collect."""
    reduce = "function(keys, values, rereduce){return rereduce ? [].concat.apply([], values) : values}"
    db.design("d", views={"v": {"map": "function(doc){emit(doc._id, new Array(60).join('x'))}", "reduce": reduce}})
    db.bulk([{"n": n} for n in range(200)])
    answer = db.get("_design/d/_view/v")
    assert "reduce_overflow_error" in answer.text


@pytest.mark.parametrize("reduce", ["function(k,v){throw({forbidden:'x'})}", "function(k,v){return nosuch.x}"])
def test_a_reduce_that_throws_answers_an_error(db, reduce):
    """Reading without the reduce works."""
    db.design("d", views={"v": {"map": MAP, "reduce": reduce}})
    db.save("a")
    answer = db.get("_design/d/_view/v")
    assert answer.status_code >= 400 or "error" in answer.text or "null" in answer.text
    assert db.read("_design/d/_view/v", reduce="false")["total_rows"] == 1


def test_an_endless_map_costs_that_request_alone(db):
    """The query ends with an error in its time and the server goes on."""
    db.design("loop", views={"v": {"map": "function(doc){while(true){}}"}})
    db.design("good", views={"v": {"map": MAP}})
    db.save("a")
    answer = db.get("_design/loop/_view/v", timeout=120)
    assert answer.status_code >= 500 or answer.json()["rows"] == []
    assert db.read("_design/good/_view/v")["total_rows"] == 1


@pytest.mark.parametrize(("reduce", "error"), [("_sum", "builtin_reduce_error"), ("_stats", "invalid_value")])
def test_sums_of_what_is_no_number_are_errors(db, reduce, error):
    """The answer says which reduce does not take such values."""
    db.design("d", views={"v": {"map": "function(doc){emit(1,'x')}", "reduce": reduce}})
    db.save("a")
    answer = db.get("_design/d/_view/v")
    body = answer.json() if answer.status_code >= 400 else answer.json()["rows"][0]["value"]
    assert body["error"] == error
    assert reduce in body["reason"]


@pytest.mark.parametrize("method", ["PUT", "DELETE"])
def test_views_are_read_only(mapped, method):
    """405 for writing."""
    answer = mapped.request(method, "_design/d/_view/map")
    assert (answer.status_code, answer.headers["Allow"]) == (405, "GET,POST,HEAD")


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_temporary_views_are_gone(db, method):
    """CouchDB 1 had them."""
    answer = db.request(method, "_temp_view", json={"map": MAP})
    assert answer.status_code == 410
    assert answer.json() == {"error": "gone", "reason": "Temporary views are not supported in CouchDB"}
