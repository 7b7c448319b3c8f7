"""The report of a farm that really ran programs: whole whenever it is looked at, and one with everything else told."""

import json
import os
import signal
import sqlite3
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.system.conftest import Shell, make_shell, set_up

PROGRAM = """
import faulthandler, os, sys
faulthandler.enable()
text = open(sys.argv[-1]).read()
if "abort" in text and sys.argv[1] != "three":
    os.abort()
if "raise" in text:
    raise ValueError("seven")
"""

INPUTS = {"aborts.txt": "abort", "raises.txt": "raise", "both.txt": "abort raise", "fine.txt": "nothing"}


@pytest.fixture(scope="module")
def farm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shell]:
    """Three branches, one of which does not abort, have run four inputs twice."""
    folder = tmp_path_factory.mktemp("farm")
    shell = make_shell(folder)
    set_up(shell)
    (folder / "program.py").write_text(PROGRAM)
    (folder / "inputs").mkdir()
    for name, text in INPUTS.items():
        (folder / "inputs" / name).write_text(text)
    for branch in ("one", "two", "three"):
        words = ("--", sys.executable, folder / "program.py", branch, "{input}")
        assert shell("crashfarm", "branch", "add", "cpython", branch, *words).status == 0
    for _ in range(2):
        assert shell("crashfarm", "job", "add", folder / "inputs").status == 0
        ran = shell("crashfarm-worker", "run", "--until-empty", "--allow", sys.executable)
        assert ran.status == 0, ran.err
    yield shell
    shell.close()


def documents(farm: Shell) -> list[dict[str, Any]]:
    """All results, read without any of our commands."""
    url = json.loads((farm.data / "store.json").read_text())["url"]
    password = (farm.data / "admin-password").read_text().strip()
    query = {"include_docs": "true", "startkey": '"result:"', "endkey": '"result;"'}
    answer = requests.get(f"{url}/crashfarm-history/_all_docs", query, auth=("admin", password), timeout=60)
    return [row["doc"] for row in answer.json()["rows"]]


def asked(farm: Shell, *words: str) -> list[dict[str, Any]]:
    """What a command prints with --json."""
    ended = farm("crashfarm", *words, "--json")
    assert ended.status == 0, ended.err
    found: list[dict[str, Any]] = json.loads(ended.out)
    return found


def test_report_commands_export_and_documents_say_the_same(farm: Shell, tmp_path: Path) -> None:
    """Runs by branch and outcome; findings by branch; findings by kind and detail; signatures."""
    docs = documents(farm)
    assert len(docs) == 24
    assert farm("crashfarm", "report", tmp_path / "out").status == 0
    assert farm("crashfarm", "export", "--sqlite", tmp_path / "farm.sqlite").status == 0
    summary = json.loads((tmp_path / "out/summary.json").read_text())
    with sqlite3.connect(tmp_path / "farm.sqlite") as tables:
        runs = Counter((doc["branch"], doc["outcome"]) for doc in docs)
        assert runs == {(row["branch"], row["outcome"]): row["count"] for row in asked(farm, "results")}
        assert runs == {
            row[:2]: row[2] for row in tables.execute("SELECT branch, outcome, count(*) FROM result GROUP BY 1, 2")
        }
        failed = {branch["branch"]: branch["failures"] for branch in summary["branches"]}
        assert failed == {branch: n for (branch, outcome), n in runs.items() if outcome == "failure"}
        assert summary["runs"] == len(docs)

        found = Counter((doc["branch"], one["kind"]) for doc in docs for one in doc["findings"])
        by_branch = Counter(branch for branch, _ in found.elements())
        told: Counter[str] = Counter()
        for row in asked(farm, "crashes", "--group", "branch"):
            told[row["branch"]] += row["count"]
        assert by_branch == told == {branch["branch"]: branch["findings"] for branch in summary["branches"]}
        query = "SELECT branch, kind, count(*) FROM finding JOIN result ON result.id = finding.result GROUP BY 1, 2"
        assert found == {row[:2]: row[2] for row in tables.execute(query)}

    signatures = Counter((one["kind"], one["detail"]) for doc in docs for one in doc["findings"])
    assert signatures == {(one["kind"], one["detail"]): one["findings"] for one in summary["listed"]}
    assert summary["signatures"] == len(signatures) >= 2
    assert summary["findings"] == sum(signatures.values())


