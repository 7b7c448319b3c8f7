"""`_index` and `_explain`: what helps `_find`."""

import json

import pytest


@pytest.fixture
def stocked(db):
    """Ten documents with numbers going down while ids go up."""
    db.bulk([{"_id": letter, "n": 10 - n, "g": n % 2} for n, letter in enumerate("abcdefghij")])
    return db


def index(db, *fields, **more):
    """Makes an index and returns the answer."""
    answer = db.post("_index", json={"index": {"fields": list(fields)}, **more})
    assert answer.status_code == 200, answer.text
    return answer.json()


def found(db, selector, **more):
    """The ids that a selector finds, in their order."""
    answer = db.post("_find", json={"selector": selector, **more})
    assert answer.status_code == 200, answer.text
    return "".join(doc["_id"] for doc in answer.json()["docs"])


def explain(db, selector, **more):
    """The index that a selector would use."""
    answer = db.post("_explain", json={"selector": selector, **more})
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_an_index_is_made_once(db):
    """The second time it exists."""
    first = index(db, "n", name="by-n", ddoc="made")
    assert first == {"result": "created", "id": "_design/made", "name": "by-n"}
    assert index(db, "n", name="by-n", ddoc="made")["result"] == "exists"


def test_names_are_made_up(db):
    """And stay the same for the same definition."""
    first, second = index(db, "n"), index(db, "n")
    assert (first["result"], second["result"]) == ("created", "exists")
    assert first["name"] == second["name"] and first["id"].startswith("_design/")


def test_the_list_starts_with_the_ids(db):
    """Every database can be searched by id."""
    assert db.read("_index") == {
        "total_rows": 1,
        "indexes": [{"ddoc": None, "name": "_all_docs", "type": "special", "def": {"fields": [{"_id": "asc"}]}}],
    }


def test_the_list_describes_indexes(db):
    """Design document, name, type, fields with their direction."""
    index(db, "n", {"m": "asc"}, name="by-n", ddoc="made")
    body = db.read("_index")
    assert body["total_rows"] == 2
    assert body["indexes"][1] == {
        "ddoc": "_design/made",
        "name": "by-n",
        "type": "json",
        "partitioned": False,
        "def": {"fields": [{"n": "asc"}, {"m": "asc"}]},
    }


@pytest.mark.parametrize("address", ["made/json/by-n", "_design/made/json/by-n"])
def test_an_index_is_deleted(db, address):
    """With its design document, when that holds nothing else."""
    index(db, "n", name="by-n", ddoc="made")
    assert db.delete(f"_index/{address}").json() == {"ok": True}
    assert db.read("_index")["total_rows"] == 1
    assert db.get("_design/made").status_code == 404
    answer = db.delete(f"_index/{address}")
    assert (answer.status_code, answer.json()["error"]) == (404, "not_found")


def test_several_indexes_share_a_design_document(db):
    """Deleting one leaves the other."""
    index(db, "n", name="one", ddoc="made")
    index(db, "m", name="two", ddoc="made")
    db.delete("_index/made/json/one")
    assert [entry["name"] for entry in db.read("_index")["indexes"]] == ["_all_docs", "two"]


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ({}, "missing_required_key"),
        ({"index": {}}, "missing_required_key"),
        ({"index": {"fields": "x"}}, "invalid_sort_json"),
        ({"index": {"fields": ["n"]}, "type": "bad"}, "invalid_index"),
        ({"index": {"fields": [{"a": "asc"}, {"b": "desc"}]}}, "unsupported_mixed_sort"),
        ({"index": {"fields": ["n"]}, "name": 1}, "invalid_string"),
        ({"index": {"fields": ["n"]}, "ddoc": 1}, "invalid_string"),
    ],
)
def test_senseless_indexes_are_named(db, body, error):
    """Each mistake has its error."""
    answer = db.post("_index", json=body)
    assert (answer.status_code, answer.json()["error"]) == (400, error)


def test_an_index_is_used_and_keeps_its_order(stocked):
    """Rows come by the index, not by id; no warning."""
    index(stocked, "n")
    answer = stocked.post("_find", json={"selector": {"n": {"$gt": 7}}}).json()
    assert [doc["n"] for doc in answer["docs"]] == [8, 9, 10]
    assert "warning" not in answer


def test_sorting_goes_both_ways(stocked):
    """By an index over the field."""
    index(stocked, "n")
    assert found(stocked, {"n": {"$gt": 7}}, sort=["n"]) == "cba"
    assert found(stocked, {"n": {"$gt": 7}}, sort=[{"n": "desc"}]) == "abc"


