"""The order of keys: types first, text as ICU sorts it, arrays and objects member by member."""

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

ORDERED = [
    None,
    False,
    True,
    -10,
    -1.5,
    0,
    1,
    1.5,
    2,
    10,
    12345678901,
    "",
    "a",
    "A",
    "aa",
    "b",
    "B",
    "ba",
    "bb",
    "z",
    [],
    [None],
    ["a"],
    ["b"],
    ["b", "c"],
    ["b", "c", "a"],
    ["b", "d"],
    ["b", "d", "e"],
    [[]],
    [{}],
    {},
    {"a": 1},
    {"a": 2},
    {"b": 1},
    {"b": 2},
    {"b": 2, "a": 1},
    {"b": 2, "c": 2},
]
PUNCTUATION = list("_-,!'\"([{@*/\\&#%`^+<|~$")


@pytest.fixture
def keyed(db):
    """The view `d/v` emits a document's `k`; `d/raw` does so in raw collation."""
    db.design("d", views={"v": {"map": "function(doc){emit(doc.k)}"}})
    db.design("raw", views={"v": {"map": "function(doc){emit(doc.k)}", "options": {"collation": "raw"}}})
    return db


def sorted_keys(db, keys, design="d"):
    """The keys in the view's order."""
    db.bulk([{"k": key} for key in reversed(keys)])
    return [row["key"] for row in db.read(f"_design/{design}/_view/v")["rows"]]


def test_types_come_in_their_order(keyed):
    """null, false, true, numbers, text, arrays, objects."""
    assert sorted_keys(keyed, ORDERED) == ORDERED


def test_small_letters_come_before_capitals(keyed):
    """Letters sort by alphabet first, by case second."""
    assert sorted_keys(keyed, ["B", "b", "A", "a", "ab", "Ab", "é", "e", "f"]) == [
        "a", "A", "ab", "Ab", "b", "B", "e", "é", "f",
    ]  # fmt: skip


def test_punctuation_comes_before_digits_and_letters(keyed):
    """In ICU's order, which is not that of the code points."""
    assert sorted_keys(keyed, [*PUNCTUATION, "1", "a"]) == [*PUNCTUATION, "1", "a"]


def test_text_of_digits_is_text(keyed):
    """ "10" comes before "9"."""
    assert sorted_keys(keyed, ["9", "10", 9, 10]) == [9, 10, "10", "9"]


def test_the_empty_object_ends_a_prefix(keyed):
    """[x, {}] is after every [x, text or number]."""
    keyed.bulk([{"k": ["a", value]} for value in (None, 1, "zz", "￮", ["z"])] + [{"k": ["b"]}])
    rows = keyed.read("_design/d/_view/v", startkey='["a"]', endkey='["a",{}]')["rows"]
    assert len(rows) == 5


def test_equal_numbers_are_one_key(keyed):
    """1 and 1.0 are found by each other."""
    keyed.json("PUT", "a", '{"k":1}')
    keyed.json("PUT", "b", '{"k":1.0}')
    assert [row["id"] for row in keyed.read("_design/d/_view/v", key="1")["rows"]] == ["a", "b"]
    assert [row["id"] for row in keyed.read("_design/d/_view/v", key="1.0")["rows"]] == ["a", "b"]


def test_equal_texts_in_unicode_are_one_key(keyed):
    """A letter composed and decomposed collates alike."""
    keyed.bulk([{"_id": "composed", "k": "\u00e9"}, {"_id": "decomposed", "k": "e\u0301"}])
    rows = keyed.read("_design/d/_view/v", key=json.dumps("\u00e9"))["rows"]
    assert {"composed"} <= {row["id"] for row in rows}


def test_raw_collation_compares_code_points(keyed):
    """Capitals first; and types in another order."""
    assert sorted_keys(keyed, ["B", "a", "A", "b"], "raw") == ["A", "B", "a", "b"]


keys = st.recursive(
    st.none() | st.booleans() | st.integers(-100, 100) | st.text("abcAB _-19é", max_size=4),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text("abAB", min_size=1, max_size=2), inner, max_size=2)
    ),
    max_leaves=6,
)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(keys=st.lists(keys, min_size=2, max_size=12))
def test_every_key_is_found_by_itself_and_its_range(keyed, keys):
    """The order of the rows is the order that ranges use."""
    made = keyed.bulk([{"k": key} for key in keys])
    rows = keyed.read("_design/d/_view/v")["rows"]
    for position, row in enumerate(rows):
        key = json.dumps(row["key"])
        below = keyed.read("_design/d/_view/v", endkey=key, inclusive_end="false")["rows"]
        upto = keyed.read("_design/d/_view/v", endkey=key)["rows"]
        assert len(below) <= position < len(upto)
        assert row["id"] in [found["id"] for found in keyed.read("_design/d/_view/v", key=key)["rows"]]
    keyed.bulk([{"_id": doc["id"], "_rev": doc["rev"], "_deleted": True} for doc in made])
