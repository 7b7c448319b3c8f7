"""The parts of the dashboard that need no browser: names, words, rights, reasons, pace."""

import hashlib
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crashfarm.documents import history
from crashfarm.documents.job import Priority, Requires
from crashfarm.queue import JobQueue
from crashfarm.times import from_text, to_text
from server import stuck
from server.queries import signatures
from server.report import bugs, lists
from tests import samples, strategies
from tests.fakes.couch import MemoryDatabase
from tests.javascript import DASHBOARD, ROOT, dashboard, validation
from tests.queue_contract import job

Json = dict[str, Any]

run = dashboard(
    "lib/couch",
    "lib/pace",
    "lib/sha256",
    "state/addresses",
    "state/health",
    "state/jobs",
    "state/rights",
    "state/stuck",
    "state/throughput",
    "state/words",
    "state/workers",
    also="""
import { Pace } from "./lib/pace.js";
import { askPage } from "./state/jobs.js";
// What is asked for a page of jobs: [view, query].
export async function pageAsked(wanted, start) {
  const asked = [];
  const note = (name) => async (...given) => { asked.push(name, given[given.length - 1]); return { rows: [] }; };
  const couch = { all: note("all"), view: note("view"), documents: async () => [] };
  await askPage(couch, { status: "s", history: "h" }, wanted, start);
  return asked;
}
// What is asked when, if these topics change at these milliseconds, and the clock ticks every tenth of a second.
export function rehearse(changes, rest) {
  const pace = new Pace(rest), asked = [];
  for (let now = 0; now <= 5000; now += 10) {
    for (const [at, topic] of changes) if (at === now) pace.mark(topic);
    const topics = pace.take(now);
    if (topics.length) asked.push([now, topics.sort()]);
  }
  return asked;
}
""",
)
validate = validation((ROOT / "couchapp/documents/validate_doc_update.js").read_text())

NOON = datetime(2026, 11, 22, 12, 0, 30, tzinfo=UTC)


def milliseconds(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)


@given(texts=st.lists(strategies.text, max_size=4))
def test_digests_are_those_of_the_farm(texts: list[str]) -> None:
    """The same name for the same texts, on both sides."""
    assert run("lib/sha256.digest", texts) == history.digest(tuple(texts))


@pytest.mark.parametrize("length", [0, 1, 55, 56, 63, 64, 65, 1000])
def test_sha256_is_right_around_the_ends_of_its_blocks(length: int) -> None:
    """Where implementations go wrong."""
    assert run("lib/sha256.sha256", [7] * length) == hashlib.sha256(b"\7" * length).hexdigest()


@given(kind=st.sampled_from(["crash", "assertion"]), message=strategies.text, detail=strategies.text)
def test_a_signature_has_the_report_pages_name(kind: str, message: str, detail: str) -> None:
    """Or the link leads nowhere."""
    name = signatures.short_name(signatures.signature(kind, message, detail))
    page = run("state/addresses.signaturePage", "https://r/", {"kind": kind, "message": message, "detail": detail})
    assert page == f"https://r/signature/{name}.html"


@given(product=strategies.text, branch=st.text("aä/-. ", max_size=50), machine=st.tuples(*[strategies.text] * 3))
def test_branches_machines_and_bugs_have_the_report_pages_names(
    product: str, branch: str, machine: tuple[str, str, str]
) -> None:
    """Readable, and different for each."""
    assert (
        run("state/addresses.branchPage", "r/", product, branch)
        == f"r/branch/{lists.branch_name(product, branch)}.html"
    )
    parts = dict(zip(("os_name", "os_version", "cpu_name"), machine, strict=True))
    assert run("state/addresses.machinePage", "r/", parts) == f"r/machine/{lists.machine_name(machine)}.html"
    bug = f"bug:{product}:{branch}"
    assert run("state/addresses.bugPage", "r/", bug) == f"r/bug/{bugs._name(bug)}.html"


