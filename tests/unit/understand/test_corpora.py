"""Logs that no one here wrote: kinds and frames are right, and no log raises."""

import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
CORPORA = ROOT.parent / "shared" / "corpora"


def test_kinds_and_top_frames_of_real_logs_are_right(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What bench/understand.py measures stays above the aim."""
    if not (CORPORA / "logs.json").is_file():
        pytest.skip(f"no corpora in {CORPORA}")
    monkeypatch.syspath_prepend(str(ROOT / "bench"))
    sys.modules.pop("understand", None)
    import understand as bench

    tallies = bench.judge(CORPORA, show=False)
    assert tallies.exceptions == 0
    assert tallies.kind.share >= 0.95
    assert tallies.top.share >= 0.90
    assert tallies.alarms.share == 1
    assert capsys.readouterr().out
