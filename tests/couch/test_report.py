"""The numbers of the report, of the views, of the commands, and of a count straight from the documents agree."""

import json
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from urllib.parse import unquote, urlsplit
from uuid import uuid4

import pytest
from typer.testing import CliRunner

from crashfarm import settings
from crashfarm.errors import InputError
from crashfarm.settings import Farm, Settings
from server import deploy
from server.cli import build
from server.queries import paging, totals, tuples
from server.report import ReportSummary, counting, tables, write_report
from tests import commands, farms
from tests.farms import NOON

RESULTS = farms.generate(days=3)

take = tables.take_runs


@pytest.fixture(autouse=True)
def cache(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """What the commands keep from run to run is nobody's who runs tests."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))


@pytest.fixture(scope="module")
def farm_settings(couch_url: str) -> Settings:
    """A farm of its own on the CouchDB under test."""
    parts = urlsplit(couch_url)
    url = f"{parts.scheme}://{parts.hostname}:{parts.port}"
    farm = f"test-report-{uuid4().hex}"
    return Settings(url=url, user=unquote(parts.username or ""), password=unquote(parts.password or ""), farm=farm)


@pytest.fixture(scope="module")
def farm(farm_settings: Settings) -> Iterator[Farm]:
    """That farm, with three days of results."""
    farm = settings.connect(farm_settings)
    deploy.push(farm, lambda done: None)
    assert all(outcome.ok for outcome in farm.history.bulk(farms.history_docs(RESULTS)))
    assert all(outcome.ok for outcome in farm.status.bulk([farms.branch(name).to_doc() for name in farms.BRANCHES]))
    yield farm
    for database in (farm.status, farm.history):
        farm.connection.drop(database.name)
    farm.connection.close()


@pytest.fixture(scope="module")
def summary(farm: Farm, tmp_path_factory: pytest.TempPathFactory) -> ReportSummary:
    """The report of that farm; the second day and what follows count as new."""
    return write_report(
        farm, tmp_path_factory.mktemp("report") / "out", now=NOON + timedelta(days=4), since=NOON + timedelta(days=1)
    )


def stored_results(farm: Farm) -> list[dict[str, object]]:
    """All result documents, read without any view."""
    return list(farm.history.documents("result:"))


def test_the_report_says_what_the_documents_say(farm: Farm, summary: ReportSummary) -> None:
    """Runs, findings and signatures, counted over the stored documents."""
    stored = stored_results(farm)
    found = [one for doc in stored for one in doc["findings"]]  # type: ignore[attr-defined]
    assert summary.jobs == len(stored) == len(RESULTS)
    assert summary.findings == len(found) > 0
    assert summary.signatures == len({(one["kind"], one["detail"]) for one in found})


def test_the_views_say_what_the_documents_say(farm: Farm) -> None:
    """Findings by type and branch, and runs by branch and outcome."""
    stored = stored_results(farm)
    found = tuples.counts(farm.history, tuples.Question(group=5))
    by_branch: Counter[str] = Counter()
    for count in found:
        by_branch[count.parts[4]] += count.count
    assert by_branch == Counter(str(doc["branch"]) for doc in stored for _ in doc["findings"])  # type: ignore[attr-defined]
    runs: Counter[tuple[str, str]] = Counter()
    for run in totals.runs(farm.history):
        runs[run.branch, run.outcome] += run.count
    assert runs == Counter((str(doc["branch"]), str(doc["outcome"])) for doc in stored)


def test_two_views_count_the_same_findings(farm: Farm) -> None:
    """One is keyed by the tuple, the other by the signature."""
    by_tuple = sum(count.count for count in tuples.counts(farm.history, tuples.Question(group=1)))
    assert by_tuple == paging.total(farm.history, "signatures", "by_count")


def test_the_pages_say_what_the_views_say(farm: Farm, summary: ReportSummary) -> None:
    """The first page's numbers, as a person reads them."""
    page = summary.index.read_text()
    for number in (f"{summary.jobs} runs", f"{len(farms.BRANCHES)} branches", f"{summary.findings} faults"):
        assert f">{number}</a>" in page
    hang = paging.total(farm.history, "crash_type", "results", ["result_hang"])
    pages = [path.read_text() for path in (summary.index.parent / "signature").iterdir()]
    assert sum(f'#ask-seen">{hang}</a>' in text and "No end" in text for text in pages) == 1


def test_a_hand_that_counts_runs_changes_nothing(
    farm: Farm, summary: ReportSummary, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same files to the byte, and nothing is left of its own."""
    monkeypatch.setattr(counting, "WORTH", 0)
    monkeypatch.setattr("os.sched_getaffinity", lambda process: {0, 1})
    taken = []
    monkeypatch.setattr(tables, "take_runs", lambda *given: taken.append(take(*given)))
    given = {"now": NOON + timedelta(days=4), "since": NOON + timedelta(days=1)}
    write_report(farm, tmp_path / "out", **given, state=tmp_path / "state")  # type: ignore[arg-type]
    assert taken
    assert farms.content(tmp_path / "out") == farms.content(summary.index.parent)
    assert {path.name for path in tmp_path.iterdir()} == {"out", "state"}


def test_differences_between_branches_are_those_of_the_documents(summary: ReportSummary) -> None:
    """The crash is missing on one branch, the hang on two, and all ran the same inputs."""
    assert summary.differing == 2


def test_the_command_counts_what_the_documents_hold(
    farm: Farm, farm_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`crashfarm crashes`, asked for JSON, with a part of the tuple behind a gap."""
    rows = json.loads(command(farm_settings, monkeypatch, "crashes", "--branch", "3.13", "--group", "detail", "--json"))
    stored = [doc for doc in stored_results(farm) if doc["branch"] == "3.13"]
    expected = Counter(
        (f"result_{one['kind']}", one["detail"])
        for doc in stored
        for one in doc["findings"]  # type: ignore[attr-defined]
    )
    assert {(row["type"], row["detail"]): row["count"] for row in rows} == expected


def test_the_command_lists_the_known_branches_for_an_unknown_one(
    farm: Farm, farm_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A typing error is not an empty answer."""
    with pytest.raises(Exception, match=r"known: 3\.11, 3\.12, 3\.13, main"):
        command(farm_settings, monkeypatch, "crashes", "--branch", "3.9")


def test_runs_are_counted_as_the_documents_say(
    farm: Farm, farm_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`crashfarm results`, by day and outcome, of one branch since the second day."""
    words = ("results", "--branch", "3.13", "--since", "2026-11-23", "--group", "day", "--group", "outcome", "--json")
    rows = json.loads(command(farm_settings, monkeypatch, *words))
    stored = [
        doc for doc in stored_results(farm) if doc["branch"] == "3.13" and str(doc["completed_at"]) >= "2026-11-23"
    ]
    expected = Counter((str(doc["completed_at"])[:10], doc["outcome"]) for doc in stored)
    assert {(row["day"], row["outcome"]): row["count"] for row in rows} == expected


def test_the_command_writes_the_report(
    farm: Farm, farm_settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """It prints the first page's path, and nothing else, on standard output."""
    out = tmp_path / "site"
    assert command(farm_settings, monkeypatch, "report", str(out)).strip() == str(out / "index.html")
    assert (out / "index.html").is_file()


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (("--since", "2199-01-01"), "lies in the future"),
        (("--since", "0001-01-01T00:00+14:00"), "cannot read"),
        (("--url", "javascript:alert(1)"), "the address of a web page"),
        (("--url", "https://example.org/a\r\nBcc: b"), "the address of a web page"),
    ],
)
def test_options_that_make_no_sense_are_refused(
    farm: Farm,
    farm_settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    words: tuple[str, str],
    complaint: str,
) -> None:
    """Before anything is read or written."""
    with pytest.raises(InputError, match=complaint):
        command(farm_settings, monkeypatch, "report", str(tmp_path / "out"), *words)
    assert not [*tmp_path.iterdir()]


def test_every_command_on_the_pages_gives_what_they_say(
    farm: Farm,
    farm_settings: Settings,
    summary: ReportSummary,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Each can be typed as it stands there; the first page's give the first page's numbers."""
    told: dict[str, list[dict[str, int]]] = {}
    for page in [*summary.index.parent.glob("[bms]*/*.html"), summary.index]:
        assert "hidden-character" not in page.read_text().partition('<aside class="ask">')[2]
        for name, typed in commands.on_page(page).items():
            told[name] = json.loads(command(farm_settings, monkeypatch, *typed, "--json"))
    assert {*told} >= {"runs", "findings", "signatures", "new", "back", "workers", "jobs", "seen", "who", "days", "ran"}
    assert sum(row["count"] for row in told["runs"]) == summary.jobs
    assert sum(row["count"] for row in told["findings"]) == summary.findings
    assert [*told["signatures"][0].values()] == [summary.signatures]
    assert len(told["new"]) == summary.new_signatures
    assert len(told["differ"]) == summary.differing


def command(given: Settings, monkeypatch: pytest.MonkeyPatch, *words: str) -> str:
    """What the command prints on standard output."""
    monkeypatch.setenv("COUCHDB_URL", given.url)
    monkeypatch.setenv("COUCHDB_USER", given.user)
    monkeypatch.setenv("COUCHDB_PASSWORD", given.password)
    monkeypatch.setenv("CRASHFARM_FARM", given.farm)
    return CliRunner().invoke(build(), words, catch_exceptions=False).stdout
