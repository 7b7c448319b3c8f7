"""What other programs take from a report."""

import json
import re
import tracemalloc
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest

from crashfarm.documents.finding import Kind
from crashfarm.documents.history import BugLists
from server.report import model, searching, summary, write_report
from server.report.model import BranchLine, Line
from server.report.pages import Pages
from tests import farms
from tests.farms import HOSTILE, NOON, finding, result

ATOM = "{http://www.w3.org/2005/Atom}"
NOW = NOON + timedelta(days=4)


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A report of generated results, hostile texts included."""
    folder = tmp_path_factory.mktemp("handoffs") / "out"
    write_report(
        farms.in_memory(farms.generate()), folder, now=NOW, since=NOON, url="https://reports.example.org/farm/"
    )
    return folder


def parsed(path: Path) -> ET.Element:
    """The root of an XML file."""
    return ET.parse(path).getroot()  # noqa: S314 our own file


def test_the_feed_has_an_entry_for_each_signature_and_absolute_links(out: Path) -> None:
    """The newest first, each with an id that stays."""
    entries = parsed(out / "feed.xml").findall(f"{ATOM}entry")
    times = [entry.findtext(f"{ATOM}updated", "") for entry in entries]
    assert len(entries) == len(list((out / "signature").iterdir()))
    assert times == sorted(times, reverse=True)
    links = [entry.find(f"{ATOM}link").get("href", "") for entry in entries]  # type: ignore[union-attr]
    assert all(link.startswith("https://reports.example.org/farm/signature/") for link in links)
    assert all((out / "signature" / link.rpartition("/")[2]).is_file() for link in links)
    # Another farm of that name is published elsewhere.
    assert [entry.findtext(f"{ATOM}id") for entry in entries] == links
    assert len({*links}) == len(links)


def test_the_summary_fits_its_schema_and_the_report(out: Path) -> None:
    """Every member that the schema requires is there, and the numbers are those of the first page."""
    told = json.loads((out / "summary.json").read_bytes())
    schema = json.loads((out / "summary.schema.json").read_bytes())
    assert {*told} == {*schema["$defs"]["Summary"]["properties"]}
    members = [member for kind in schema["$defs"].values() for member in kind["properties"].items()]
    assert {name for name, about in members if "description" not in about} <= {"farm", "product", "branch", "branches"}
    assert told["signatures"] == len(told["listed"]) == len(list((out / "signature").iterdir()))
    assert told["findings"] == sum(one["findings"] for one in told["listed"])
    assert told["runs"] == sum(one["runs"] for one in told["branches"]) == len(farms.generate())
    assert all((out / one["page"]).is_file() for one in (*told["listed"], *told["branches"]))


def test_junit_counts_a_suite_for_each_branch(out: Path) -> None:
    """Its failures are the signatures seen there; 3.12 misses two of them."""
    suites = {suite.get("name"): suite for suite in parsed(out / "junit.xml")}
    assert (
        len(suites["cpython 3.13"].findall("testcase/failure")) == int(suites["cpython 3.13"].get("failures", "")) == 6
    )
    assert suites["cpython 3.12"].get("failures") == "4"


def test_junit_skips_what_an_open_bug_explains_and_passes_what_shows_nothing(tmp_path: Path) -> None:
    """So that a build fails only for what nobody knows."""
    runs = [result(1, finding()), result(2, branch="3.12")]
    farm = farms.in_memory(runs)
    known = farms.histories(runs)[0].evolve(bugs=BugLists(open=("bug:a:1",)))
    farm.history.docs[known.id] = known.to_doc()  # type: ignore[attr-defined]
    write_report(farm, tmp_path / "out", now=NOW)
    suites = {suite.get("name"): suite for suite in parsed(tmp_path / "out/junit.xml")}
    assert (suites["cpython 3.13"].get("failures"), suites["cpython 3.13"].get("skipped")) == ("0", "1")
    assert [case.get("name") for case in suites["cpython 3.12"]] == ["nothing found"]


def test_junit_skips_what_is_suppressed_and_counts_what_was_seen_on_the_branch(tmp_path: Path) -> None:
    """Nobody wants to hear of it; and a suite tells of its own branch."""
    runs = [result(1, finding(), finding(detail="ignored")), *(result(n, finding(), branch="3.12") for n in (2, 3))]
    farm = farms.in_memory(runs)
    for one in farms.histories(runs):
        farm.history.put(one.evolve(suppressed=one.detail == "ignored").to_doc())
    write_report(farm, tmp_path / "out", now=NOW)
    suites = {suite.get("name"): suite for suite in parsed(tmp_path / "out/junit.xml")}
    assert (suites["cpython 3.13"].get("failures"), suites["cpython 3.13"].get("skipped")) == ("1", "1")
    seen = {name: suite.findtext("testcase/failure", "") for name, suite in suites.items()}
    assert "Seen 1 time here" in seen["cpython 3.13"] and "Seen 2 times here" in seen["cpython 3.12"]


def test_junit_tells_what_it_leaves_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What it counts is what it holds, and each test has a name of its own."""
    monkeypatch.setattr("server.report.junit.HANDED", 2)
    found = [finding(detail=("x" * 400) + str(n)) for n in range(5)]
    write_report(farms.in_memory([result(1, *found)]), tmp_path / "out", now=NOW)
    (suite,) = parsed(tmp_path / "out/junit.xml")
    assert suite.get("tests") == suite.get("failures") == "2"
    assert len({case.get("name") for case in suite.findall("testcase")}) == 2
    assert suite.findtext("system-out") == "3 more signatures are not listed"


