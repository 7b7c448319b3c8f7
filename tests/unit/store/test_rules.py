"""Filters are found by the documents that may pass them."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.store.feeds.rules import Condition, Index, condition_on_ids, conditions_of
from server.store.mango.normal import normal
from server.store.mango.selector import compile_normal

scalars = st.none() | st.booleans() | st.sampled_from([0, 1, 1.0, -1, "", "a", "\u00e9", "e\u0301", "a\u0000"])
names = st.sampled_from(["_id", "type", "a", "a.b", "list.0"])
values = scalars | st.lists(scalars, max_size=2) | st.dictionaries(st.sampled_from(["b", "c"]), scalars, max_size=2)
docs = st.dictionaries(st.sampled_from(["_id", "type", "a", "list"]), values)
conditions = st.dictionaries(
    names, scalars | values | st.builds(lambda op, value: {op: value}, st.sampled_from(["$eq", "$ne", "$gt"]), scalars)
)
selectors = conditions | st.builds(
    lambda word, parts, rest: {word: parts, **rest},
    st.sampled_from(["$and", "$or", "$nor"]),
    st.lists(conditions, min_size=1, max_size=3),
    conditions,
)


class Named:
    """A filter with its conditions."""

    def __init__(self, *conditions: Condition) -> None:
        self.conditions = conditions


def index_of(things: list[Named]) -> Index[Named]:
    index: Index[Named] = Index(lambda thing: thing.conditions)
    for thing in things:
        index.add(thing)
    return index


@given(st.lists(selectors, max_size=5), docs)
def test_every_selector_that_a_document_meets_is_found_by_it(given_: list[dict[str, Any]], doc: dict[str, Any]) -> None:
    """However equal values are written."""
    explicit = [normal(each) for each in given_]
    things = [Named(*conditions_of(each)) for each in explicit]
    met = {thing for thing, each in zip(things, explicit, strict=True) if compile_normal(each)(doc)}
    assert met <= index_of(things).candidates(doc)


@pytest.mark.parametrize(
    ("selector", "paths"),
    [
        ({}, []),
        ({"type": "job", "claim": {"worker": "w"}}, [("type",), ("claim", "worker")]),
        ({"$and": [{"_id": "a"}, {"n": {"$gt": 1}}]}, [("_id",)]),
        ({"$or": [{"_id": "a"}, {"_id": "b"}]}, []),
        ({"tags": ["a"]}, []),
        ({"n": {"$ne": 1}}, []),
        ({"$nor": [{"type": {"$ne": "job"}}]}, [("type",)]),
    ],
)
def test_conditions_are_what_every_document_must_have(selector: dict[str, Any], paths: list[tuple[str, ...]]) -> None:
    """Simple values, of which all are demanded."""
    assert [each.path for each in conditions_of(normal(selector))] == paths


def test_filters_for_a_document_each_are_found_by_that_document_alone() -> None:
    """However many there are, and though they share another condition."""
    [shared] = conditions_of(normal({"type": "job"}))
    things = [Named(shared, condition_on_ids([f"{n}", f"other {n}"])) for n in range(100)]
    index = index_of(things)
    assert len(index.candidates({"_id": "7", "type": "worker"})) <= 1
    assert things[8] in index.candidates({"_id": "other 8", "type": "job"})
    assert len(index.candidates({"_id": "other 8", "type": "job"})) <= 2


def test_what_is_removed_is_found_no_more() -> None:
    """And leaves nothing behind."""
    things = [Named(), Named(condition_on_ids(["a"])), Named(condition_on_ids(["a", "b"]))]
    index = index_of(things)
    assert index.candidates({"_id": "a"}) == set(things) == set(index)
    for thing in things:
        index.remove(thing)
    assert (len(index), index._by_value, index._others) == (0, {}, set())
