"""Findings per day, as a small picture."""

from hypothesis import given
from hypothesis import strategies as st

from server.report.sparkline import DAYS, HEIGHT, sparkline


def test_each_day_has_a_bar_as_high_as_its_share() -> None:
    """The day between the two has none."""
    drawn = sparkline([("2026-11-20", 1), ("2026-11-22", 4)])
    assert drawn is not None
    assert drawn.path == f"M0 {HEIGHT}v-10h4v10zM10 {HEIGHT}v-{HEIGHT}h4v{HEIGHT}z"
    assert (drawn.first, drawn.last, drawn.width) == ("2026-11-20", "2026-11-22", 15)
    assert drawn.words == "2026-11-20: 1, 2026-11-22: 4"


def test_one_day_is_no_picture() -> None:
    """There is nothing to compare; what is no day does not count."""
    assert sparkline([("2026-11-20", 7)]) is None
    assert sparkline([("2026-11-20", 7), ("yesterday", 1), ("2026-99-99", 1)]) is None


@given(st.dictionaries(st.dates().map(str), st.integers(1, 10**9), min_size=2))
def test_a_picture_is_never_longer_than_its_days(days: dict[str, int]) -> None:
    """However old the first day is; and every bar can be seen."""
    drawn = sparkline(sorted(days.items()))
    assert drawn is not None and drawn.last == max(days)
    assert 0 < drawn.width <= 5 * DAYS
    assert "v0" not in drawn.path and "v-0" not in drawn.path
