"""Built-in reduces give one result however the rows are cut into parts."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.store.errors import BadRequest, StoreError
from server.store.views.numbers import add_up
from server.store.views.reduces import ApproximateCountDistinct, Count, IndexRow, Reducer, Stats, Sum, reducer

NUMBERS = st.lists(st.integers(-1000, 1000), min_size=1, max_size=30)


def no_call(source, groups, rereduce):
    raise AssertionError("no JavaScript is needed")


def rows(values, keys=None):
    return [IndexRow("d", key, value) for key, value in zip(keys or values, values, strict=True)]


def in_parts(one: Reducer, values: list, size: int) -> object:
    """The answer when every `size` rows are reduced apart, and those parts together."""
    found = rows(values)
    parts = one.reduce([found[at : at + size] for at in range(0, len(found), size)])
    return one.answer(one.rereduce([parts])[0])


@given(NUMBERS, st.integers(1, 7))
def test_parts_do_not_matter(values, size):
    """Count, sum and statistics of parts are those of the whole."""
    assert in_parts(Count(), values, size) == len(values)
    assert in_parts(Sum(), values, size) == sum(values)
    squares = sum(value * value for value in values)
    expected = {
        "sum": sum(values),
        "count": len(values),
        "min": min(values),
        "max": max(values),
        "sumsqr": squares,
    }
    assert in_parts(Stats(), values, size) == expected


@given(st.lists(st.integers(0, 400), min_size=1, max_size=300), st.integers(1, 50))
def test_distinct_keys_are_counted_closely(values, size):
    """Within five per cent, however they are cut; a few are counted exactly."""
    answer = in_parts(ApproximateCountDistinct(), values, size)
    exact = len(set(values))
    assert abs(answer - exact) <= max(0.05 * exact, 1)


def test_many_distinct_keys_are_counted_closely():
    """A sketch that fills up still tells within five per cent."""
    answer = in_parts(ApproximateCountDistinct(), list(range(20_000)), 500)
    assert abs(answer - 20_000) < 1_000


def test_one_and_one_point_zero_are_one_key():
    """Numbers are compared, not their text."""
    assert in_parts(ApproximateCountDistinct(), [1, 1.0, [2], [2.0]], 2) == 2


@pytest.mark.parametrize(
    ("values", "answer"),
    [
        ([[1, 2], [3]], [4, 2]),
        ([1, [1, 1]], [2, 1]),
        ([{"a": 1}, {"a": 2, "b": {"c": 3}}], {"a": 3, "b": {"c": 3}}),
        ([{"a": [1]}, {"a": [1, 2]}], {"a": [2, 2]}),
        ([0.5, 0.5], 1.0),
        ([2**70, 1], 2**70 + 1),
    ],
)
def test_sums_of_structures(values, answer):
    """Arrays by place, objects by name."""
    assert add_up(values) == answer
    assert in_parts(Sum(), values, 1) == answer


@pytest.mark.parametrize("values", [["x"], [1, "x"], [True], [None], [{"a": "x"}], [1, {"a": 1}], [["x"]]])
def test_what_cannot_be_added_is_an_error_that_stays(values):
    """The error of a part is the error of the whole."""
    answer = in_parts(Sum(), [*values, 1], 1)
    assert answer["error"] == "builtin_reduce_error"
    assert "_sum" in answer["reason"]


def test_statistics_of_arrays_and_of_statistics():
    """By place; and what somebody reduced before."""
    assert [part["sum"] for part in in_parts(Stats(), [[1, 2], [3, 4]], 1)] == [4, 6]
    before = {"sum": 3, "count": 2, "min": 1, "max": 2, "sumsqr": 5}
    assert in_parts(Stats(), [before, 4], 1) == {"sum": 7, "count": 3, "min": 1, "max": 4, "sumsqr": 21}
    with pytest.raises(StoreError) as refused:
        in_parts(Stats(), ["x", 1], 1)
    assert (refused.value.status, refused.value.error) == (500, "invalid_value")


@pytest.mark.parametrize("name", ["_count", "_sum", "_stats", "_approx_count_distinct"])
def test_built_in_reduces_need_no_javascript(name):
    """Their partial results are JSON or bytes, so that they can be stored."""
    one = reducer(name, no_call)
    [partial] = one.reduce([rows([1, 2])])
    assert isinstance(partial, bytes) or json.dumps(partial)


def test_an_unknown_built_in_is_refused():
    """A name with an underscore is no JavaScript."""
    with pytest.raises(BadRequest) as caught:
        reducer("_nosuch", no_call)
    assert caught.value.reason == "`_nosuch` is not a supported reduce function."
