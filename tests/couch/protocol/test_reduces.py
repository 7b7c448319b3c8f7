"""Reduces: the built-in ones, JavaScript ones, and how rows are grouped."""

import json
import statistics

import pytest

NUMBERS = "function (doc) { if (doc.k) { emit(doc.k, doc.n); } }"
REDUCES = {
    "count": "_count",
    "sum": "_sum",
    "stats": "_stats",
    "distinct": "_approx_count_distinct",
    "js": "function (keys, values, rereduce) { return sum(values); }",
    "levels": "function (keys, values, rereduce) { return [rereduce, values.length]; }",
}


@pytest.fixture
def numbers(db):
    """Keys [year, month, day] with numbers 1 to 6 and one view per reduce."""
    db.design("d", views={name: {"map": NUMBERS, "reduce": reduce} for name, reduce in REDUCES.items()})
    days = [[2024, 1, 1], [2024, 1, 2], [2024, 2, 1], [2025, 1, 1], [2025, 1, 1], [2025, 2, 3]]
    db.bulk([{"_id": f"n{n}", "k": day, "n": n} for n, day in enumerate(days, 1)])
    return db


def reduced(db, view, **options):
    """Rows as pairs of key and value."""
    params = {name: json.dumps(value) for name, value in options.items()}
    return [(row["key"], row["value"]) for row in db.read(f"_design/d/_view/{view}", **params)["rows"]]


@pytest.mark.parametrize(("view", "total"), [("count", 6), ("sum", 21), ("js", 21), ("distinct", 5)])
def test_a_total_has_a_null_key(numbers, view, total):
    """One row for everything, without total_rows."""
    body = numbers.read(f"_design/d/_view/{view}")
    assert body == {"rows": [{"key": None, "value": total}]}


def test_stats_describe_the_values(numbers):
    """Sum, count, minimum, maximum, sum of squares."""
    assert reduced(numbers, "stats") == [(None, {"sum": 21, "count": 6, "min": 1, "max": 6, "sumsqr": 91})]


@pytest.mark.parametrize("view", ["sum", "js"])
def test_group_gives_a_row_per_key(numbers, view):
    """Equal keys together."""
    assert reduced(numbers, view, group=True) == [
        ([2024, 1, 1], 1),
        ([2024, 1, 2], 2),
        ([2024, 2, 1], 3),
        ([2025, 1, 1], 9),
        ([2025, 2, 3], 6),
    ]


@pytest.mark.parametrize(
    ("level", "expected"),
    [
        (0, [(None, 21)]),
        (1, [([2024], 6), ([2025], 15)]),
        (2, [([2024, 1], 3), ([2024, 2], 3), ([2025, 1], 9), ([2025, 2], 6)]),
        (9, [([2024, 1, 1], 1), ([2024, 1, 2], 2), ([2024, 2, 1], 3), ([2025, 1, 1], 9), ([2025, 2, 3], 6)]),
    ],
)
def test_group_level_cuts_array_keys(numbers, level, expected):
    """A level is a number of elements."""
    assert reduced(numbers, "sum", group_level=level) == expected


def test_group_level_leaves_other_keys_whole(db):
    """Only arrays are cut."""
    db.design("d", views={"v": {"map": "function(doc){emit(doc.k,1)}", "reduce": "_count"}})
    db.bulk([{"k": key} for key in ("ab", "ab", "ac", [1, 2], [1, 3], {"a": 1}, 5)])
    assert reduced(db, "v", group_level=1) == [(5, 1), ("ab", 2), ("ac", 1), ([1], 2), ({"a": 1}, 1)]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"startkey": [2025]}, [(None, 15)]),
        ({"startkey": [2024, 2], "endkey": [2025, 1, {}]}, [(None, 12)]),
        ({"endkey": [2024, 2, 1], "inclusive_end": False}, [(None, 3)]),
        ({"key": [2025, 1, 1]}, [(None, 9)]),
        ({"key": [9]}, []),
        ({"startkey": [2024, 1, 2], "group_level": 1}, [([2024], 5), ([2025], 15)]),
        ({"group_level": 1, "descending": True}, [([2025], 15), ([2024], 6)]),
        ({"group_level": 1, "limit": 1}, [([2024], 6)]),
        ({"group_level": 1, "skip": 1}, [([2025], 15)]),
        ({"group_level": 1, "descending": True, "startkey": [2025, 1, {}]}, [([2025], 9), ([2024], 6)]),
        ({"group_level": 2, "startkey": [2024, 1, 2], "endkey": [2024, 1, 2]}, [([2024, 1], 2)]),
        ({"group": True, "keys": [[2025, 1, 1], [2024, 1, 1]]}, [([2025, 1, 1], 9), ([2024, 1, 1], 1)]),
        ({"group": True, "keys": [[9], [2024, 1, 1]]}, [([2024, 1, 1], 1)]),
        ({"skip": 1}, []),
        ({"limit": 0}, []),
    ],
)
@pytest.mark.parametrize("view", ["sum", "js"])
def test_ranges_are_reduced_after_cutting(numbers, view, options, expected):
    """Built-in and JavaScript reduces answer alike."""
    assert reduced(numbers, view, **options) == expected


