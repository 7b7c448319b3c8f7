"""Questions by parts of the key tuple."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crashfarm.documents.finding import Kind
from crashfarm.errors import InputError
from crashfarm.keys import PARTS
from server.queries import paging, tuples
from tests import farms
from tests.fake_views import FakeDatabase

DB = FakeDatabase("history", farms.history_docs(farms.generate()))
KEYS = [row.key for row in paging.rows(DB, "crash_type", "results")]


@given(data=st.data())
def test_any_parts_and_any_group_give_what_counting_the_rows_gives(data: st.DataObject) -> None:
    """Whichever parts are named, also behind a gap, with or without a time."""
    some_key = data.draw(st.sampled_from(KEYS))
    names = data.draw(st.sets(st.sampled_from(PARTS[:9])))
    record = some_key[0].partition("_")[0]
    question = tuples.Question(
        parts={name: some_key[PARTS.index(name)] for name in names},
        record=record,
        since=data.draw(st.sampled_from([None, *sorted({key[9] for key in KEYS})])),
        group=data.draw(st.integers(1, 10)),
    )
    fitting = [
        key
        for key in KEYS
        if key[0].startswith(record)
        and all(key[PARTS.index(name)] == value for name, value in question.parts.items())
        and (question.since is None or key[9] >= question.since)
    ]
    expected = Counter(tuple(key[: question.group]) for key in fitting)
    assert {count.parts: count.count for count in tuples.counts(DB, question)} == expected


def test_a_group_appears_once_though_a_part_behind_it_is_filtered() -> None:
    """Rows that differ only in parts beyond the group are summed."""
    found = list(tuples.counts(DB, tuples.Question(parts={"cpu_name": "x86_64"}, group=1)))
    assert len(found) == len({count.parts for count in found}) > 3


def test_a_known_prefix_reads_only_its_range() -> None:
    """A question that names the leading parts does not read the whole view."""
    narrow = FakeDatabase("history", farms.history_docs(farms.generate()))
    type_name, message, detail = KEYS[-1][:3]
    parts = {"type": type_name, "message": message, "detail": detail}
    list(tuples.counts(narrow, tuples.Question(parts=parts)))
    assert narrow.asked == 1


def test_an_unknown_part_is_refused_with_the_known_ones() -> None:
    """The message lists what can be asked."""
    with pytest.raises(InputError, match="buildtype"):
        tuples.Question(parts={"colour": "red"})


@pytest.mark.parametrize(("text", "level"), [("1", 1), ("10", 10), ("type", 1), ("branch", 5), ("when", 10)])
def test_a_group_is_a_number_or_the_name_of_a_part(text: str, level: int) -> None:
    """Both say how many parts are kept."""
    assert tuples.group_level(text) == level


@pytest.mark.parametrize("text", ["0", "11", "-1", "colour", ""])
def test_a_group_that_is_neither_is_refused(text: str) -> None:
    """The message lists the parts."""
    with pytest.raises(InputError, match="os_version"):
        tuples.group_level(text)


def test_what_is_late_is_not_looked_for_among_all_findings() -> None:
    """The last of a thousand results is read alone, and tells what the rows of all findings tell."""
    runs = [farms.result(number, farms.finding(detail=str(number % 7))) for number in range(1000)]
    twice = (farms.finding(), farms.finding(kind=Kind.HANG), farms.finding())
    runs.append(farms.result(60 * 48, *twice, branch="3.9"))
    db = FakeDatabase("history", farms.history_docs(runs))
    question = tuples.Question(since="2026-11-24T11:59:59.999Z", group=5)
    before = db.asked
    found = [(count.parts[0], count.parts[4], count.count) for count in tuples.counts(db, question)]
    assert found == [("result_crash", "3.9", 2), ("result_hang", "3.9", 1)]
    assert db.asked - before < 10
    few = tuples.late(db, question)
    assert few is not None
    every = [row for name in tuples.types(db, "result") for row in paging.rows(db, "crash_type", "results", [name])]
    assert sorted(map(str, few)) == sorted(str(row) for row in every if question.fits(row.key))
    assert tuples.late(db, tuples.Question(since="2026-11-22")) is None
