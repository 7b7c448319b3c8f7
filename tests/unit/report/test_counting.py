"""Runs counted by a hand: what goes wrong there is told here."""

from pathlib import Path

import pytest

from crashfarm import settings
from crashfarm.errors import DatabaseUnavailable
from crashfarm.settings import Settings
from server.report import counting
from server.report.hands import Hands
from server.report.scratch import Scratch


def test_a_database_that_does_not_answer_is_told_as_such(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In its words, without a traceback; and no file is left."""
    monkeypatch.setattr("os.sched_getaffinity", lambda process: {0, 1})
    farm = settings.connect(Settings(url="http://127.0.0.1:9", user="ann", password="secret"))
    scratch = Scratch(tmp_path / "tables")
    with Hands() as hands, counting.beside(farm, scratch, counting.WORTH, hands) as hand:
        assert hand
        with pytest.raises(DatabaseUnavailable, match=r"no answer from http://127\.0\.0\.1:9/crashfarm-history"):
            list(hand.finish())
    scratch.close()
    assert [path.name for path in tmp_path.iterdir()] == ["tables"]


@pytest.mark.parametrize(("number", "processors"), [(counting.WORTH - 1, {0, 1}), (counting.WORTH, {0})])
def test_a_hand_is_taken_only_where_it_is_worth_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, processors: set[int]
) -> None:
    """Many runs, and a processor to spare."""
    monkeypatch.setattr("os.sched_getaffinity", lambda process: processors)
    farm = settings.connect(Settings(url="http://127.0.0.1:9"))
    with Hands() as hands, counting.beside(farm, Scratch(tmp_path / "tables"), number, hands) as hand:
        assert hand is None