def test_reduce_false_shows_the_rows(numbers):
    """What the map emitted."""
    body = numbers.read("_design/d/_view/sum", reduce="false", limit=1)
    assert body["rows"] == [{"id": "n1", "key": [2024, 1, 1], "value": 1}]
    assert body["total_rows"] == 6


def test_an_empty_view_reduces_to_nothing(db):
    """No rows, no total."""
    db.design("d", views={"v": {"map": NUMBERS, "reduce": "_count"}})
    assert reduced(db, "v") in ([], [(None, 0)])
    assert reduced(db, "v", group=True) == []


def test_totals_follow_edits(numbers):
    """A reduce never keeps what is gone."""
    assert reduced(numbers, "sum") == [(None, 21)]
    numbers.delete("n6", params={"rev": numbers.read("n6")["_rev"]})
    numbers.save("n1", _rev=numbers.read("n1")["_rev"], k=[2024, 1, 1], n=100)
    assert reduced(numbers, "sum") == [(None, 114)]
    assert reduced(numbers, "stats")[0][1]["max"] == 100


@pytest.mark.parametrize(
    ("values", "total"),
    [
        ([[1, 2], [10, 20, 30]], [11, 22, 30]),
        ([{"x": 1, "y": {"z": 1}}, {"x": 2, "y": {"z": 5}, "w": 3}], {"x": 3, "y": {"z": 6}, "w": 3}),
    ],
)
def test_sums_add_arrays_and_objects_by_element(db, values, total):
    """Arrays of different lengths and objects of different members are added where they meet."""
    db.design("d", views={"v": {"map": "function(doc){emit(1,doc.v)}", "reduce": "_sum"}})
    db.bulk([{"v": value} for value in values])
    assert reduced(db, "v", group=True) == [(1, total)]


def test_stats_of_arrays_are_element_wise(db):
    """Each place has its own statistics."""
    db.design("d", views={"v": {"map": "function(doc){emit(1,doc.v)}", "reduce": "_stats"}})
    db.bulk([{"v": [1, 10]}, {"v": [3, 20]}])
    assert [(stat["sum"], stat["max"]) for stat in reduced(db, "v")[0][1]] == [(4, 3), (30, 20)]


def test_floats_stay_floats(db):
    """A sum of fractions is a fraction."""
    db.design("d", views={"v": {"map": "function(doc){emit(1,doc.v)}", "reduce": "_sum"}})
    db.bulk([{"v": 0.5}, {"v": 0.25}, {"v": 1}])
    assert reduced(db, "v") == [(None, 1.75)]


def test_thousands_of_rows_add_up(db):
    """Whatever the tree's shape, group, level and total agree with the rows."""
    views = {name: {"map": NUMBERS, "reduce": reduce} for name, reduce in REDUCES.items()}
    db.design("d", views=views)
    docs = [{"k": [n % 7, n % 11], "n": n} for n in range(3000)]
    for start in range(0, 3000, 1000):
        db.bulk(docs[start : start + 1000])
    for view in ("sum", "js"):
        assert reduced(db, view) == [(None, sum(range(3000)))]
        assert reduced(db, view, group_level=1) == [([m], sum(range(m, 3000, 7))) for m in range(7)]
        assert reduced(db, view, startkey=[3], endkey=[4, {}]) == [
            (None, sum(n for n in range(3000) if n % 7 in (3, 4)))
        ]
    assert reduced(db, "stats")[0][1]["count"] == 3000
    distinct = reduced(db, "distinct")[0][1]
    assert abs(distinct - 77) <= 5
    assert statistics.fmean(value for _, value in reduced(db, "count", group=True)) == pytest.approx(3000 / 77)


def test_a_javascript_reduce_sees_keys_first_and_values_later(db):
    """Keys are pairs of key and id; a rereduce has values alone."""
    reduce = "function(keys,values,rereduce){return rereduce ? values[0] : keys[0]}"
    db.design("d", views={"v": {"map": "function(doc){emit(doc._id,1)}", "reduce": reduce}})
    db.save("a")
    assert reduced(db, "v", group=True) == [("a", ["a", "a"])]


def test_reduces_of_one_view_do_not_disturb_another(numbers):
    """Views that share a map keep their own reductions."""
    before = [reduced(numbers, view) for view in REDUCES]
    assert [reduced(numbers, view) for view in REDUCES] == before
