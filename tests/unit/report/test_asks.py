"""The commands on the pages give the numbers beside them: those in SQL, asked of an export of the same farm."""

import html
import re
from collections import Counter
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from crashfarm.documents.history import BugLists, History
from crashfarm.documents.result import Result
from crashfarm.documents.signature import BuildRange, Minimal, Reproduction, SignatureNote
from server.export import asking, mirror
from server.report import write_report
from tests import commands, farms
from tests.farms import NOON, finding, result

DAY = 24 * 60
SINCE = NOON + timedelta(days=2)

CELL = re.compile(r'<td class="heat-\d">([\d,]+)(?: <span>of ([\d,]+), [\d%]+</span>)?</td>')

Rows = list[dict[str, Any]]


def runs() -> list[Result]:
    """Four days. On the first end two signatures that were seen often enough to be missed, one that was seen twice, and
    one on a branch that does not run any more. One begins on the last day, and one branch of three shows nothing."""
    early = [result(n, finding(detail="quiet"), finding(detail="fixed"), finding()) for n in range(1, 4)]
    idle = [result(10 + n, finding(detail="idle"), branch="3.11", input_name="idle.py") for n in range(3)]
    late = [result(3 * DAY + n, finding(), finding(detail="back"), machine=n % 2) for n in range(4)]
    return [
        *early,
        *idle,
        *late,
        *(result(20 + n, finding(detail="twice")) for n in range(2)),
        result(3 * DAY + 5, finding(detail="fresh"), finding(detail="elsewhere")),
        result(3 * DAY + 6, branch="3.12"),
        result(3 * DAY + 7, outcome="error"),
        result(5, finding(detail="back"), finding(detail="elsewhere"), input_name="back.py"),
    ]


def known(one: History) -> History:
    """Three signatures have closed bugs, and one of these is back where its bug is fixed."""
    if one.detail not in {"fixed", "back", "elsewhere"}:
        return one
    bug = f"bug:a:{one.detail}"
    return one.evolve(bugs=BugLists(closed=(bug,)), regressed=(bug,) if one.detail == "back" else ())


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report of that farm, and beside it its export."""
    folder = tmp_path_factory.mktemp("asks")
    farm = farms.in_memory(runs())
    for one in farms.histories(runs()):
        farm.history.put(known(one).to_doc())
    again = Reproduction(result="result:00001", seen=2, ran=3)
    least = Minimal(result="result:00001", attachment="a", name="a", size=7, original_size=70, tests=5, at="")
    builds = BuildRange(product="cpython", branch="3.13", buildtype="opt", first_bad="b2", last_good="b1", runs=4)
    note = SignatureNote.of(finding()).evolve(reproduction=again, minimal=least, range=builds)
    farm.history.put(note.to_doc())
    write_report(farm, folder / "site", now=NOON + timedelta(days=5), since=SINCE)
    mirror.update(farm, folder / "farm.sqlite", lambda done: None)
    return folder / "site"


def answers(site: Path, page: str) -> dict[str, Rows]:
    """What a page's questions in SQL give, by their names."""
    found: dict[str, Rows] = {}
    for name, (command, *question) in commands.on_page(site / page).items():
        if command == "sql":
            answer = asking.ask(site.parent / "farm.sqlite", question[0])
            found[name] = [dict(zip(answer.columns, row, strict=True)) for row in answer.rows]
    return found


def number(text: str) -> int:
    """A number as people read it."""
    return int(text.replace(",", ""))


def test_every_link_to_a_command_finds_one(site: Path) -> None:
    """On each page, and no page is without."""
    pages = [page for page in site.rglob("*.html") if page.name != "search.html"]
    for page in pages:
        there = {*commands.on_page(page)}
        assert there and {*re.findall(r'href="#ask-([\w-]+)"', page.read_text())} <= there
    assert len(pages) > 10


def test_each_story_of_the_first_page_is_told_by_its_command(site: Path) -> None:
    """New, back, fixed, quiet, different: as many as its tally says, and those that are listed."""
    told = answers(site, "index.html")
    expected = {"new": ["fresh"], "again": ["back"], "fixed": ["fixed"], "quiet": ["quiet"]}
    text = (site / "index.html").read_text()
    for name, details in expected.items():
        assert [row["detail"] for row in told[name]] == details
        assert f'<a class="tally" href="#ask-{name}">{len(details)}</a>' in text
    tally = re.search(r'href="#ask-differ">(\d+)</a></h2>', text)
    assert tally and len(told["differ"]) == number(tally[1]) > 0


