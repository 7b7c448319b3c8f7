"""The report's numbers against a count over the documents, of a farm in which all is odd that may be."""

import json
import re
from collections import Counter
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from crashfarm.documents.bug import Bug, bug_id
from crashfarm.documents.finding import Finding, Kind
from crashfarm.documents.history import BugLists, History
from crashfarm.documents.result import Result
from server.export import asking, mirror
from server.queries.signatures import short_name, signature
from server.report import write_report
from server.report.lists import branch_name
from tests import commands, farms
from tests.farms import NOON, finding, result

ODD = "it's \0 $HOME \u202e\r\n\\!`x`"
"""A name that shells may read as something else."""

NAMES = ("main", "Main", "MAIN/x", "MAIN-x", "3.11", ODD)
"""Branches of both products: they differ in case only, or in what no file name holds."""

SHARED = "shared | f"
GONE = bug_id("a", "gone")


def runs() -> list[Result]:
    """Three days of two products, a run with the same finding twice, one of an experiment, one without a document."""
    found = []
    for at, (day, product, name) in enumerate((d, p, b) for d in range(3) for p in ("cpython", "pypy") for b in NAMES):
        number = day * 24 * 60 + at
        found.append(result(number, *findings(product, name), product=product, branch=name, machine=at % 2))
    found.append(result(5000, finding(detail="of an experiment")).evolve(probe=True))
    found.append(result(5001, finding(detail="no history")))
    found.append(result(5002, finding(detail="suppressed")))
    return found


def findings(product: str, name: str) -> list[Finding]:
    """What every branch but two shows, as bad as the product says, and what single ones do."""
    shared = finding(detail=SHARED, severity="critical" if product == "cpython" else "unknown")
    own = {
        ("cpython", "Main"): [],
        ("pypy", "Main"): [],
        ("pypy", "main"): [shared, finding(detail="only here", severity="low")],
        ("cpython", "MAIN/x"): [shared, shared],
        ("cpython", "3.11"): [shared, *(finding(Kind.ASSERTION, "a.c", message=text) for text in ("x > 0", "y > 0"))],
        ("pypy", "3.11"): [shared, finding(Kind.ASSERTION, "a.c", message="x > 0")],
    }
    return own.get((product, name), [shared])


def known(one: History) -> History:
    """One is suppressed, one has two bugs, of which one was deleted."""
    if one.detail == SHARED:
        return one.evolve(bugs=BugLists(open=(bug_id("a", "1"), GONE)))
    return one.evolve(suppressed=one.detail == "suppressed")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Its report."""
    folder = tmp_path_factory.mktemp("numbers") / "site"
    farm = farms.in_memory([], Bug(id=bug_id("a", "1"), tracker="a", number="1", title="Known"))
    for doc in [*runs(), *(known(one) for one in farms.histories(counted()) if one.detail != "no history")]:
        farm.history.put(doc.to_doc())
    write_report(farm, folder, now=NOON + timedelta(days=5))
    mirror.update(farm, folder.parent / "farm.sqlite", lambda done: None)
    return folder


def counted() -> list[Result]:
    """What is no experiment."""
    return [run for run in runs() if not run.probe]


def page(site: Path, name: str) -> str:
    """Its text."""
    return (site / name).read_text()


def page_of(site: Path, one: Finding) -> str:
    """The page of a finding's signature."""
    return page(site, f"signature/{short_name(signature(one.kind, one.message, one.detail))}.html")


def summary(site: Path) -> Any:
    """What programs are told."""
    return json.loads(page(site, "summary.json"))


def test_branches_and_products_are_kept_apart(site: Path) -> None:
    """However alike their names are: runs, failed runs, findings, signatures."""
    told = {
        (one["product"], one["branch"]): (one["runs"], one["failures"], one["findings"], one["signatures"])
        for one in summary(site)["branches"]
    }
    expected = {}
    for where in {(run.product, run.branch) for run in counted()}:
        here = [run for run in counted() if (run.product, run.branch) == where]
        kinds = {signature(one.kind, one.message, one.detail) for run in here for one in run.findings}
        found = sum(len(run.findings) for run in here)
        expected[where] = (len(here), sum(run.outcome == "failure" for run in here), found, len(kinds))
    assert told == expected
    pages = {branch_name(*where) for where in expected}
    assert len({name.lower() for name in pages}) == len(expected) == 13


