"""The short form of bench/chaos.py: real processes killed, frozen, cut off and meddled with, and nothing lost by it."""

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
SECONDS = 240


def test_nothing_is_lost_or_doubled_in_a_short_storm() -> None:
    """Every job has ended, once, and the storm was one: something was killed."""
    command = [sys.executable, "-m", "bench.chaos", "--minutes", "0.3", "--jobs", "60", "--seed", "5"]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=SECONDS, check=False)
    assert ended.returncode == 0, (ended.stdout, ended.stderr[-2000:])
    figures = json.loads(ended.stdout)
    assert set(figures["wrong"].values()) == {0}
    assert figures["jobs"] > 5
    assert figures["kills"] > 0
    assert figures["claims"]["completed"] == figures["states"]["completed"]
