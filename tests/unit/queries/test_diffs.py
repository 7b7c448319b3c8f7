"""Differences between branches, builds and periods."""

import math
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crashfarm.documents.finding import Kind
from crashfarm.errors import InputError
from server.queries import diffs
from tests import farms
from tests.fake_views import FakeDatabase
from tests.farms import finding, result


def history(*runs: farms.Result) -> FakeDatabase:
    """A history of these results."""
    return FakeDatabase("history", farms.history_docs(list(runs)))


def changes(db: FakeDatabase, before: str, after: str) -> dict[str, tuple[str, int, int]]:
    """What changed, by the signature's detail."""
    found = diffs.compare(db, diffs.read_side(before, {}), diffs.read_side(after, {}))
    return {one.signature[1]: (one.change, one.before, one.after) for one in found.differences}


def exact(seen_before: int, runs_before: int, seen_after: int, runs_after: int) -> Fraction:
    """The same chance, by whole numbers."""
    seen = seen_before + seen_after
    terms = {
        k: math.comb(runs_before, k) * math.comb(runs_after, seen - k)
        for k in range(max(0, seen - runs_after), min(seen, runs_before) + 1)
    }
    return Fraction(
        sum(t for t in terms.values() if t <= terms[seen_before]), math.comb(runs_before + runs_after, seen)
    )


@given(st.data())
def test_the_chance_is_that_of_the_exact_test(data: st.DataObject) -> None:
    """Computed in whole numbers, slowly, for comparison."""
    runs_before, runs_after = data.draw(st.integers(1, 40)), data.draw(st.integers(1, 40))
    seen_before, seen_after = data.draw(st.integers(0, runs_before)), data.draw(st.integers(0, runs_after))
    found = diffs.fisher(seen_before, runs_before, seen_after, runs_after)
    assert found == pytest.approx(float(exact(seen_before, runs_before, seen_after, runs_after)), rel=1e-6)


def test_large_farms_can_be_compared() -> None:
    """No number overflows."""
    assert diffs.fisher(1000, 1_000_000, 2000, 1_000_000) < 1e-50
    assert diffs.fisher(1000, 1_000_000, 1000, 1_000_000) == pytest.approx(1.0)


def test_branches_differ_by_what_is_new_gone_more_or_less() -> None:
    """Compared by rates: the number of runs may differ."""
    db = history(
        result(1, finding(detail="gone"), finding(detail="same"), finding(detail="less"), branch="a"),
        result(2, finding(detail="new"), finding(detail="same"), finding(detail="less"), branch="b"),
        result(3, finding(detail="same"), branch="b"),
    )
    expected = {"gone": ("gone", 1, 0), "new": ("new", 0, 1), "same": ("same", 1, 2), "less": ("less", 1, 1)}
    assert changes(db, "a", "b") == expected


def test_builds_are_sides_too() -> None:
    """A branch and a build type, with a slash between."""
    db = history(result(1, finding(), buildtype="debug"), result(2, buildtype="release"))
    assert changes(db, "3.13/release", "3.13/debug") == {finding().detail: ("new", 0, 1)}


def test_a_run_that_shows_a_signature_often_counts_once() -> None:
    """A flood of one assertion in one run is no proof of anything."""
    runs = [result(1, *[finding(title=str(n)) for n in range(30)], branch="a")]
    runs += [result(n, branch="a") for n in range(2, 40)] + [result(n, branch="b") for n in range(40, 80)]
    for sides in (("a", "b"), ("2026-11-22..2026-11-23", "2026-11-23..2026-11-24")):
        found = diffs.compare(history(*runs, result(1500)), *(diffs.read_side(side, {}) for side in sides))
        assert (found.differences[0].before, found.differences[0].change) == (1, "gone")
        assert found.differences[0].chance > 0.4


def test_older_builds_are_sides_too() -> None:
    """With the farm's experiments on them, which do not count for the branch."""
    old = {"branch": "a", "probe": True, "source": "range:result:1"}
    db = history(
        result(1, finding(), **old, build="1200"),
        result(2, **old, build="1100"),
        result(3, outcome="error", **old, build="1100"),
        result(4, finding(detail="current"), branch="a"),
        result(5, finding(detail="mangled"), **old | {"source": "reduce:result:1"}, build="1200"),
    )
    assert changes(db, "a@1100", "a@1200") == {finding().detail: ("new", 0, 1)}
    assert changes(db, "a/opt@1200", "a") == {finding().detail: ("gone", 1, 0), "current": ("new", 0, 1)}
    found = diffs.compare(db, diffs.read_side("a@1100", {}), diffs.read_side("a@1200", {}))
    assert (found.runs_before, found.runs_after) == (1, 1)
    assert diffs.builds(db, {"branch": "a"}) == ["1100", "1200"]


