"""The dashboard in a real browser: what it shows, what it lets people do, and what it does when others are faster."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Locator, Page, expect

from crashfarm.documents.job import Input, Job, JobState, Priority
from crashfarm.documents.worker import Quarantine, Worker, WorkerState
from crashfarm.times import to_text
from tests import farms, samples
from tests.browser import dashboards
from tests.browser.dashboards import DESKTOP, PHONE, Dashboard, sign_in, turn_to
from tests.browser.test_report_pages import RULES

PAGES = ("Now", "Workers", "Jobs", "Findings", "Databases")
FULLEST = ("Now", "Jobs")
"""The pages that have all there is to see: they are looked at in both colours at both widths."""
COLOURS = {"runOnly": {"type": "rule", "values": ["color-contrast"]}}


def now(seconds: float = 0) -> str:
    return to_text(datetime.now(UTC) + timedelta(seconds=seconds))


def worker(name: str, **parts: Any) -> dict[str, Any]:
    """A worker that was heard of just now."""
    one = Worker.from_doc(samples.worker()).evolve(id=f"worker:{name}", hostname=name, heartbeat_at=now())
    return one.evolve(slots=2, **parts).to_doc()


def job(number: int, **parts: Any) -> dict[str, Any]:
    """A job of that number."""
    one = Job.from_doc(samples.pending()).evolve(id=f"job:{number:05d}", created_at=now(-number), branch="3.13")
    return one.evolve(**{"input": Input(name=f"crash_{number}.py", text="x"), **parts}).to_doc()


def fill(dashboard: Dashboard) -> None:
    """A farm with something of everything, hostile texts included."""
    hostile = farms.HOSTILE
    states = [WorkerState.EXECUTING, WorkerState.WAITING, WorkerState.STOPPED]
    for number, state in enumerate(states):
        dashboard.write(worker(f"barn-{number}", state=state, running=("job:00001",) if number == 0 else ()))
    dashboard.write(
        worker("hostile<b>", state=WorkerState.QUARANTINED, quarantine=Quarantine(reason=hostile, by=hostile))
        | {"os_name": hostile, "state_reason": hostile}
    )
    claim = samples.CLAIM
    dashboard.write(job(1, state=JobState.RUNNING, claim=claim, started_at=now(-20), timeout=60.0))
    dashboard.write(job(2, state=JobState.ABORTED, reason=hostile, completed_at=now()))
    dashboard.write(job(3, input=Input(name=hostile, text="x"), branch=hostile, priority=Priority.PERSON))
    for number in range(4, 10):
        dashboard.write(job(number))
    dashboard.write({"_id": "message:1", "type": "message", "level": "warning", "text": hostile, "at": now()})
    dashboard.farm.history.bulk(farms.history_docs(farms.generate(days=1)))


@pytest.fixture(scope="module")
def dashboard(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dashboard]:
    """A farm that is full of everything; tests may add to it."""
    with dashboards.start(tmp_path_factory.mktemp("dashboard") / "data") as dashboard:
        fill(dashboard)
        yield dashboard


@pytest.fixture(scope="module")
def alices(browser: Browser, dashboard: Dashboard) -> Iterator[Page]:
    """A page on which alice has signed in, who may write."""
    with dashboard.signed_in(browser) as page:
        yield page


@pytest.fixture
def page(alices: Page, dashboard: Dashboard) -> Iterator[Page]:
    """Alice's page, at its beginning. Errors fail the test."""
    if alices.get_by_role("dialog").count():
        alices.reload()  # a test before this one has failed half-way
    dashboard.complaints.clear()
    turn_to(alices, "Now")
    yield alices
    assert dashboard.complaints == []


def row(page: Page, words: str) -> Locator:
    """The table's row that holds these words."""
    return page.get_by_role("row").filter(has_text=words)