def test_junit_is_written_a_test_at_a_time(tmp_path: Path) -> None:
    """However many there are, memory does not grow with them."""
    about = model.Farm("farm", "2026-11-22T12:00:00.000Z", "", "0")
    pages = Pages(tmp_path, tmp_path / "before", about, ())
    at_once: list[int] = []

    def lines(branch: object) -> Iterator[Line]:
        for _ in range(6000):
            at_once.append(tracemalloc.get_traced_memory()[0])
            yield line

    line = Line("n", "crash", "f" * 500, "", "SIGSEGV", "", "", "", 1, 1, False, False, 0, 0, False, ("b",))
    branch = BranchLine("b", "p", "b", 1, 1, 0, 6000, 6000)
    tracemalloc.start()
    pages.stream("junit.xml.j2", "junit.xml", branches=[branch], told=lambda _: (6000, 0), lines_of=lines)
    tracemalloc.stop()
    assert max(at_once) - at_once[0] < 1_000_000 < (tmp_path / "junit.xml").stat().st_size / 4


NASTY = (
    "nul:\0",
    "C:\\build\\f.c",
    "//host/[x] y.c",
    "not characters: \ufffe\uffff",
    "right to left: \u202egpj.exe",
    "end: ]]> --> </script>",
    "head:\r\nBcc: a@example.org\r\n\r\nbody",
    "lines:\x85\u2028\u2029",
    "quotes: \"'`&<",
    "long: " + "x" * 10_000,
    "",
)


@pytest.fixture(scope="module")
def nasty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A report of texts that break one format or another."""
    runs = []
    for at, text in enumerate(NASTY):
        found = finding(detail=text or "no title", message=text or "no title", title=text, file=text, line=at - 1)
        runs.append(result(at, found, branch=text or "main", product=text or "cpython", input_name=text))
    folder = tmp_path_factory.mktemp("nasty") / "out"
    write_report(farms.in_memory(runs), folder, now=NOW, since=NOON, url="https://reports.example.org/farm")
    return folder


def test_whatever_is_in_a_text_the_feed_and_the_test_results_are_xml(nasty: Path) -> None:
    """With an entry and a suite for each; the feed says where it is."""
    feed = parsed(nasty / "feed.xml")
    assert len(feed.findall(f"{ATOM}entry")) == len(parsed(nasty / "junit.xml")) == len(NASTY)
    assert [link.get("href") for link in feed.findall(f"{ATOM}link[@rel='self']")] == [
        "https://reports.example.org/farm/feed.xml"
    ]
    assert feed.findtext(f"{ATOM}updated") == max(each.text or "" for each in feed.findall(f"*/{ATOM}updated"))


def test_whatever_is_in_a_text_the_summary_keeps_to_its_types(nasty: Path) -> None:
    """A truth is no number; texts are as they were."""
    told = msgspec.json.decode((nasty / "summary.json").read_bytes(), type=summary.Summary, strict=True)
    assert {one.branch for one in told.branches} == {text or "main" for text in NASTY}
    assert len(told.listed) == len(NASTY) and all(one.new for one in told.listed)


def test_whatever_is_in_a_path_sarif_has_an_address_and_every_result_a_place(nasty: Path) -> None:
    """Relative ones, for nothing in a path may be taken for a host or a scheme; lines begin with 1."""
    (run,) = json.loads((nasty / "findings.sarif").read_bytes())["runs"]
    places = [one["locations"][0]["physicalLocation"] for one in run["results"]]
    addresses = [place["artifactLocation"]["uri"] for place in places]
    assert len(addresses) == len(NASTY)
    assert all(re.fullmatch(r"/?[\w.~%-][\w.~%/-]*", address, re.ASCII) for address in addresses)
    assert "C%3A/build/f.c" in addresses and "/host/%5Bx%5D%20y.c" in addresses
    assert sum(address.startswith("signature/") for address in addresses) == 2
    assert all(place.get("region", {"startLine": 1})["startLine"] >= 1 for place in places)
    assert all(one["message"]["text"] and one["hostedViewerUri"].startswith("https://") for one in run["results"])


def test_whatever_is_in_a_text_the_mail_stays_small_and_has_the_lines_that_it_should(nasty: Path) -> None:
    """No line is anybody's but ours, wherever a program sees the end of one."""
    text = (nasty / "mail.txt").read_bytes().decode()
    lines = text.splitlines()
    assert [*lines, ""] == text.split("\n")
    assert not any(line.startswith(("Bcc", "body")) for line in lines)
    assert len(text) < 20_000


