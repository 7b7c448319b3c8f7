"""Pages painted by processes beside the one that makes the report."""

import os
import select
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from crashfarm.errors import ConfigError
from server.report import painting, write_report
from server.report.hands import HandFailed
from tests import farms


def write(out: Path) -> None:
    """A report of a farm with some results."""
    write_report(farms.in_memory(farms.generate()), out, now=farms.NOON + timedelta(days=4))


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Painters are worth their start from the first page on, and there are two."""
    monkeypatch.setattr(painting, "WORTH", 0)
    monkeypatch.setattr("os.sched_getaffinity", lambda process: {0, 1})


@pytest.mark.usefixtures("at_once")
def test_painters_write_what_one_process_would(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same files to the byte."""
    monkeypatch.setattr("server.report.fetching.BATCH", 2)
    write(tmp_path / "many")
    monkeypatch.setattr(painting, "WORTH", 10**9)
    write(tmp_path / "one")
    assert farms.content(tmp_path / "many") == farms.content(tmp_path / "one")


@pytest.mark.usefixtures("at_once")
def test_a_painter_that_fails_fails_the_report(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It says why, and the folder is as it was."""
    monkeypatch.setattr("server.report.writing._write_lists", lambda facts, pages: pages.write("none.j2", "x.html"))
    with pytest.raises(HandFailed, match=r"TemplateNotFound.*none\.j2"):
        write(tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.usefixtures("at_once")
def test_a_painters_full_disk_is_said_in_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As it is where this process writes: with what could not be written, and why."""
    full = "../" * 20 + "dev/full"
    monkeypatch.setattr("server.report.writing._write_lists", lambda facts, pages: pages.write("search.html.j2", full))
    with pytest.raises(ConfigError) as failed:
        write(tmp_path / "out")
    assert str(failed.value) == f"cannot write {tmp_path / 'out'}: No space left on device; it is as it was"


ORPHANING = """
import sys
from server.report.hands import Hands
with Hands() as hands:
    hands.prepare(1)
    print(*(hands.take().pid for _ in range(2)), flush=True)
    sys.stdin.read()
"""


def test_hands_end_when_the_process_that_makes_the_report_is_killed() -> None:
    """Whatever they wait for: nobody would ever end them."""
    pipe = subprocess.PIPE
    with subprocess.Popen([sys.executable, "-c", ORPHANING], stdin=pipe, stdout=pipe, text=True) as making:
        assert making.stdout
        handles = [os.pidfd_open(int(pid)) for pid in making.stdout.readline().split()]
        making.kill()
    assert len(handles) == 2
    for handle in handles:
        assert select.select([handle], [], [], 20)[0]
        os.close(handle)
