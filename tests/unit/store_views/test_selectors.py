"""Selectors match what CouchDB's selectors match, and indexes never lose a match."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from server.store.collation import encode
from server.store.errors import BadRequest
from server.store.javascript.messages import Mapped
from server.store.mango import fields, indexes, plan
from server.store.mango.normal import normal
from server.store.mango.request import parse_find, parse_index
from server.store.mango.selector import compile_selector, has_pattern, matches
from server.store.views import design
from server.store.views.mapping import Source
from server.store.views.selected import IndexMapper

VALUE = st.one_of(
    st.none(), st.booleans(), st.integers(-3, 3), st.sampled_from(["", "a", "b", "B"]), st.lists(st.integers(0, 2))
)
DOC = st.dictionaries(st.sampled_from(["a", "b", "c"]), VALUE)
CONDITION = st.one_of(
    VALUE,
    st.builds(lambda name, value: {name: value}, st.sampled_from(["$eq", "$ne", "$lt", "$lte", "$gt", "$gte"]), VALUE),
    st.builds(lambda values: {"$in": values}, st.lists(VALUE, max_size=3)),
    st.builds(lambda low, high: {"$gt": low, "$lte": high}, VALUE, VALUE),
    st.sampled_from([{"$exists": True}, {"$exists": False}, {"$type": "number"}, {"$size": 1}]),
)
LEAF = st.dictionaries(st.sampled_from(["a", "b", "c"]), CONDITION, min_size=1, max_size=2)
SELECTOR = st.recursive(
    LEAF,
    lambda inner: st.one_of(
        st.builds(
            lambda name, parts: {name: parts},
            st.sampled_from(["$and", "$or", "$nor"]),
            st.lists(inner, min_size=1, max_size=3),
        ),
        st.builds(lambda part: {"$not": part}, inner),
    ),
    max_leaves=4,
)


@pytest.mark.parametrize(
    ("selector", "explicit"),
    [
        ({}, {}),
        ({"a": 1}, {"a": {"$eq": 1}}),
        ({"a": {}}, {"a": {"$eq": {}}}),
        ({"a": {"b": 1}}, {"a.b": {"$eq": 1}}),
        ({"a": {"$gt": 1, "$lt": 3}}, {"$and": [{"a": {"$gt": 1}}, {"a": {"$lt": 3}}]}),
        ({"a": 1, "b": 2}, {"$and": [{"a": {"$eq": 1}}, {"b": {"$eq": 2}}]}),
        ({"a": {"$or": [1, {"$lt": 0}]}}, {"$or": [{"a": {"$eq": 1}}, {"a": {"$lt": 0}}]}),
        ({"a": {"$not": {"$lt": 1}}}, {"a": {"$gte": 1}}),
        ({"$not": {"$or": [{"a": 1}, {"b": {"$in": [2]}}]}}, {"$and": [{"a": {"$ne": 1}}, {"b": {"$nin": [2]}}]}),
        ({"$nor": [{"a": 1}]}, {"a": {"$ne": 1}}),
        ({"$not": {"$nor": [{"a": 1}, {"b": 1}]}}, {"$or": [{"a": {"$eq": 1}}, {"b": {"$eq": 1}}]}),
        ({"$not": {"a": {"$exists": True}}}, {"a": {"$exists": False}}),
        ({"$not": {"a": {"$size": 2}}}, {"a": {"$not": {"$size": 2}}}),
        ({"$not": {"$not": {"a": 1}}}, {"a": {"$eq": 1}}),
        ({"a": {"$elemMatch": {"b": {"$not": {"$gt": 1}}}}}, {"a": {"$elemMatch": {"b": {"$lte": 1}}}}),
    ],
)
def test_selectors_are_made_explicit(selector, explicit):
    """One operator on one field each; negations inside."""
    assert normal(selector) == explicit


@pytest.mark.parametrize(
    ("selector", "error"),
    [
        (5, "invalid_selector_json"),
        ({"a": {"$bad": 1}}, "invalid_operator"),
        ({"$regex": 5}, "invalid_operator"),
        ({"a": {"$regex": "("}}, "bad_arg"),
        ({"a": {"$mod": [0, 1]}}, "bad_arg"),
        ({"a": {"$mod": [True, 1]}}, "bad_arg"),
        ({"a": {"$size": True}}, "bad_arg"),
        ({"a": {"$elemMatch": 1}}, "bad_arg"),
        ({"": 1}, "invalid_selector"),
        ({"$text": "x"}, "text_search"),
    ],
)
def test_senseless_selectors_are_refused(selector, error):
    """With CouchDB's word for each."""
    with pytest.raises(BadRequest) as caught:
        compile_selector(selector)
    assert caught.value.error == error