@pytest.mark.parametrize(
    ("given", "address"),
    [
        ("https://farm.example.org/report", "https://farm.example.org/report/"),
        ("http://farm/index.html", "http://farm/"),
        ("javascript:alert(1)", ""),
        ("//farm/", ""),
        ("https://farm/<script>", ""),
        (None, ""),
        (7, ""),
    ],
)
def test_only_an_address_of_the_web_is_a_reports(given: Any, address: str) -> None:
    """What anybody else put there is no link."""
    assert run("state/addresses.reportAddress", given) == address


def test_without_a_report_there_is_no_link() -> None:
    """Rather than one that leads nowhere."""
    assert run("state/addresses.branchPage", "", "a", "b") == run("state/addresses.bugPage", "", "bug:a:1") == ""


@pytest.mark.parametrize(
    ("path", "places"),
    [
        ("/crashfarm/_design/dashboard/index.html", ("", "crashfarm")),
        ("/crashfarm-door/_design/dashboard/", ("", "crashfarm")),
        ("/couch/a%2Fb/_design/dashboard/index.html", ("/couch", "a/b")),
    ],
)
def test_the_address_tells_which_farm_it_is(path: str, places: tuple[str, str]) -> None:
    """Behind a proxy, and on the farm's door, too."""
    found = run("lib/couch.placesOf", path)
    assert (found["root"], found["status"], found["history"]) == (*places, f"{places[1]}-history")


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0 s"),
        (59, "59 s"),
        (60, "1 min"),
        (61, "1 min 1 s"),
        (660, "11 min"),
        (7260, "2 h 1 min"),
        (2e5, "2 d 7 h"),
    ],
)
def test_times_are_told_in_two_units_at_most(seconds: float, words: str) -> None:
    """As people say them."""
    assert run("state/words.span", seconds) == words


def test_an_age_that_cannot_be_told_is_shown_as_it_is() -> None:
    """A clock that is ahead is no reason to fail, nor is a text that is no time."""
    now = milliseconds(NOON)
    assert run("state/words.ago", to_text(NOON - timedelta(seconds=90)), now) == "1 min 30 s ago"
    assert run("state/words.ago", to_text(NOON + timedelta(seconds=50)), now) == "just now"
    assert run("state/words.ago", to_text(NOON + timedelta(hours=1)), now) == "by a clock that is 1 h ahead"
    assert run("state/words.ago", "<b>yesterday", now) == "<b>yesterday"
    assert run("state/words.ago", "", now) == "never"
    assert run("state/words.stamp", now) == to_text(NOON)
    assert run("state/words.lasting", to_text(NOON - timedelta(seconds=90)), now) == " for 1 min 30 s"
    assert run("state/words.lasting", "", now) == run("state/words.lasting", "soon", now) == ""


@pytest.mark.parametrize(
    ("size", "words"), [(0, "0 B"), (999, "999 B"), (1500, "1.5 kB"), (2.5e10, "25 GB"), (None, "\u2013")]
)
def test_sizes_are_told_in_their_unit(size: float | None, words: str) -> None:
    """To two digits."""
    assert run("state/words.bytes", size) == words


@pytest.mark.parametrize(
    "roles", [("_admin",), ("crashfarm",), ("reader",), (), ("crashfarm", "crashfarm-worker"), ("crashfarm-worker",)]
)
def test_what_is_offered_is_what_the_validation_allows(roles: tuple[str, ...]) -> None:
    """Offering less hides what one may do, offering more ends in a refusal."""
    security = {"admins": {"names": [], "roles": ["_admin"]}, "members": {"names": ["bob"], "roles": []}}
    rights = run("state/rights.rightsOf", {"name": "bob", "roles": roles}, security, security)
    worker, tuple_ = samples.worker(), samples.history()
    paused = worker | {"control": {"desired": "pause"}}
    assert rights["write"] == (validate(paused, worker, roles=roles) is None)
    hidden = tuple_ | {"suppressed": True}
    assert rights["suppress"] == rights["explain"] == (validate(hidden, tuple_, roles=roles) is None)
    gone = {"_id": worker["_id"], "_rev": "1-a", "_deleted": True}
    assert rights["admin"] == (validate(gone, worker, roles=roles) is None)