@pytest.mark.parametrize("title", PAGES)
def test_every_page_is_accessible_and_fits_its_window(page: Page, title: str) -> None:
    """No violation of WCAG 2.2 AA that axe can find, no console error, nothing wider than the window."""
    turn_to(page, title)
    page.locator("tbody tr, .tile.working dd").first.wait_for()
    expect(page).to_have_title(re.compile(title))
    for size, scheme, other in ((DESKTOP, "light", "dark"), (PHONE, "dark", "light")):
        page.set_viewport_size(size)  # type: ignore[arg-type]
        page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        found = Axe().run(page, options=RULES).response["violations"]
        if title in FULLEST:
            page.emulate_media(color_scheme=other)  # type: ignore[arg-type]
            found += Axe().run(page, options=COLOURS).response["violations"]
        nodes = [(one["id"], node["html"][:300], node["failureSummary"]) for one in found for node in one["nodes"]]
        assert nodes == [], (size, scheme)
        assert page.evaluate("document.documentElement.scrollWidth") <= page.evaluate("innerWidth"), size
    page.set_viewport_size(DESKTOP)  # type: ignore[arg-type]


def test_hostile_texts_are_shown_as_texts(page: Page) -> None:
    """Script, HTML, an override of direction and ten thousand characters: cut, named, and apart from what is around."""
    for title, where in (("Workers", "hostile<b>"), ("Jobs", "<script>alert(1)</script>"), ("Findings", "<script>")):
        turn_to(page, title)
        text = row(page, where).first.inner_text()
        assert "<script>alert(1)</script><b>" in text and "\u202e" not in text and "⟨U+202E⟩" in text
        assert len(text) < 3_000
    assert page.locator("main script").count() == 0


def test_a_stranger_signs_in_and_out_on_the_page(browser: Browser, dashboard: Dashboard) -> None:
    """A wrong password is told in words; signing out leaves nothing on the screen."""
    with dashboard.page(browser) as page:
        page.goto(dashboard.door)
        sign_in(page, "alice", "wrong")
        expect(page.get_by_role("alert")).to_have_text("That is no user's name and password.")
        sign_in(page, "alice")
        expect(page.get_by_text("alice")).to_be_visible()
        page.get_by_role("button", name="Sign out").click()
        expect(page.get_by_text("You have signed out.")).to_be_visible()
        assert page.get_by_role("table").count() == 0
        page.reload()
        expect(page.get_by_role("button", name="Sign in")).to_be_visible()


def test_the_pages_are_in_the_farms_own_database_too(page: Page, dashboard: Dashboard) -> None:
    """For those who have signed in already."""
    page.goto(dashboard.door.replace("-door/", "/"))
    expect(page.get_by_role("heading", name="Now")).to_be_visible()
    page.goto(dashboard.door)


def test_what_happens_is_shown_without_being_asked(page: Page, dashboard: Dashboard) -> None:
    """A worker that comes, what it runs, a job that begins, what is found, and a message."""
    working = page.locator(".tile.working dd").first
    before = int(working.inner_text())
    dashboard.write(worker("newcomer", state=WorkerState.EXECUTING))
    expect(working).to_have_text(str(before + 1))
    claim = samples.CLAIM
    dashboard.write(job(500, state=JobState.RUNNING, claim=claim, started_at=now(-30), timeout=60.0))
    running = row(page, "crash_500.py")
    expect(running.get_by_role("progressbar")).to_be_visible()
    assert 0.4 < running.get_by_role("progressbar").evaluate("bar => bar.value") < 0.9
    found = farms.result(900, farms.finding(detail="new_here | main")).evolve(completed_at=now())
    dashboard.farm.history.bulk(farms.history_docs([found]))
    expect(row(page, "new_here | main")).to_be_visible()
    dashboard.write({"_id": "message:9", "type": "message", "level": "error", "text": "disk full", "at": now()})
    expect(page.get_by_text("disk full")).to_be_visible()


def test_what_needs_a_person_says_why(page: Page, dashboard: Dashboard) -> None:
    """A silent worker, and jobs that nobody can run."""
    dashboard.write(worker("silent", heartbeat_at=now(-3_630), state=WorkerState.EXECUTING))
    expect(
        page.get_by_role("listitem").filter(has_text="silent").filter(has_text="last heard of 1 h ago")
    ).to_be_visible()
    expect(page.get_by_role("listitem").filter(has_text="there is no branch 3.13 of cpython")).to_be_visible()


