"""Reading the times that people write."""

import re
from datetime import UTC, datetime, timedelta

from crashfarm import times
from crashfarm.errors import InputError

_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_AGO = re.compile(r"(\d{1,6})\s*([mhdw])[a-z]*(?:\s+ago)?")
_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


def read_moment(text: str, now: datetime) -> datetime:
    """A moment from `2026-11-22`, `2026-11-22T06:10Z`, `3h`, `2 days ago`, `today`, `yesterday` or `monday` (UTC)."""
    words = text.strip().lower()
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    if words in {"today", "yesterday"}:
        return midnight - timedelta(days=words == "yesterday")
    if words in _DAYS:
        return midnight - timedelta(days=(midnight.weekday() - _DAYS.index(words)) % 7)
    try:
        if ago := _AGO.fullmatch(words):
            return now - timedelta(**{_UNITS[ago[2]]: int(ago[1])})
        return times.from_text(text.strip()).astimezone(UTC)
    except (ValueError, OverflowError) as exc:
        raise InputError(
            f"cannot read {text!r} as a time: write 2026-11-22, 2026-11-22T06:10Z, 3h, 2d, yesterday or monday"
        ) from exc