def test_an_index_follows_edits(stocked):
    """What changes moves."""
    index(stocked, "n")
    assert found(stocked, {"n": 10}) == "a"
    stocked.save("a", _rev=stocked.read("a")["_rev"], n=99)
    assert found(stocked, {"n": 10}) == ""
    assert found(stocked, {"n": {"$gt": 9}}) == "a"


def test_compound_indexes_serve_prefixes(stocked):
    """Equality on the first field, a range on the second."""
    index(stocked, "g", "n")
    assert found(stocked, {"g": 0, "n": {"$gt": 5}}, sort=["g", "n"]) == "eca"
    assert explain(stocked, {"g": 0, "n": {"$gt": 5}})["index"]["type"] == "json"


def test_documents_without_a_field_are_not_in_its_index(stocked):
    """So an index is used only where the field must exist."""
    index(stocked, "n", "extra")
    assert len(found(stocked, {"n": {"$gt": 0}})) == 10
    assert explain(stocked, {"n": {"$gt": 0}})["index"]["type"] == "special"


def test_partial_indexes_are_used_when_named(stocked):
    """They hold less, so nobody else may use them."""
    definition = {"fields": ["n"], "partial_filter_selector": {"g": 1}}
    stocked.post("_index", json={"index": definition, "ddoc": "made", "name": "part"})
    assert len(found(stocked, {"n": {"$gt": 0}})) == 10
    assert len(found(stocked, {"n": {"$gt": 0}}, use_index=["made", "part"])) == 5


def test_an_unfit_index_is_warned_about(stocked):
    """And another way is found."""
    index(stocked, "n", ddoc="made", name="by-n")
    answer = stocked.post("_find", json={"selector": {"g": 1}, "use_index": ["made", "by-n"]}).json()
    assert len(answer["docs"]) == 5
    assert answer["warning"].startswith("_design/made, by-n was not used because it ")


def test_explain_tells_the_plan(stocked):
    """The index, the selector made explicit, the options."""
    index(stocked, "n", ddoc="made", name="by-n")
    plan = explain(stocked, {"n": {"$gt": 3}}, limit=7, skip=1, fields=["n"])
    assert plan["dbname"] == stocked.url.rsplit("/", 1)[1]
    assert plan["index"]["name"] == "by-n"
    assert (plan["limit"], plan["skip"], plan["fields"]) == (7, 1, ["n"])
    assert plan["selector"] == {"n": {"$gt": 3}}
    assert plan["mrargs"]["start_key"] == [3]
    assert plan["opts"]["limit"] == 7


def test_explain_makes_equality_explicit(stocked):
    """What a plain value means."""
    assert explain(stocked, {"n": 1, "g": {"p": 2}})["selector"] == {"$and": [{"n": {"$eq": 1}}, {"g.p": {"$eq": 2}}]}


def test_explain_of_no_index_reads_all(stocked):
    """The special index over ids."""
    plan = explain(stocked, {"zz": 1})
    assert (plan["index"]["name"], plan["index"]["type"]) == ("_all_docs", "special")


def test_an_index_is_a_design_document(db):
    """Its language says so; it travels by replication."""
    made = index(db, "n", name="by-n")
    doc = db.read(made["id"])
    assert doc["language"] == "query"
    assert doc["views"]["by-n"]["map"]["fields"] == {"n": "asc"}
    assert json.dumps(doc["views"]["by-n"]["options"]).count("fields") == 1


def test_a_selector_on_ids_uses_them(stocked):
    """By a range of the special index."""
    assert found(stocked, {"_id": {"$gt": "g"}}) == "hij"
    plan = explain(stocked, {"_id": {"$gt": "g"}})
    assert plan["index"]["name"] == "_all_docs" and plan["mrargs"]["start_key"] == "g"


def test_bulk_deletion_reports_each(db):
    """By design document."""
    index(db, "n", ddoc="made", name="by-n")
    body = db.post("_index/_bulk_delete", json={"docids": ["made", "other"]}).json()
    assert body["success"][0]["id"].endswith("made")
    assert body["fail"][0]["error"] == "not_found"


def test_other_methods_are_405(db):
    """PUT of an index means nothing."""
    answer = db.put("_index")
    assert (answer.status_code, answer.headers["Allow"]) == (405, "GET,POST")