def test_what_the_time_alone_changes_is_asked_again(page: Page, dashboard: Dashboard) -> None:
    """Where all workers fall silent at once, no document changes any more, and nobody is seen to be silent."""
    other = page.context.new_page()
    other.clock.install()
    other.goto(dashboard.door)
    expect(other.locator(".tile.working dd").first).to_have_text(re.compile(r"\d"))
    other.clock.fast_forward(60_000)
    for view in ("by_heartbeat", "recent/_view/results"):
        with other.expect_request(re.compile(view)):
            other.clock.fast_forward(60_000)
    other.close()


def test_a_worker_is_paused_with_a_reason(page: Page, dashboard: Dashboard) -> None:
    """By the keyboard alone, under the user's own name."""
    dashboard.write(worker("mill", state_since=now(-5_430)))
    turn_to(page, "Workers")
    expect(row(page, "mill")).to_contain_text("waiting for 1 h 30 min")
    row(page, "mill").get_by_role("button", name="Pause").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog", name="Pause mill")).to_be_visible()
    page.keyboard.type("new disk")
    page.keyboard.press("Enter")
    expect(row(page, "mill")).to_contain_text("is to pause, by alice")
    expect(row(page, "mill")).to_contain_text("new disk")
    saved = dashboard.farm.status.get("worker:mill") or {}
    assert saved["control"] == {"desired": "pause", "reason": "new disk", "by": "alice"}


def test_what_has_the_focus_keeps_it_while_its_row_changes(page: Page, dashboard: Dashboard) -> None:
    """A worker renews its claims every few seconds: whoever uses the keyboard would be thrown back to the top."""
    running = job(501, state=JobState.RUNNING, claim=samples.CLAIM, started_at=now(), product="figs")
    dashboard.write(running)
    dashboard.write(worker("focused", state=WorkerState.EXECUTING, running=("job:00501",)))
    turn_to(page, "Workers")
    link = row(page, "focused").get_by_role("link", name="job:00501 in Fauxton")
    expect(row(page, "focused")).to_contain_text("crash_501.py on figs 3.13")
    link.focus()
    dashboard.write(worker("focused", state=WorkerState.RECORDING, running=("job:00501",)))
    expect(row(page, "focused")).to_contain_text("recording")
    expect(link).to_be_focused()
    turn_to(page, "Jobs")
    page.get_by_role("button", name="running").click()
    button = row(page, "crash_501.py").get_by_role("button", name="Cancel")
    button.focus()
    dashboard.write(running, reason="goes on")
    expect(row(page, "crash_501.py")).to_contain_text("goes on")
    expect(button).to_be_focused()


def test_what_one_does_is_shown_at_once(page: Page, dashboard: Dashboard) -> None:
    """Before the changes tell of it."""
    dashboard.write(worker("prompt"))
    other = page.context.new_page()
    other.route(re.compile("feed=longpoll"), lambda _: None)
    other.goto(dashboard.door + "#workers")
    row(other, "prompt").get_by_role("button", name="Pause").click()
    other.get_by_role("dialog").get_by_role("button", name="Pause").click()
    expect(row(other, "prompt")).to_contain_text("is to pause, by alice")
    other.close()


def test_two_admins_at_one_worker_see_each_other(browser: Browser, page: Page, dashboard: Dashboard) -> None:
    """The slower one is shown what the faster one wrote, member by member, and decides."""
    dashboard.write(worker("shared"))
    turn_to(page, "Workers")
    row(page, "shared").get_by_role("button", name="Drain").click()
    page.get_by_label("Reason").fill("moving house")
    with dashboard.signed_in(browser, "bob") as other:
        turn_to(other, "Workers")
        row(other, "shared").get_by_role("button", name="Pause").click()
        other.get_by_label("Reason").fill("bob was here")
        other.get_by_role("dialog").get_by_role("button", name="Pause").click()
        expect(row(other, "shared")).to_contain_text("bob was here")
    page.get_by_role("dialog").get_by_role("button", name="Drain").click()
    told = page.get_by_role("dialog", name="Somebody was faster")
    expect(told.get_by_role("row").filter(has_text="control.reason")).to_contain_text("bob was here")
    expect(told.get_by_role("row").filter(has_text="control.reason")).to_contain_text("moving house")
    assert (dashboard.farm.status.get("worker:shared") or {})["control"]["by"] == "bob"
    told.get_by_role("button", name="Write mine on top of it").click()
    expect(row(page, "shared")).to_contain_text("is to drain, by alice")
    # The browser reports each answer that is no success, and this one is what the test is about.
    dashboard.complaints[:] = [said for said in dashboard.complaints if "409" not in said]


