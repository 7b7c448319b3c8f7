"""The commands that ask: every part of the tuple, and the same answer in three forms."""

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from crashfarm.documents.base import Document
from crashfarm.documents.history import BugLists
from crashfarm.documents.job import Job
from crashfarm.documents.result import Result
from crashfarm.documents.worker import Worker
from crashfarm.errors import InputError
from server.cli import build, options, rooms_for
from tests import farms, samples
from tests.fake_views import FakeDatabase
from tests.farms import finding, result
from tests.javascript import ROOT

RUNS = [
    result(1, finding(), worker="barn"),
    result(2, finding(), branch="3.12", machine=1, worker="shed"),
    result(3, finding(detail="another"), finding(), branch="3.12", worker="barn"),
    result(4, branch="3.12", machine=1, worker="shed"),
    result(60 * 24, finding(detail="late"), worker="barn"),
]


@pytest.fixture
def ask(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Runs a command on a farm of five runs, two workers and three jobs; gives what it prints on standard output."""
    some = Worker.from_doc(samples.worker()).evolve(state_since=samples.NOW)
    barn = some.evolve(id="worker:barn", hostname="left.example", os_version="6.1")
    shed = some.evolve(id="worker:shed", hostname="shed", os_version="6.8", cpu_name="aarch64")
    job = Job.from_doc(samples.pending()).evolve(product="cpython", branch="3.12")
    jobs = [job.evolve(id=f"job:0000{n}", source=f"round {n % 2}") for n in (1, 2, 3)]
    farm = farms.in_memory(RUNS, barn, shed, *jobs)
    back = next(one for one in farms.histories(RUNS) if one.detail == "another")
    farm.history.put(back.evolve(bugs=BugLists(closed=("bug:a:1",)), regressed=("bug:a:1",)).to_doc())
    monkeypatch.setattr(options, "connect", lambda data: farm)

    def run(*words: str) -> str:
        return CliRunner().invoke(build(rooms_for(words, {})), words, catch_exceptions=False).stdout

    return run


def rows(text: str) -> list[dict[str, Any]]:
    """A JSON answer."""
    found: list[dict[str, Any]] = json.loads(text)
    return found


@pytest.mark.parametrize(
    ("words", "count"),
    [
        (("--branch", "3.12"), 3),
        (("--machine", "Linux 6.8 aarch64"), 1),
        (("--machine", "shed"), 1),
        (("--machine", "barn", "--branch", "3.12"), 2),
        (("--regressed",), 1),
        (("--regressed", "--branch", "3.13"), 0),
        (("--regressed", "--new", "--since", "2026-11-22"), 1),
        (("--regressed", "--since", "2026-11-23"), 0),
        (("--new",), 5),
        (("--kind", "crash", "--since", "2026-11-23"), 1),
    ],
)
def test_findings_are_counted_by_any_part(ask: Any, words: tuple[str, ...], count: int) -> None:
    """By a kind of machine or a worker of that kind, by what is back, by what is new."""
    assert sum(row["count"] for row in rows(ask("crashes", *words, "--json"))) == count


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("--group", "worker"), {("barn",): 3, ("shed",): 2}),
        (("--worker", "shed", "--group", "outcome"), {("failure",): 1, ("success",): 1}),
        (("--os-version", "6.1", "--group", "branch"), {("3.12",): 1, ("3.13",): 2}),
        (("--machine", "shed", "--group", "branch"), {("3.12",): 2}),
        (("--detail", "list_dealloc | Py_DECREF", "--group", "worker"), {("barn",): 2, ("shed",): 1}),
        (("--kind", "crash", "--group", "day"), {("2026-11-22",): 3, ("2026-11-23",): 1}),
        (("--regressed", "--group", "branch"), {("3.12",): 1}),
        (("--new", "--since", "2026-11-23", "--group", "branch"), {("3.13",): 1}),
        (("--since", "2026-11-23", "--group", "branch"), {("3.13",): 1}),
    ],
)
def test_runs_are_counted_by_what_they_were_and_what_they_showed(
    ask: Any, words: tuple[str, ...], expected: dict[tuple[str, ...], int]
) -> None:
    """A run that showed two things that were asked for counts once."""
    found = rows(ask("results", *words, "--json"))
    assert {tuple(list(row.values())[:-1]): row["count"] for row in found} == expected


@pytest.mark.parametrize(
    ("words", "names"),
    [
        ((), ["barn", "shed"]),
        (("--machine", "Linux 6.8 aarch64"), ["shed"]),
        (("--detail", "another"), ["barn"]),
        (("--branch", "3.13"), ["barn"]),
        (("--regressed",), ["barn"]),
    ],
)
def test_workers_are_found_by_what_they_ran_and_saw(ask: Any, words: tuple[str, ...], names: list[str]) -> None:
    """Who has seen it."""
    assert [row["name"] for row in rows(ask("workers", *words, "--json"))] == names


def test_workers_are_told_with_their_runs(ask: Any) -> None:
    """Those that were asked for, and how many of them failed."""
    (shed,) = rows(ask("workers", "--machine", "shed", "--json"))
    assert (shed["runs"], shed["failures"]) == (2, 1)
    assert rows(ask("workers", "--group", "os_version", "--json")) == [
        {"os_version": "6.1", "count": 1},
        {"os_version": "6.8", "count": 1},
    ]


@pytest.mark.parametrize(
    ("words", "ids"),
    [
        ((), [1, 2, 3]),
        (("--source", "round 1"), [1, 3]),
        (("--detail", "another"), [3]),
        (("--kind", "crash", "--branch", "3.12"), [2, 3]),
        (("--regressed",), [3]),
        (("--limit", "2"), [1, 2]),
    ],
)
def test_jobs_are_found_by_what_they_are_and_what_they_showed(ask: Any, words: tuple[str, ...], ids: list[int]) -> None:
    """The findings are those of their results."""
    assert [row["id"] for row in rows(ask("jobs", *words, "--json"))] == [f"job:0000{n}" for n in ids]


def test_a_jobs_priority_is_a_number(ask: Any) -> None:
    """As `crashfarm job list` has it."""
    assert {row["priority"] for row in rows(ask("jobs", "--json"))} == {3}


def test_a_worker_is_told_with_the_time_since_which_it_is_in_its_state(ask: Any) -> None:
    """Under the name that `crashfarm worker list` has for it."""
    assert {row["since"] for row in rows(ask("workers", "--json"))} == {samples.NOW}


def test_jobs_are_counted_by_any_column(ask: Any) -> None:
    """Instead of being listed."""
    found = rows(ask("jobs", "--group", "source", "--json"))
    assert {row["source"]: row["count"] for row in found} == {"round 0": 1, "round 1": 2}


def test_jobs_are_not_read_to_be_counted(ask: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A million of them are as quickly told by state and branch as ten, and as truly as by reading each."""
    words = ("jobs", "--group", "state", "--group", "branch", "--json")
    each = rows(ask(*words, "--since", "2000-01-01"))
    monkeypatch.setattr("server.cli.jobs_asked._rows", None)
    assert rows(ask(*words)) == each == [{"state": "pending", "branch": "3.12", "count": 3}]
    assert rows(ask(*words, "--branch", "3.12")) == each


@pytest.mark.parametrize("command", ["crashes", "results", "jobs", "workers"])
def test_csv_and_json_and_the_table_hold_the_same(ask: Any, command: str) -> None:
    """Column by column."""
    found = rows(ask(command, "--json"))
    told = list(csv.DictReader(io.StringIO(ask(command, "--csv"))))
    assert [{name: str(value) for name, value in row.items()} for row in found] == told
    assert len(ask(command).splitlines()) > len(found)


def test_an_unknown_older_build_is_told_with_the_known_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those that the branch lists, and those that ran."""
    ran = result(9, finding(), build="1000", probe=True, source="range:x")
    farm = farms.in_memory([*RUNS, ran], farms.branch("3.13").evolve(history=("1100", "1200")))
    monkeypatch.setattr(options, "connect", lambda data: farm)
    for words, told in (
        (("3.13@1300", "3.13"), r"known, oldest first: 1100, 1200, 1000"),
        (("3.12", "3.12@1"), "none"),
    ):
        with pytest.raises(InputError, match=told):
            CliRunner().invoke(build(rooms_for(["diff"], {})), ["diff", *words], catch_exceptions=False)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("crashes", "--branch", "3.9"), r"known: 3\.12, 3\.13"),
        (("results", "--os-version", "7"), r"known: 6\.1, 6\.8"),
        (("results", "--worker", "sty"), "known: barn, shed"),
        (("jobs", "--branch", "3.9"), r"known: 3\.12"),
        (("crashes", "--machine", "sty"), "workers: barn, shed"),
        (("jobs", "--worker", "sty"), "known: barn, shed"),
        (("jobs", "--source", "round 7"), "known: round 0, round 1"),
        (("jobs", "--branch", "3.12", "--os-name", "Plan9"), "known: Linux"),
        (("crashes", "--json", "--csv"), "--json or --csv, not both"),
        (("crashes", "--machine", "shed", "--os-version", "6.1"), "the machine's os_version is '6.8'"),
        (("crashes", "--since", "soon"), "cannot read 'soon' as a time"),
        (("results", "--group", "colour"), "--group takes product"),
        (("jobs", "--group", "colour"), "--group takes id"),
        (("crashes", "--group", "colour"), "--group takes a number"),
        (("diff", "3.12@", "3.13"), "'3.12@' names no build behind the @"),
        (("diff", "3.12", "3.13", "--branch", "3.9"), "'3.12' names a branch itself: --branch is for periods"),
    ],
)
def test_what_is_not_known_is_told_with_what_is(ask: Any, words: tuple[str, ...], told: str) -> None:
    """A typing error is not an empty answer."""
    with pytest.raises(InputError, match=told):
        ask(*words)


@pytest.mark.parametrize("command", [("crashes", "--group", "branch"), ("results", "--group", "branch")])
def test_versions_are_in_the_order_of_their_numbers(monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...]) -> None:
    """3.9 comes before 3.10, whatever form the answer has, and where known names are told."""
    runs = [result(number, finding(), branch=branch) for number, branch in enumerate(("3.15", "main", "3.9", "3.10"))]
    farm = farms.in_memory(runs)
    monkeypatch.setattr(options, "connect", lambda data: farm)
    told = CliRunner().invoke(build(rooms_for(command, {})), [*command, "--json"], catch_exceptions=False).stdout
    assert [row["branch"] for row in rows(told)] == ["3.9", "3.10", "3.15", "main"]
    with pytest.raises(InputError, match=r"known: 3\.9, 3\.10, 3\.15, main"):
        CliRunner().invoke(build(rooms_for(command, {})), [*command, "--branch", "3"], catch_exceptions=False)


@pytest.fixture
def say(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Runs a command on a farm of these results and other documents; gives what it says beside its answer."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))

    def run(results: list[Result], *others: Document, words: tuple[str, ...]) -> str:
        farm = farms.in_memory(results, *others)
        monkeypatch.setattr(options, "connect", lambda data: farm)
        return CliRunner().invoke(build(rooms_for(words, {})), words, catch_exceptions=False).stderr

    return run


@pytest.mark.parametrize("command", ["crashes", "results", "workers"])
def test_a_part_of_a_detail_is_answered_with_details_that_contain_it(say: Any, command: str) -> None:
    """People do not type a whole signature."""
    runs = [result(1, finding(detail="ZeroDivisionError | ratio (share.py)")), result(2, finding(detail="else"))]
    told = say(runs, Worker.from_doc(samples.worker()), words=(command, "--detail", "zerodivision"))
    assert "some that contain it: ZeroDivisionError | ratio (share.py)\n" in told


@pytest.mark.parametrize(
    ("command", "next_step"),
    [
        ("crashes", "crashfarm job add"),
        ("results", "crashfarm-worker run"),
        ("jobs", "crashfarm job add"),
        ("workers", "crashfarm-worker run"),
    ],
)
def test_an_empty_farm_says_what_to_do(say: Any, command: str, next_step: str) -> None:
    """Besides an answer without rows."""
    assert next_step in say([], words=(command,))


def test_views_of_another_version_are_told(say: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Their numbers may be others; those of this version go without a word."""
    ours = {"views": {"results": {"map": (ROOT / "views/crash_type/results/map.js").read_text()}}}
    theirs = {"views": {"results": {"map": "function (doc) { emit(1); }"}}}
    for live, told in ((ours, False), (theirs, True)):
        monkeypatch.setattr(FakeDatabase, "get", lambda self, name, live=live: live if name[0] == "_" else None)
        for words in (("crashes",), ("report", str(tmp_path / "out"), "--anew")):
            assert ("run 'crashfarm push'" in say(RUNS, words=words)) == told


def test_an_index_that_is_being_built_is_shown(say: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Then comes the answer."""
    left = iter([9000, 6000])

    def busy(self: FakeDatabase, *path: str) -> Any:
        return {"view_index": {"updates_pending": {"total": next(left, 0)}}}

    monkeypatch.setattr(FakeDatabase, "get_json", busy)
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    assert "building the index of crash_type: 3000 of 9000 done" in say(RUNS, words=("crashes",))