def test_the_tables_of_the_first_page_are_those_of_their_commands(site: Path) -> None:
    """Findings and signatures, by branch and by machine; findings by kind and by day."""
    told, text = answers(site, "index.html"), (site / "index.html").read_text()
    for name in ("branches", "machines"):
        section = text[text.index(f'<section id="{name}">') :].partition("</section>")[0]
        rows = [re.findall(r'data-value="(\d+)"', row) for row in section.split("<tr>")[2:]]
        found = sorted((row["findings"], row["signatures"]) for row in told[name])
        assert sorted((int(row[-2]), int(row[-1])) for row in rows if int(row[-2])) == found != []
    total = sum(len(run.findings) for run in runs())
    assert sum(row["findings"] for row in told["kinds"]) == sum(row["findings"] for row in told["days"]) == total
    assert told["signatures"] == [{"count(*)": 8}]
    assert f"{len(told['unfiled'])} that no bug explains" in text
    assert f">{len(told['bugs'])} known bugs</a>" in text


def test_a_signatures_page_is_what_its_commands_say(site: Path) -> None:
    """Its matrix, cell by cell, its times, its tuples."""
    seen_cells = 0
    for page in (site / "signature").iterdir():
        text, told = page.read_text(), answers(site, f"signature/{page.name}")
        cells = Counter((number(seen), number(ran or "0")) for seen, ran in CELL.findall(text))
        assert cells == Counter((row["seen"], row["ran"] if row["ran"] >= row["seen"] else 0) for row in told["ran"])
        seen_cells += cells.total()
        (about,) = told["about"]
        for when in (about["first_seen"], about["last_seen"]):
            assert f'<dd class="small"><a href="#ask-about"><time datetime="{when}">' in text
        assert f'#ask-about">{about["branches"]}</a>' in text
        times_told = {(row["first_seen"], row["last_seen"]) for row in told["tuples"]}
        assert {
            *re.findall(r'<td><time datetime="(.*?)">.*?</time></td><td><time datetime="(.*?)">', text)
        } == times_told
        inputs = re.findall(r"<li><code><bdi>(.*?)</bdi></code></li>", text)
        assert sorted(inputs) == sorted(html.escape(row["place"] or "(no name)") for row in told["inputs"]) != []
    assert seen_cells > 10


def test_what_came_again_leads_to_the_command_that_tells_it(site: Path) -> None:
    """Only where something is told."""
    pages = [page for page in (site / "signature").iterdir() if "#ask-repeated" in page.read_text()]
    assert len(pages) == 1
    assert f"crashfarm reproduce show {pages[0].stem}</bdi>" in pages[0].read_text()


def test_what_was_found_out_is_told_by_its_command(site: Path) -> None:
    """The smallest input's sizes and tests, the builds and how many runs they took."""
    (page,) = [page for page in (site / "signature").iterdir() if "#ask-noted" in page.read_text()]
    (told,) = answers(site, f"signature/{page.name}")["noted"]
    text = page.read_text()
    assert (told["minimal_size"], told["minimal_original_size"], told["minimal_tests"]) == (7, 70, 5)
    assert "7 bytes, down from 70 bytes, found in 5 tests" in text
    assert (told["last_good"], told["first_bad"], told["range_runs"]) == ("b1", "b2", 4)
    assert "found in 4 runs" in text and text.count("#ask-noted") == 2


def test_lists_are_those_of_their_commands(site: Path) -> None:
    """The list of all, what is not filed, and what a bug explains, as often as each was seen."""
    bugs = [f"bug/{page.name}" for page in (site / "bug").iterdir()]
    for page, name in [("signatures.html", "list"), ("unfiled.html", "unfiled"), *((page, "list") for page in bugs)]:
        # A bug's page lists what is back twice.
        text = (site / page).read_text().rpartition("<table")[2]
        listed = re.findall(r'<td class="number" data-value="(\d+)">', text)
        found = [row["findings"] for row in answers(site, page)[name]]
        assert sorted(map(int, listed)) == sorted(found) != []


def test_a_branch_tells_its_days(site: Path) -> None:
    """As its chart does."""
    told = answers(site, next(f"branch/{page.name}" for page in (site / "branch").iterdir() if "3.13" in page.name))
    days: Counter[str] = Counter()
    for run in runs():
        days[run.completed_at[:10]] += len(run.findings) if run.branch == "3.13" else 0
    assert {row["day"]: row["findings"] for row in told["days"]} == days