def test_a_heartbeat_is_no_conflict(page: Page, dashboard: Dashboard) -> None:
    """A worker saves itself every few seconds: nobody could ever pause it."""
    dashboard.write(worker("lively"))
    turn_to(page, "Workers")
    row(page, "lively").get_by_role("button", name="Pause").click()
    dashboard.write(worker("lively", state=WorkerState.EXECUTING))
    page.get_by_role("dialog").get_by_role("button", name="Pause").click()
    expect(row(page, "lively")).to_contain_text("is to pause")
    saved = dashboard.farm.status.get("worker:lively") or {}
    assert (saved["state"], saved["control"]["desired"]) == ("executing", "pause")
    dashboard.complaints[:] = [said for said in dashboard.complaints if "409" not in said]


def test_several_jobs_are_cancelled_at_once_and_one_is_tried_again(page: Page, dashboard: Dashboard) -> None:
    """Each by its revision; what has become of each is told."""
    for number in (701, 702, 703):
        dashboard.write(job(number, product="apples", priority=Priority.REPRODUCE))
    turn_to(page, "Jobs")
    for number in (701, 702):
        row(page, f"crash_{number}.py").get_by_role("checkbox").check()
    bar = page.get_by_role("group", name="Acts on the chosen jobs")
    expect(bar).to_contain_text("2 jobs chosen")
    bar.get_by_role("button", name="Priority").click()
    page.get_by_label("Priority", exact=True).select_option("3")
    page.get_by_role("dialog").get_by_role("button", name="Change it").click()
    expect(row(page, "crash_701.py")).to_contain_text("3 normal")
    bar.get_by_role("button", name="Cancel").click()
    page.get_by_label("Reason").fill("not needed")
    page.get_by_role("dialog").get_by_role("button", name="Cancel the jobs").click()
    expect(row(page, "crash_701.py")).to_have_count(0)
    states = [(dashboard.farm.status.get(f"job:{number:05d}") or {})["state"] for number in (701, 702, 703)]
    assert states == ["aborted", "aborted", "pending"]
    page.get_by_role("button", name=re.compile("aborted")).click()
    row(page, "crash_701.py").get_by_role("button", name="Retry").click()
    page.get_by_role("dialog").get_by_role("button", name="Retry").click()
    expect(page.get_by_text("1 document queued again")).to_be_visible()
    again = [doc for doc in dashboard.farm.status.documents("job:2") if doc.get("supersedes") == "job:00701"]
    assert [(doc["state"], doc["product"]) for doc in again] == [("pending", "apples")]


def test_all_jobs_of_a_page_are_chosen_on_a_phone(page: Page, dashboard: Dashboard) -> None:
    """Where the table has no head, the box that stands there is still to be seen and touched."""
    for number in (751, 752):
        dashboard.write(job(number, product="quinces", state=JobState.ABORTED, completed_at=now()))
    page.set_viewport_size(PHONE)  # type: ignore[arg-type]
    turn_to(page, "Jobs")
    page.get_by_label("or id begins with").fill("job:0075")
    expect(row(page, "crash_752.py")).to_be_visible()
    expect(page.get_by_role("table", name="Jobs", exact=True).get_by_role("rowheader")).to_have_count(2)
    page.get_by_label("Choose all jobs of this page").check()
    expect(page.get_by_role("group", name="Acts on the chosen jobs")).to_contain_text("2 jobs chosen")
    page.set_viewport_size(DESKTOP)  # type: ignore[arg-type]


