"""Where copies of farms are kept."""

import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from server.cli import caching

NOW = datetime(2026, 11, 22, tzinfo=UTC)


def test_only_what_nobody_has_written_for_long_is_forgotten(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the files that are meant."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    for name, age in (("report-old", 1), ("report-new", -1), ("other-old", 1)):
        (caching.folder() / name).touch()
        os.utime(caching.folder() / name, (0, NOW.timestamp() - age))
    caching.forget("report-*", NOW)
    assert {file.name for file in caching.folder().iterdir()} == {"report-new", "other-old"}