def test_branches_may_be_called_like_builds_and_weeks() -> None:
    """What the farm knows as a branch is one."""
    names = {"users/x", "a@b", "2026-W01"}
    sides = [diffs.read_side(text, {}, names) for text in ("users/x", "users/x/debug", "a@b", "a@b@7", "2026-W01")]
    assert [(side.parts["branch"], side.parts.get("buildtype"), side.build) for side in sides] == [
        ("users/x", None, ""),
        ("users/x", "debug", ""),
        ("a@b", None, ""),
        ("a@b", None, "7"),
        ("2026-W01", None, ""),
    ]


def test_periods_are_sides_whose_last_day_is_not_in_them() -> None:
    """The first day is."""
    day = 24 * 60
    db = history(
        result(0, finding(detail="old")),
        result(day, finding(detail="new")),
        result(2 * day, finding(Kind.OOM, "later")),
    )
    found = changes(db, "2026-11-22..2026-11-23", "2026-11-23..2026-11-24")
    assert found == {"old": ("gone", 1, 0), "new": ("new", 0, 1)}


def test_runs_that_could_not_begin_do_not_count() -> None:
    """They say nothing of the program."""
    db = history(result(1, branch="a"), result(2, branch="a", outcome="error"), result(3, branch="b"))
    found = diffs.compare(db, diffs.read_side("a", {}), diffs.read_side("b", {}))
    assert (found.runs_before, found.runs_after) == (1, 1)


def test_the_surest_difference_comes_first() -> None:
    """Ten of ten against none, before one of ten against none."""
    runs = [
        result(n, finding(detail="sure"), *([finding(detail="chance")] if n == 1 else []), branch="a")
        for n in range(10)
    ]
    runs += [result(n, branch="b") for n in range(10, 20)]
    found = diffs.compare(history(*runs), diffs.read_side("a", {}), diffs.read_side("b", {}))
    assert [one.signature[1] for one in found.differences] == ["sure", "chance"]
    assert found.differences[0].chance < 0.001 < 0.5 < found.differences[1].chance


@pytest.mark.parametrize("text", ["2026-11-22..soon", "..", "x..2026-11-22"])
def test_a_period_that_cannot_be_read_is_refused(text: str) -> None:
    """The message shows how to write one."""
    with pytest.raises(InputError, match=r"2026-11-15\.\.2026-11-22"):
        diffs.read_side(text, {})


def test_a_week_is_a_period_of_seven_days_from_monday_on() -> None:
    """As ISO 8601 counts weeks."""
    side = diffs.read_side("2026-W47", {"branch": "a"})
    assert (side.first, side.end, side.parts) == ("2026-11-16", "2026-11-23", {"branch": "a"})
    assert diffs.read_side("2026-W01", {}).first == "2025-12-29"


@pytest.mark.parametrize("text", ["2026-11-22..2026-11-15", "2026-11-22..2026-11-22"])
def test_a_period_without_a_day_is_refused(text: str) -> None:
    """It would compare nothing with something."""
    with pytest.raises(InputError, match="there is no day in"):
        diffs.read_side(text, {})


@pytest.mark.parametrize(
    ("before", "after", "overlap"),
    [
        ("a", "b", False),
        ("a", "a", True),
        ("a", "a/debug", True),
        ("a/release", "a/debug", False),
        ("a", "a@older", False),
        ("a@older", "a@older", True),
        ("2026-W46", "2026-W47", False),
        ("2026-W46", "2026-11-15..2026-11-20", True),
        ("2026-W46", "a", True),
    ],
)
def test_sides_that_share_runs_are_told(before: str, after: str, overlap: bool) -> None:
    """They are not what the test supposes; the order of the sides makes no difference."""
    one, two = diffs.read_side(before, {}), diffs.read_side(after, {})
    assert (one.overlaps(two), two.overlaps(one)) == (overlap, overlap)