def test_an_administrator_of_the_database_is_one_by_name_too() -> None:
    """Not of the server, which has its own pages; and of one of the two databases alone, where that is so."""
    bobs: Json = {"admins": {"names": ["bob"]}}
    rights = {"admin": True, "serverAdmin": False, "write": True, "suppress": True, "explain": True}
    assert run("state/rights.rightsOf", {"name": "bob", "roles": []}, bobs, bobs) == rights
    only = {"admin": False, "suppress": False, "explain": False}
    assert run("state/rights.rightsOf", {"name": "bob", "roles": []}, bobs, {}) == rights | only


WORKER = {"os_name": "Linux", "os_version": "12", "cpu_name": "x86_64", "tags": ["fast"], "allow": ["/usr/bin/*"]}


@pytest.mark.parametrize("priority", [Priority.PERSON, Priority.NORMAL])
@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"branch": "4.0"},
        {"buildtype": "debug"},
        {"requires": Requires(cpu_name="arm64")},
        {"requires": Requires(os_name="Plan 9")},
        {"requires": Requires(os_version="13")},
        {"requires": Requires(tags=("fast", "gpu"))},
        {"requires": Requires(tags=("fast",), os_name="Linux")},
    ],
)
@pytest.mark.parametrize(
    "worker",
    [
        None,
        {},
        {"state": "stopped"},
        {"control": {"desired": "pause", "reason": "disk"}},
        {"static_metadata": {"allow": ["/opt/*"]}},
        {"static_metadata": {"lacks": ["/usr/bin/python3"]}},
    ],
)
def test_jobs_are_stuck_for_the_reason_that_the_command_tells(
    changes: Json, priority: Priority, worker: Json | None
) -> None:
    """In the same words, but that resting workers are counted and not named."""
    status = MemoryDatabase()
    builds = {"release": {"Linux": {"command": ["/usr/bin/python3", "{input}"]}}}
    branch = {"_id": "branch:cpython:3.11", "type": "branch", "product": "cpython", "branch": "3.11", "builds": builds}
    status.put(branch)
    if worker is not None:
        status.put(samples.worker() | {"dynamic_metadata": WORKER} | worker)
    JobQueue(status).add([job(1, priority=priority, **changes)])
    reasons = [found.reason for found in stuck.find(status, from_text(samples.NOW))]
    told = _why(status, branch)
    assert told.partition(": ")[0] == (reasons[0].partition(": ")[0] if reasons else "")


def _why(status: MemoryDatabase, branch: Json) -> str:
    """What the dashboard says of the one class of pending jobs."""
    [row] = status.view("queue", "pending", group_level=2).rows
    names = ("os_name", "os_version", "cpu_name", "tags", "product", "branch", "buildtype")
    rows = status.view("workers", "by_ability", group_level=8).rows
    kinds = [run("state/stuck.kindOf", one.key, one.value) for one in rows]
    asked = {"asks": dict(zip(names, row.key[0], strict=True)), "priority": row.key[1]}
    return str(run("state/stuck.whyPending", asked, [branch], kinds))


def test_resting_workers_are_counted_by_why() -> None:
    """Ten thousand names would help nobody."""
    branch = {"product": "p", "branch": "b", "builds": {"opt": {"Linux": {"command": ["x"]}}}}
    machine = {"os_name": "Linux", "os_version": "1", "cpu_name": "c", "tags": [], "allow": [], "lacks": []}
    kinds = [
        {**machine, "rests": rests, "workers": n} for rests, n in [("stopped", 2), ("pause", 3), ("quarantine", 1)]
    ]
    asks = {
        "os_name": None,
        "os_version": None,
        "cpu_name": None,
        "tags": [],
        "product": "p",
        "branch": "b",
        "buildtype": "opt",
    }
    said = run("state/stuck.whyPending", {"asks": asks, "priority": 1}, [branch], kinds)
    assert said == "all that could run it rest: 2 stopped, 3 to pause, 1 in quarantine"