def test_what_is_suppressed_is_not_news(tmp_path: Path) -> None:
    """Neither for readers of the feed nor for code hosts."""
    farm = farms.in_memory([result(1, finding()), result(2, finding(detail="ignored"))])
    for one in farms.histories([result(2, finding(detail="ignored"))]):
        farm.history.put(one.evolve(suppressed=True).to_doc())
    write_report(farm, tmp_path / "out", now=NOW)
    assert len(parsed(tmp_path / "out/feed.xml").findall(f"{ATOM}entry")) == 1
    (run,) = json.loads((tmp_path / "out/findings.sarif").read_bytes())["runs"]
    assert len(run["results"]) == 1 and "baselineState" not in run["results"][0]


def test_sarif_names_rule_level_place_and_a_lasting_fingerprint(tmp_path: Path) -> None:
    """Code hosts show it at the line, and know it again next time."""
    found = finding(
        Kind.SANITIZER, "use-after-free | f", file="src/f.c", line=12, severity="high", title="Use after free"
    )
    write_report(farms.in_memory([result(1, found)]), tmp_path / "out", now=NOW)
    (run,) = json.loads((tmp_path / "out/findings.sarif").read_bytes())["runs"]
    (one,) = run["results"]
    assert (one["ruleId"], one["level"]) == ("sanitizer", "error")
    place = one["locations"][0]["physicalLocation"]
    assert (place["artifactLocation"]["uri"], place["region"]["startLine"]) == ("src/f.c", 12)
    assert (tmp_path / "out/signature" / f"{one['partialFingerprints']['crashfarm/v1']}.html").is_file()


def test_the_mail_is_plain_short_and_safe_for_terminals(out: Path) -> None:
    """No markup, no control characters, no line that floods the screen."""
    text = (out / "mail.txt").read_text()
    assert "<script>alert(1)</script>" in text and "&lt;" not in text
    assert not {"\x1b", "\u202e"} & set(text)
    assert max(map(len, text.splitlines())) < 200


def test_the_search_index_is_a_script_of_plain_json_rows(out: Path) -> None:
    """One row for each signature, whatever is in it."""
    text = (out / "search-index.js").read_text(encoding="ascii")
    rows = json.loads("[" + text.removeprefix(searching.START).rstrip().removesuffix("];").rstrip().rstrip(",") + "]")
    assert {row[0] for row in rows} == {path.stem for path in (out / "signature").iterdir()}
    assert any(row[1].startswith(HOSTILE[:20]) for row in rows)


def test_the_search_index_names_what_cannot_be_seen(nasty: Path) -> None:
    """In branches' names, too: nobody may turn the list around."""
    text = (nasty / "search-index.js").read_text(encoding="ascii")
    assert "[U+202E]gpj" in text and "\\u202e" not in text and "\\u2028" not in text


def test_an_empty_farm_hands_over_empty_files(tmp_path: Path) -> None:
    """Programs that read them find what they expect."""
    write_report(farms.in_memory([]), tmp_path / "out", now=NOW)
    assert parsed(tmp_path / "out/feed.xml").findall(f"{ATOM}entry") == []
    assert json.loads((tmp_path / "out/summary.json").read_bytes())["listed"] == []
    assert json.loads((tmp_path / "out/findings.sarif").read_bytes())["runs"][0]["results"] == []
    assert len(parsed(tmp_path / "out/junit.xml")) == 0
