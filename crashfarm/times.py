"""Times as documents hold them: RFC 3339, UTC, to the millisecond."""

from collections.abc import Callable
from datetime import UTC, datetime

Clock = Callable[[], datetime]
"""Gives the present moment, with a time zone. Passed in wherever code asks what time it is."""


def utc_now() -> datetime:
    """The machine's own clock."""
    return datetime.now(UTC)


def to_text(moment: datetime) -> str:
    """Write a moment as documents hold it, `2026-11-22T06:10:03.123Z`: texts sort as the moments do."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def from_text(text: str) -> datetime:
    """Read what `to_text` wrote, or any RFC 3339 time. Raises ValueError for anything else."""
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