def test_minutes_without_a_result_are_none() -> None:
    """A chart has a place for each; the minute that runs does not count for the rate."""
    minutes = run("state/throughput.lastMinutes", milliseconds(NOON))
    assert len(minutes) == 60 and minutes[-1] == milliseconds(NOON.replace(second=0))
    rows = [
        {"key": ["2026-11-22T11:59", "success"], "value": 10},
        {"key": ["2026-11-22T11:58", "failure"], "value": 5},
        {"key": ["2026-11-22T12:00", "error"], "value": 99},
        {"key": ["2026-11-22T10:59", "success"], "value": 99},
        {"key": [None, None], "value": 99},
    ]
    told = run("state/throughput.series", minutes, rows)
    assert (sum(told["success"]), sum(told["failure"]), told["error"][-1]) == (10, 5, 99)
    assert run("state/throughput.rate", told) == 3


@pytest.mark.parametrize(
    ("wanted", "first", "last"),
    [
        ({"state": "pending"}, ["pending"], ["pending", {}]),
        (
            {"state": "completed", "on": {"product": "p", "branch": "b"}},
            ["completed", "p", "b"],
            ["completed", "p", "b", {}],
        ),
        ({"state": "pending", "id": "2026"}, "job:2026", "job:2026\ufff0"),
    ],
)
def test_jobs_are_asked_for_by_a_range_of_keys(wanted: Json, first: Any, last: Any) -> None:
    """However many there are, a page reads a page; the next one begins with the row that it ended before."""
    name, query = run("also.pageAsked", wanted, None)
    assert (name, query["startkey"], query["endkey"], query["limit"]) == (
        "all" if "id" in wanted else "view",
        first,
        last,
        51,
    )
    _, after = run("also.pageAsked", wanted, {"id": "job:7", "key": "job:7" if "id" in wanted else ["pending", "x"]})
    assert after["startkey"] == ("job:7" if "id" in wanted else ["pending", "x"])


def test_what_compaction_would_give_back_is_a_part_of_the_file() -> None:
    """Nothing of an empty one."""
    assert run("state/health.fragmentationOf", 100, 25) == 0.75
    assert run("state/health.fragmentationOf", 0, 0) == run("state/health.fragmentationOf", 10, 20) == 0


@pytest.mark.parametrize(
    ("id", "topic"),
    [
        ("job:1", "job"),
        ("history_crash:ab", "history"),
        ("_design/jobs", "_design"),
        ("worker:a:b", "worker"),
        ("", ""),
    ],
)
def test_an_id_tells_what_changed(id: str, topic: str) -> None:
    """Without reading the document."""
    assert run("lib/pace.topicOf", id) == topic


def test_changes_are_asked_for_once_a_second_at_most() -> None:
    """At once when nothing was asked for a while; a thousand changes are one question."""
    asked = run("also.rehearse", [[0, "job"], [10, "job"], [20, "worker"], [30, "job"], [3000, "job"]], 1000)
    assert asked == [[0, ["job"]], [1000, ["job", "worker"]], [3000, ["job"]]]


def test_no_module_reads_html_or_runs_a_text() -> None:
    """What documents hold is only ever text; a policy without exceptions holds besides."""
    forbidden = re.compile(
        r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function|srcdoc|javascript:"
    )
    for path in DASHBOARD.rglob("*.js"):
        assert not forbidden.search(path.read_text()), path
    page = (DASHBOARD / "index.html").read_text()
    assert re.findall(r"<script[^>]*>(.*?)</script>", page) == [""] and not re.search(r"<style|style=|\son\w+=", page)
    assert not re.search(r"https?:", page + (DASHBOARD / "style.css").read_text())


def test_every_module_is_small_and_says_what_it_is_for() -> None:
    """One reason each."""
    for path in DASHBOARD.rglob("*.js"):
        lines = path.read_text().splitlines()
        assert len(lines) <= 200 and lines[0].startswith("// "), path
        assert "innerHTML" not in path.read_text() and "insertAdjacentHTML" not in path.read_text(), path
