"""Rows of the crash view as what each tuple was seen: from their JSON, and from keys that were read before."""

import itertools
from collections import Counter
from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from crashfarm.answers import RawRow, Row
from server.report.seen import Seen, by_tuple, of_tuple

TEXTS = st.sampled_from([None, "", "a", 'a","b', "\\", 'é,"', "null", "]"]) | st.text(max_size=3)
DAYS = st.sampled_from(["2026-11-21T10:00:00.000Z", "2026-11-22T10:00:00.000Z", "2026-11-22T11:00:00Z", None])
KEYS = st.tuples(st.just("result_crash"), TEXTS, st.just("detail"), *[st.sampled_from(["x", None])] * 6)
FEW = st.sampled_from([("result_crash", *"abcdefg", last) for last in ("h", None)])
ROWS = st.lists(st.tuples(FEW | KEYS, DAYS | TEXTS), max_size=12)


def rows(found: list[tuple[tuple[Any, ...], str | None]]) -> list[Row]:
    """As a view gives them: equal tuples one after the other, the oldest row first."""
    ordered = sorted(found, key=repr)
    return [Row([*key, when], id=f"result:{number}") for number, (key, when) in enumerate(ordered)]


def raw(row: Row, written: bytes | None = None) -> RawRow:
    return RawRow(msgspec.Raw(written or msgspec.json.encode(row.key)), row.id)


def plainly(found: list[Row]) -> list[Seen]:
    """The same by reading each key, some time after another."""
    folded = []
    for key, its in itertools.groupby(found, key=lambda row: row.key[:-1]):
        same = list(its)
        whens = [row.key[-1] or "" for row in same]
        days = dict(Counter(when[:10] for when in whens))
        folded.append(Seen(tuple(key), days, whens[0], whens[-1], same[-1].id or ""))
    return folded


@given(ROWS)
def test_rows_are_folded_without_reading_each_key(found: list[tuple[tuple[Any, ...], str | None]]) -> None:
    """Quotes, commas, backslashes and parts that are missing are told apart."""
    ours = rows(found)
    assert list(by_tuple(map(raw, ours))) == plainly(ours)


@given(ROWS)
def test_one_tuple_is_found_among_others(found: list[tuple[tuple[Any, ...], str | None]]) -> None:
    """What a database takes for the same text is left out."""
    ours = rows(found)
    for one in plainly(ours):
        assert of_tuple(one.key, ours) == one
    assert of_tuple(("result_other",), ours) == Seen(("result_other",), {}, "", "", "")


def test_a_key_that_is_written_in_two_ways_is_one_tuple() -> None:
    """Another database may escape what ours does not."""
    one = Row(["result_crash", "é", *"abcdefg", "2026-11-22T10:00:00Z"], id="result:1")
    two = Row([*one.key[:-1], "2026-11-23T10:00:00Z"], id="result:2")
    written = msgspec.json.encode(two.key).replace("é".encode(), b"\\u00e9").replace(b",", b", ")
    (seen,) = by_tuple([raw(one), raw(two, written), raw(two)])
    assert (seen.first, seen.last, seen.count) == (one.key[-1], two.key[-1], 3)