def test_several_jobs_are_cancelled_on_top_of_what_another_wrote(page: Page, dashboard: Dashboard) -> None:
    """What was changed is shown first; only what is still possible is offered."""
    jobs = {number: job(number, product="apricots", priority=Priority.REPRODUCE) for number in (801, 802, 803)}
    for doc in jobs.values():
        dashboard.write(doc)
    turn_to(page, "Jobs")
    for number in jobs:
        row(page, f"crash_{number}.py").get_by_role("checkbox").check()
    page.get_by_role("group", name="Acts on the chosen jobs").get_by_role("button", name="Cancel").click()
    dashboard.write(jobs[801], reason="wait for bob")
    dashboard.write(jobs[802], state="aborted", reason="bob was faster", completed_at=now())
    page.get_by_label("Reason").fill("not needed")
    page.get_by_role("dialog").get_by_role("button", name="Cancel the jobs").click()
    told = page.get_by_role("dialog", name="Not all of it was done")
    told.get_by_text("What was changed").first.click()
    expect(told.get_by_role("row").filter(has_text="reason").first).to_contain_text("wait for bob")
    told.get_by_role("button", name="Write mine on top of 1 document").click()
    expect(told).to_have_count(0)
    expect(row(page, "crash_801.py")).to_have_count(0)
    docs = [dashboard.farm.status.get(f"job:{number:05d}") or {} for number in jobs]
    assert [doc["reason"] for doc in docs] == ["not needed", "bob was faster", "not needed"]
    assert {doc["state"] for doc in docs} == {"aborted"}


def test_jobs_are_found_by_their_branch_and_by_their_id(page: Page, dashboard: Dashboard) -> None:
    """Among all others, whatever their state."""
    dashboard.write({**samples.branch(), "_id": "branch:pears:old", "product": "pears", "branch": "old"})
    dashboard.write(job(901, product="pears", branch="old"))
    dashboard.write(job(902, product="pears", branch="new", state=JobState.ABORTED, completed_at=now()))
    turn_to(page, "Jobs")
    page.get_by_label("Branch").focus()
    page.get_by_label("Branch").select_option("pears old")
    listed = page.get_by_role("table", name="Jobs", exact=True).get_by_role("row")
    expect(listed).to_have_count(2)
    expect(listed.nth(1)).to_contain_text("crash_901.py")
    page.get_by_label("or id begins with").fill("job:00902")
    expect(listed.nth(1)).to_contain_text("crash_902.py")
    expect(listed).to_have_count(2)
    page.get_by_role("button", name="pending").click()
    expect(listed.filter(has_text="crash_9.py")).to_be_visible()


def test_findings_are_paged_to_the_oldest(page: Page, dashboard: Dashboard) -> None:
    """Fifty at a time, each signature on one page."""
    old = [
        farms.result(n, farms.finding(detail=f"old_{n:02d}")).evolve(
            completed_at=now(-86_400 * 365 - n), id=f"result:{n}"
        )
        for n in range(60)
    ]
    dashboard.farm.history.bulk([one for one in farms.history_docs(old) if one["type"] != "result"])
    turn_to(page, "Findings")
    expect(row(page, "list_dealloc")).to_be_visible()
    seen: list[str] = []
    following = page.get_by_role("button", name="Next")
    names = page.locator(".findings tbody tr .headline")
    while True:
        seen += names.all_inner_texts()
        if following.is_disabled():
            break
        first = names.first.inner_text()
        following.click()
        expect(names.first).not_to_have_text(first)
    assert len(seen) == len(set(seen)) > 60 and "old_59" in seen


