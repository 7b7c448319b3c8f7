"""An acknowledged write is on disk: the store is killed in the middle of mixed writes and started again."""

from pathlib import Path

import pytest

from tests.couch import crash_rounds
from tests.couch.crash_rounds import Acknowledged, one_round

pytestmark = pytest.mark.embedded_only


def test_killed_in_mixed_writes_it_keeps_all_it_acknowledged(tmp_path: Path) -> None:
    """Documents, bulks, attachments, purges, compactions, views. `python -m tests.couch.crash_rounds` goes on."""
    known = Acknowledged()
    for run in (1, 2):
        assert one_round(tmp_path / "data", run, known, 100) < crash_rounds.START_SECONDS
    assert known.count >= 200