def test_a_selector_that_is_nested_without_end_is_refused():
    """It costs one request, not the server."""
    selector: dict = {"a": 1}
    for _ in range(5_000):
        selector = {"$not": selector}
    with pytest.raises(BadRequest):
        compile_selector(selector)


@pytest.mark.parametrize(
    ("condition", "good", "bad"),
    [
        ({"$gt": 5}, [6, "a", [], {}], [5, None, True]),
        ({"$eq": "\u00e9"}, ["\u00e9", "e\u0301"], ["e"]),
        ({"$mod": [-3, -1]}, [-1, -4], [1, 2, -3, 1.0, "x"]),
        ({"$mod": [3, 1]}, [1, 4], [-1, -2, True]),
        ({"$all": [[1, 2]]}, [[1, 2], [[1, 2]]], [[1], 1]),
        ({"$in": [1, [2]]}, [1, [1, 9], [2]], [2, "1", []]),
        ({"$nin": [1]}, [2, [2], []], [1, [1]]),
        ({"$keyMapMatch": {"$regex": "^x"}}, [{"xy": 1}], [{"a": 1}, ["x"]]),
        ({"$allMatch": {"$gt": 0}}, [[1, 2]], [[], [0, 1], 1]),
        ({"$beginsWith": "a"}, ["ab"], ["ba", 1]),
        ({"$type": "number"}, [1, 1.5], ["1", True, None]),
    ],
)
def test_operators_on_values(condition, good, bad):
    """What each takes and what it does not."""
    assert [value for value in good if not matches({"v": condition}, {"v": value})] == []
    assert [value for value in bad if matches({"v": condition}, {"v": value})] == []
    assert not matches({"v": condition}, {})


@given(DOC, SELECTOR)
@settings(max_examples=200, deadline=None)
def test_a_match_and_its_negation_exclude_each_other(doc, selector):
    """No document meets both a selector and its negation; both fail only where members are missing."""
    met, unmet = matches(selector, doc), matches({"$not": selector}, doc)
    assert not (met and unmet)
    assert met or unmet or set(doc) != {"a", "b", "c"}


@given(st.lists(DOC, max_size=12), SELECTOR, st.lists(st.sampled_from(["a", "b", "c"]), unique=True, min_size=1))
@settings(max_examples=300, deadline=None)
def test_a_planned_range_holds_every_match(docs, selector, columns):
    """An index that is used has all that match inside the range that is read."""
    index = indexes.asked_for({"fields": columns}, "d", "i")
    chosen = plan.choose(parse_find({"selector": selector}), [indexes.ALL_DOCS, index])
    matching = [number for number, doc in enumerate(docs) if matches(selector, doc)]
    if chosen.index.is_special:
        return
    within = chosen.range()
    rows = mapped(index, docs).rows[0]
    read = {int(json.loads(row)["id"]) for key, row in rows if within.start <= key < within.end}
    assert read.issuperset(matching)


def mapped(index: indexes.IndexDef, docs: list[dict]) -> Mapped:
    """The rows of an index over documents whose ids are their places."""
    view = index.view({})
    ddoc = {"_id": index.ddoc, "language": "query", "views": {index.name: view}}
    mapper = IndexMapper(design.parse(json.dumps(ddoc).encode()), select)
    mapper.begin([Source(str(number), json.dumps(doc).encode()) for number, doc in enumerate(docs)])
    return mapper.finish()


def select(selector, docs):
    return [matches(selector, json.loads(doc)) for doc in docs]