def test_a_signature_is_suppressed_and_a_bug_attached_everywhere(page: Page, dashboard: Dashboard) -> None:
    """On all its history documents, and in the bug's own."""
    turn_to(page, "Findings")
    signature = row(page, "list_dealloc | Py_DECREF")
    signature.get_by_role("button", name="Suppress").click()
    page.get_by_role("dialog").get_by_role("button", name="Suppress").click()
    expect(signature.get_by_role("button", name="Show again")).to_be_visible()
    signature.get_by_role("button", name="Attach a bug").click()
    page.get_by_label("Bug, as").fill("bugzilla:12")
    page.get_by_role("dialog").get_by_role("button", name="Attach").click()
    expect(signature).to_contain_text("bugzilla:12")
    docs = [
        doc for doc in dashboard.farm.history.documents("history_crash:") if doc["detail"].startswith("list_dealloc")
    ]
    assert len(docs) == 3
    assert all(
        doc["suppressed"] and doc["suppressed_at"] and doc["bugs"]["open"] == ["bug:bugzilla:12"] for doc in docs
    )
    bug = dashboard.farm.status.get("bug:bugzilla:12") or {}
    assert bug["matchers"] == [{"kind": "crash", "signature": "list_dealloc | Py_DECREF"}]


def test_who_may_only_read_is_offered_nothing_and_refused(browser: Browser, dashboard: Dashboard) -> None:
    """The page does not decide: the database does."""
    dashboard.write(worker("looked-at"))
    with dashboard.signed_in(browser, "reader") as page:
        for title in PAGES:
            turn_to(page, title)
            page.locator("tbody tr, .tile.working dd").first.wait_for()
            assert page.locator(".act, input[type=checkbox]").count() == 0
        expect(page.get_by_text("CouchDB tells what replicates to administrators of the server only.")).to_be_visible()
        status = page.evaluate(
            """async (path) => {
              const doc = await (await fetch(path)).json();
              const body = JSON.stringify({ ...doc, control: { desired: "stop", reason: "", by: "reader" } });
              const headers = { "content-type": "application/json" };
              return (await fetch(path, { method: "PUT", body, headers })).status;
            }""",
            f"/{dashboard.farm.status.name}/worker%3Alooked-at",
        )
        assert status == 403
        dashboard.complaints[:] = [said for said in dashboard.complaints if "403" not in said]


def test_the_databases_are_told_with_their_indexes(page: Page, dashboard: Dashboard) -> None:
    """Size, what compaction would give back, and how far each view is behind."""
    turn_to(page, "Databases")
    for name in (dashboard.farm.status.name, dashboard.farm.history.name):
        expect(page.get_by_role("rowheader", name=name, exact=True)).to_be_visible()
    expect(row(page, f"{dashboard.farm.status.name}/workers")).to_contain_text(re.compile("up to date|change"))


def test_things_lead_to_their_documents_and_their_pages_in_the_report(page: Page, dashboard: Dashboard) -> None:
    """In Fauxton, and where the report's address is set, there."""
    dashboard.write({"_id": "_design/dashboard-settings", "report": "https://farm.example.org/report"})
    page.reload()
    turn_to(page, "Findings")
    signature = row(page, "use-after-free | PyDict_SetItem")
    links = signature.get_by_role("link")
    expect(links).to_have_count(2)
    hrefs = [links.nth(at).get_attribute("href") or "" for at in range(links.count())]
    assert hrefs[0].startswith(f"/_utils/#database/{dashboard.farm.history.name}/history_sanitizer%3A")
    assert re.fullmatch(r"https://farm\.example\.org/report/signature/[0-9a-f]{16}\.html", hrefs[1])


@pytest.mark.embedded_only
def test_it_survives_a_restart_of_the_store(browser: Browser, tmp_path: Path) -> None:
    """It says since when it is not connected, and goes on where it was."""
    with browser.new_context(viewport=DESKTOP) as context:
        page = context.new_page()
        with dashboards.start(tmp_path / "data") as dashboard:
            page.goto(dashboard.door)
            sign_in(page, "alice")
            turn_to(page, "Workers")
            expect(page.get_by_text("No worker here.")).to_be_visible()
        expect(page.get_by_text("not connected, lost")).to_be_visible()
        with dashboards.start(tmp_path / "data", int(dashboard.url.rpartition(":")[2])) as dashboard:
            dashboard.write(worker("after"))
            expect(row(page, "after")).to_be_visible()
            expect(page.get_by_text("live", exact=True)).to_be_visible()