def test_signatures_are_counted_over_all_products(site: Path) -> None:
    """How often each was seen, and on how many branches: those of one name in two products are two."""
    told = {(one["kind"], one["headline"]): (one["findings"], len(one["branches"])) for one in summary(site)["listed"]}
    seen: Counter[tuple[str, str]] = Counter()
    where: dict[tuple[str, str], set[tuple[str, str]]] = {}
    for run in counted():
        for one in run.findings:
            key = (str(one.kind), one.message if one.kind == Kind.ASSERTION else one.detail)
            seen[key] += 1
            where.setdefault(key, set()).add((run.product, run.branch))
    assert told == {key: (number, len(where[key])) for key, number in seen.items()}
    assert f'#ask-about">{len(where["crash", SHARED])}</a>' in page_of(site, finding(detail=SHARED))


def test_a_signature_is_as_bad_as_its_worst_tuple(site: Path) -> None:
    """Whatever the words' place in the alphabet."""
    told = {one["headline"]: one["severity"] for one in summary(site)["listed"]}
    assert (told[SHARED], told["only here"]) == ("critical", "low")


def test_the_trend_keeps_products_apart(site: Path) -> None:
    """Each day's findings by product and branch, as a chart and as a table."""
    table = re.search("Findings by day and branch[^<>]*, in numbers.*?</table>", page(site, "index.html"), re.DOTALL)
    assert table
    columns = re.findall(r'class="number">(.*?)</th>', table[0])
    rows = re.findall(r"<bdi>(\S+)</bdi></th>(.*?)</tr>", table[0])
    told = {
        (day, name): int(number)
        for day, cells in rows
        for name, number in zip(columns, re.findall(r">(\d+)<", cells), strict=True)
        if number != "0"
    }
    expected = Counter(
        (run.completed_at[:10], f"{run.product} {run.branch}") for run in counted() for _ in run.findings
    )
    named = {name for _, name in expected}.intersection(columns)
    shown = {key: number for key, number in expected.items() if key[1] in named}
    assert {key: number for key, number in told.items() if key[1] in named} == shown
    assert len(columns) == 7 and len(named) >= 5 and "branch, the 7 branches with most" in table[0]


def asked(site: Path, page: str, name: str) -> list[dict[str, Any]]:
    """What a question in SQL on a page gives."""
    command, question = commands.on_page(site / page)[name]
    assert command == "sql"
    answer = asking.ask(site.parent / "farm.sqlite", question)
    return [dict(zip(answer.columns, row, strict=True)) for row in answer.rows]


def listed(site: Path, page: str, caption: str) -> dict[str, int]:
    """The names of a list's signatures, and how often each was seen."""
    table = (site / page).read_text().partition(f">{caption}</caption>")[2].partition("</table>")[0]
    rows = re.findall(r'signature/(\w+)\.html.*?class="number" data-value="(\d+)"', table, re.DOTALL)
    return {name: int(number) for name, number in rows}


@pytest.mark.parametrize("place", ["branch", "machine"])
def test_a_place_lists_what_was_seen_there_as_its_commands_say(site: Path, place: str) -> None:
    """How often it was seen there, not everywhere; and what only it shows."""
    only = set()
    for file in (site / place).iterdir():
        name = f"{place}/{file.name}"
        here = {row["name"]: row["seen_here"] for row in asked(site, name, "list")}
        shown = listed(site, name, f"Signatures seen on this {place}")
        # What has no history document yet is in no table.
        assert {one: number for one, number in shown.items() if one in here} == here
        alone = {row["name"] for row in asked(site, name, "only")}
        assert {*listed(site, name, f"Signatures of this {place} alone")} & {*here} == alone
        only |= alone
        tally = re.search(r'href="#ask-only">(\d+)</a>', file.read_text())
        assert int(tally[1] if tally else 0) >= len(alone)
    assert only


def test_bugs_are_listed_with_what_they_explain(site: Path) -> None:
    """Each with its number of signatures, the one without a document, too."""
    told = {row["bug"]: row["signatures"] for row in asked(site, "bugs.html", "bugs")}
    rows = re.findall(r'<bdi>(bug:[^<]+)</bdi>.*?data-value="(\d+)"', page(site, "bugs.html"), re.DOTALL)
    assert told == {name: int(number) for name, number in rows} == {bug_id("a", "1"): 1, GONE: 1}


def test_a_signatures_days_are_those_of_its_command(site: Path) -> None:
    """Findings, not runs: one run may show the same twice."""
    one = finding(detail=SHARED)
    name = short_name(signature(one.kind, one.message, one.detail))
    told = {row["day"]: row["findings"] for row in asked(site, f"signature/{name}.html", "days")}
    days = Counter(run.completed_at[:10] for run in counted() for one in run.findings if one.detail == SHARED)
    assert told == days and len(days) == 3
    words = ", ".join(f"{day}: {number}" for day, number in sorted(days.items()))
    assert words in page(site, f"signature/{name}.html")