def test_partial_indexes_hold_only_what_their_filter_lets_pass():
    """And documents that lack a field are in none."""
    asked = {"fields": ["a"], "partial_filter_selector": {"b": {"$gt": 1}}}
    found = mapped(indexes.asked_for(asked, None, None), [{"a": 1, "b": 1}, {"a": 1, "b": 2}, {"b": 2}])
    assert [json.loads(row)["id"] for _, row in found.rows[0]] == ["1"]
    assert [doc_id for doc_id, _ in found.keys] == ["1"]


@pytest.mark.parametrize(
    ("selector", "sort", "columns"),
    [
        ({"a": 1, "b": {"$gt": 0}}, [], ["a", "b"]),
        ({"b": 1}, [], ["b"]),
        ({"a": 1}, ["b"], ["a", "b"]),
        ({"c": 1}, [], ["_id"]),
        ({"a": {"$exists": False}}, [], ["_id"]),
        ({"$or": [{"b": 1}, {"b": 2}]}, [], ["b"]),
        ({"$or": [{"b": 1}, {"c": 2}]}, [], ["_id"]),
    ],
)
def test_the_index_that_narrows_most_is_chosen(selector, sort, columns):
    """One whose fields every match has, in the order asked for."""
    known = [indexes.ALL_DOCS, *(indexes.asked_for({"fields": each}, None, None) for each in (["a", "b"], ["b"]))]
    chosen = plan.choose(parse_find({"selector": selector, "sort": sort}), known)
    assert [name for name, _ in chosen.index.columns] == columns


@pytest.mark.parametrize(
    ("condition", "read"),
    [
        ({"$gt": 1}, [2, 3]),
        ({"$gte": 1}, [1, 2, 3]),
        ({"$lt": 2}, [0, 1]),
        ({"$lte": 2}, [0, 1, 2]),
        ({"$eq": 2}, [2]),
        ({"$gt": 0, "$lte": 2, "$lt": 9, "$gte": 0}, [1, 2]),
        ({"$ne": 2}, [0, 1, 2, 3]),
    ],
)
@pytest.mark.parametrize("leading", [False, True])
def test_conditions_bound_what_is_read(condition, read, leading):
    """Exactly the rows between the bounds, behind a column of one value too."""
    columns, selector = (["g", "n"], {"g": 1, "n": condition}) if leading else (["n"], {"n": condition})
    index = indexes.asked_for({"fields": columns}, None, None)
    within = plan.choose(parse_find({"selector": selector}), [index]).range()
    docs = [{"g": 1, "n": number} for number in range(4)] + [{"g": 0, "n": 1}, {"g": 2, "n": 1}] * leading
    rows = mapped(index, docs).rows[0]
    assert [json.loads(row)["key"][-1] for key, row in rows if within.start <= key < within.end] == read


def test_contradicting_bounds_make_an_empty_range():
    """Nothing is read for what cannot be."""
    index = indexes.asked_for({"fields": ["a"]}, None, None)
    within = plan.choose(parse_find({"selector": {"a": {"$gt": 5, "$lt": 3}}}), [index]).range()
    assert within.start >= within.end


def test_paths_lead_into_objects_and_lists():
    """A backslash keeps a dot; a place of a list is a number."""
    doc = {"a": {"b": [1, {"c": 2}]}, "x.y": 3}
    found = [fields.get(doc, fields.parse(path)) for path in ("a.b.1.c", "x\\.y", "a.b.7", "a.b.-1", "z.z")]
    assert found == [2, 3, fields.MISSING, fields.MISSING, fields.MISSING]
    assert fields.project(doc, [fields.parse("a.b"), fields.parse("nosuch")]) == {"a": {"b": [1, {"c": 2}]}}


def test_patterns_are_found_wherever_they_are():
    """They decide where a selector is matched."""
    assert has_pattern(normal({"a": {"$elemMatch": {"$or": [{"b": {"$regex": "x"}}]}}}))
    assert not has_pattern(normal({"a": "$regex"}))


def test_names_of_indexes_come_from_their_definition():
    """The same definition has the same name, another one another."""
    one, same = (indexes.asked_for({"fields": ["a", {"b": "asc"}]}, None, None) for _ in range(2))
    assert one == same
    assert one.name != indexes.asked_for({"fields": ["b", "a"]}, None, None).name
    assert parse_index({"index": {"fields": ["a"]}}).type == "json"
    assert encode([]) < encode([1])