class _Links(HTMLParser):
    """Where a page leads, in its own folder."""

    def __init__(self, page: Path) -> None:
        super().__init__()
        self.found: set[Path] = set()
        self._folder = page.parent
        self.feed(page.read_text())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if name in {"href", "src"} and value and ":" not in value:
                self.found.add((self._folder / value.partition("#")[0]).resolve())


def assert_whole(out: Path) -> None:
    """Every page ends, and leads to pages that are there."""
    pages = list(out.rglob("*.html"))
    assert len(pages) > 8
    for page in pages:
        assert page.read_text().rstrip().endswith("</html>")
        assert all(target.exists() for target in _Links(page).found)


def content(out: Path) -> dict[Path, bytes]:
    """All files."""
    return {path: path.read_bytes() for path in out.rglob("*") if path.is_file()}


def kill_in_the_middle(farm: Shell, out: Path) -> bool:
    """Begin a report and kill it as soon as it writes; tells whether that was in time."""
    beside = out.parent / f".{out.name}.writing"
    process = farm.spawn("crashfarm", "report", out, "--anew")
    while process.poll() is None and not beside.exists():
        os.sched_yield()
    process.send_signal(signal.SIGKILL)
    return process.wait() == -signal.SIGKILL


def test_a_killed_run_leaves_the_old_report_whole(farm: Shell, tmp_path: Path) -> None:
    """To the byte; and the next run sweeps away what the killed one left."""
    out = tmp_path / "out"
    assert farm("crashfarm", "report", out).status == 0
    before = content(out)
    killed = [kill_in_the_middle(farm, out) for _ in range(3)]
    assert any(killed)
    assert content(out) == before
    assert_whole(out)
    assert farm("crashfarm", "report", out).status == 0
    assert_whole(out)
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_a_killed_first_run_leaves_no_report(farm: Shell, tmp_path: Path) -> None:
    """Nobody takes half a report for one; the next run makes it."""
    out = tmp_path / "out"
    while not kill_in_the_middle(farm, out):
        out = out.with_name(f"{out.name}x")
    assert not out.exists()
    assert farm("crashfarm", "report", out).status == 0
    assert_whole(out)


def test_a_reader_never_sees_half_a_report(farm: Shell, tmp_path: Path) -> None:
    """The first page is there, whole, and its stylesheet is too, whenever it is looked at while reports are made."""
    out = tmp_path / "out"
    assert farm("crashfarm", "report", out).status == 0
    done, seen, faults = threading.Event(), Counter[str](), []

    def read() -> None:
        while not done.is_set():
            try:
                text = (out / "index.html").read_text()
                seen[text[-8:].strip()] += 1
                next(out.glob("static/report.*.css")).read_text()
            except (OSError, StopIteration) as fault:
                faults.append(fault)

    reader = threading.Thread(target=read)
    reader.start()
    try:
        for _ in range(4):
            assert farm("crashfarm", "report", out, "--anew").status == 0
    finally:
        done.set()
        reader.join()
    assert not faults
    assert set(seen) == {"</html>"} and seen.total() > 20


def test_a_farm_that_an_older_version_set_up_says_what_to_do(farm: Shell, tmp_path: Path) -> None:
    """A view is missing: the report is refused in one line, and a push mends it."""
    url = json.loads((farm.data / "store.json").read_text())["url"]
    auth = ("admin", (farm.data / "admin-password").read_text().strip())
    place = f"{url}/crashfarm-history/_design/results"
    design = requests.get(place, auth=auth, timeout=60).json()
    del design["views"]["by_input"]
    assert requests.put(place, json=design, auth=auth, timeout=60).ok
    refused = farm("crashfarm", "report", tmp_path / "out")
    assert refused.status == 1
    assert "crashfarm push" in refused.err and refused.err.count("\n") == 1
    assert not (tmp_path / "out").exists()
    assert farm("crashfarm", "push").status == 0
    assert farm("crashfarm", "report", tmp_path / "out").status == 0
