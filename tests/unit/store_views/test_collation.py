"""The key bytes of JSON values sort as CouchDB sorts the values."""

import functools
import itertools
import math

import icu
import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.store import collation

#: The example of CouchDB's documentation of view collation, in its order.
DOCUMENTED = [
    None,
    False,
    True,
    1,
    2,
    3.0,
    4,
    "a",
    "A",
    "aa",
    "b",
    "B",
    "ba",
    "bb",
    ["a"],
    ["b"],
    ["b", "c"],
    ["b", "c", "a"],
    ["b", "d"],
    ["b", "d", "e"],
    {"a": 1},
    {"a": 2},
    {"b": 1},
    {"b": 2},
    {"b": 2, "a": 1},
    {"b": 2, "c": 2},
]
RAW = [-5, 0, 1, 10.5, False, None, True, {}, {"a": 1}, {"a": 1, "b": 0}, {"b": 0}, [], ["a"], ["b"], "", "A", "a"]

SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**53), 2**53),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(st.characters(codec="utf-8"), max_size=6),
    st.sampled_from(["", "a", "A", "aa", "ä", "e\u0301", "é", "_", "-", "a\x00", "\uffff", "\ufffe", "\x00"]),
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4), st.dictionaries(st.text("abAB_", max_size=2), inner, max_size=3)
    ),
    max_leaves=8,
)

_collator = icu.Collator.createInstance(icu.Locale.getRoot())


def rank(value: object) -> int:
    order = (type(None), bool, (int, float), str, list, dict)
    return next(place for place, kind in enumerate(order) if isinstance(value, kind))


def compare_sequences(left: list, right: list) -> int:
    for one, other in zip(left, right, strict=False):
        if result := reference(one, other):
            return result
    return len(left) - len(right)


def reference(left: object, right: object) -> int:
    """CouchDB's comparison, written as its documentation tells it."""
    if rank(left) != rank(right):
        return rank(left) - rank(right)
    if isinstance(left, str):
        return _collator.compare(left, right)
    if isinstance(left, list):
        return compare_sequences(left, right)
    if isinstance(left, dict):
        return compare_sequences(flat(left), flat(right))
    return 0 if left is None else (left > right) - (left < right)


def flat(value: dict) -> list:
    return [part for member in value.items() for part in member]


def sign(number: int) -> int:
    return (number > 0) - (number < 0)


def by_bytes(encode: collation.Encode, left: object, right: object) -> int:
    one, other = encode(left), encode(right)
    return (one > other) - (one < other)


@pytest.mark.parametrize(("encode", "values"), [(collation.encode, DOCUMENTED), (collation.encode_raw, RAW)])
def test_documented_examples_keep_their_order(encode, values):
    """Each value of the documented list sorts below the next one."""
    keys = [encode(value) for value in values]
    assert keys == sorted(keys)
    assert len(set(keys)) == len(keys)


@given(VALUES, VALUES)
def test_bytes_sort_as_the_reference_comparison(left, right):
    """For any two values, comparing bytes and comparing values give the same sign."""
    assert by_bytes(collation.encode, left, right) == sign(reference(left, right))


@given(st.lists(VALUES, max_size=12))
def test_sorting_by_bytes_is_sorting_by_value(values):
    """A list sorted by key bytes is in the order of the reference comparison."""
    ordered = sorted(values, key=collation.encode)
    assert all(reference(one, other) <= 0 for one, other in itertools.pairwise(ordered))
    assert [collation.encode(v) for v in sorted(values, key=functools.cmp_to_key(reference))] == [
        collation.encode(v) for v in ordered
    ]


@pytest.mark.parametrize("encode", [collation.encode, collation.encode_raw])
@given(left=VALUES, right=VALUES, tail=st.binary(max_size=5))
def test_encodings_are_prefix_free(encode, left, right, tail):
    """No key begins another one, so what is appended to a key can be told from it."""
    one, other = encode(left), encode(right)
    assert one == other or not other.startswith(one)
    assert collation.whole_key(one + tail) == one


@pytest.mark.parametrize("encode", [collation.encode, collation.encode_raw])
@given(value=st.lists(VALUES, max_size=5), level=st.integers(1, 6), tail=st.binary(max_size=5))
def test_a_group_is_the_common_beginning_of_arrays(encode, value, level, tail):
    """Two arrays are in one group exactly when their first members are the same."""
    prefix = collation.array_prefix(encode(value) + tail, level)
    assert encode(value).startswith(prefix)
    longer = encode([*value[:level], "more"])
    assert longer.startswith(prefix) == (len(value) >= level)


@given(VALUES)
def test_everything_sorts_below_the_highest(value):
    """The upper bound of a range is above every key and above what follows a key."""
    assert collation.encode(value) < collation.HIGHEST
    assert collation.encode_raw(value) < collation.HIGHEST


def test_minus_zero_is_zero_and_huge_integers_are_the_highest_numbers():
    """Zero has one key, and integers beyond the doubles still have a place."""
    assert collation.encode(-0.0) == collation.encode(0)
    huge = 10**400
    assert collation.encode(1.7e308) < collation.encode(huge) == collation.encode(math.inf)
    assert collation.encode(-huge) < collation.encode(-1.7e308)


def test_half_surrogates_have_a_key():
    """A string that no UTF-8 can hold still sorts among the strings."""
    key = collation.encode("\ud800")
    assert collation.encode("a") < key < collation.encode([])
    assert collation.encode_raw("\ud800") > collation.encode_raw("a")


def test_encoder_knows_raw():
    """Only the word raw asks for the raw order."""
    assert collation.encoder("raw") is collation.encode_raw
    assert collation.encoder(None) is collation.encode
