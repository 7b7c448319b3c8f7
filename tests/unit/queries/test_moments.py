"""Reading times that people write."""

from datetime import UTC, datetime

import pytest

from crashfarm import times
from crashfarm.errors import InputError
from server.queries.moments import read_moment

NOW = datetime(2026, 11, 25, 10, 30, tzinfo=UTC)
"""A Wednesday."""


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-11-22", "2026-11-22T00:00:00.000Z"),
        ("2026-11-22T06:10Z", "2026-11-22T06:10:00.000Z"),
        ("2026-11-22T06:10:00+02:00", "2026-11-22T04:10:00.000Z"),
        ("3h", "2026-11-25T07:30:00.000Z"),
        ("2 days ago", "2026-11-23T10:30:00.000Z"),
        ("1w", "2026-11-18T10:30:00.000Z"),
        ("today", "2026-11-25T00:00:00.000Z"),
        ("Yesterday", "2026-11-24T00:00:00.000Z"),
        ("monday", "2026-11-23T00:00:00.000Z"),
        ("thursday", "2026-11-19T00:00:00.000Z"),
        ("wednesday", "2026-11-25T00:00:00.000Z"),
    ],
)
def test_people_may_write_a_time_in_many_ways(text: str, expected: str) -> None:
    """A weekday is the last one, today included."""
    assert times.to_text(read_moment(text, NOW)) == expected


@pytest.mark.parametrize("text", ["", "soon", "2026-13-01", "999999w", "12", "-3h"])
def test_what_is_no_time_is_refused_with_examples(text: str) -> None:
    """The message shows how to write one."""
    with pytest.raises(InputError, match="monday"):
        read_moment(text, NOW)
