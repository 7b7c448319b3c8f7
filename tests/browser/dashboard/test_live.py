"""The dashboard follows the farm: what happens, what only the time changes, and stores that go away."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from crashfarm.documents.job import JobState
from crashfarm.documents.worker import WorkerState
from tests import farms, samples
from tests.browser import dashboards
from tests.browser.dashboards import DESKTOP, Dashboard, job, now, row, sign_in, turn_to, worker


def test_what_happens_is_shown_without_being_asked(page: Page, dashboard: Dashboard) -> None:
    """A worker that comes, what it runs, a job that begins, what is found, and a message."""
    working = page.locator(".tile.working dd").first
    expect(working).to_have_text(re.compile(r"\d"))
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


def test_after_an_hours_sleep_it_catches_up_at_once(page: Page, dashboard: Dashboard) -> None:
    """The connections from before are dead and do not know it; what stood there was called live for as long."""
    dashboard.write(worker("dozy"))
    other = page.context.new_page()
    other.clock.install()
    hung = re.compile("feed=longpoll")
    other.route(hung, lambda _: None)
    other.goto(dashboard.door + "#workers")
    expect(row(other, "dozy")).to_contain_text("waiting")
    expect(other.get_by_text("live", exact=True)).to_be_visible()
    dashboard.write(worker("dozy", state=WorkerState.EXECUTING))
    other.clock.fast_forward(3_600_000)
    expect(row(other, "dozy")).to_contain_text("executing")
    expect(other.get_by_text("live", exact=True)).to_be_visible()
    other.close()


def test_a_tab_that_nobody_sees_asks_nothing_and_catches_up(page: Page, dashboard: Dashboard) -> None:
    """However much happens, and however long it takes."""
    dashboard.write(worker("unseen"))
    other = page.context.new_page()
    other.add_init_script(
        "globalThis.away = false; Object.defineProperty(document, 'hidden', { get: () => globalThis.away });"
    )
    other.clock.install()
    other.goto(dashboard.door + "#workers")
    expect(row(other, "unseen")).to_contain_text("waiting")
    _look(other, away=True)
    asked: list[str] = []
    other.on("request", lambda sent: asked.append(sent.url))
    for state in (WorkerState.EXECUTING, WorkerState.RECORDING):
        dashboard.write(worker("unseen", state=state))
        other.clock.run_for(120_000)
    assert asked == []
    _look(other, away=False)
    other.clock.run_for(3_000)
    expect(row(other, "unseen")).to_contain_text("recording")
    other.close()


def _look(page: Page, *, away: bool) -> None:
    page.evaluate(f"away = {str(away).lower()}; document.dispatchEvent(new Event('visibilitychange'))")


def test_a_question_that_fails_is_told_and_asked_again(page: Page, dashboard: Dashboard) -> None:
    """Though nothing changes on the farm: what stands there would be taken for how things are."""
    other = page.context.new_page()
    other.clock.install()
    other.goto(dashboard.door + "#workers")
    expect(row(other, "barn-0")).to_be_visible()
    states = re.compile("_view/by_state")
    other.route(states, lambda route: route.fulfill(status=500, json={"error": "timeout", "reason": "too busy"}))
    dashboard.write(worker("asked-again"))
    told = other.get_by_text(re.compile("This is as it was .* ago: too busy. It is asked again."))
    other.clock.run_for(3_000)
    expect(told).to_be_visible()
    other.unroute(states)
    other.clock.run_for(8_000)
    expect(row(other, "asked-again")).to_be_visible()
    expect(told).to_have_count(0)
    other.close()


def test_how_long_it_is_lost_is_not_read_aloud_each_second(page: Page, dashboard: Dashboard) -> None:
    """That it is lost is, once."""
    other = page.context.new_page()
    other.goto(dashboard.door)
    expect(other.get_by_text("live", exact=True)).to_be_visible()
    other.route(re.compile("_changes"), lambda route: route.abort())
    dashboard.write(worker("unheard"))
    expect(other.get_by_text(re.compile("not connected, lost .* s ago"))).to_be_visible()
    expect(other.get_by_role("status").filter(has_text="not connected")).to_have_text("not connected")
    other.close()


def test_a_clock_that_is_an_hour_wrong_changes_nothing(page: Page, dashboard: Dashboard) -> None:
    """The server tells the time with each answer."""
    dashboard.write(worker("timely", heartbeat_at=now(-30)))
    for wrong in (-3_600, 3_600):
        other = page.context.new_page()
        other.clock.install(time=datetime.now(UTC) + timedelta(seconds=wrong))
        other.goto(dashboard.door + "#workers")
        expect(row(other, "timely").locator("time").last).to_have_text(re.compile(r"^(3|4|5)\d s ago$"))
        other.close()


def test_many_windows_of_one_browser_leave_each_other_room(browser: Browser, dashboard: Dashboard) -> None:
    """A browser has six connections to one server, and each window holds two of them to listen."""
    dashboard.write(worker("seen-by-all"))
    with dashboard.signed_in(browser) as page:
        windows = [page, *(page.context.new_page() for _ in range(3))]
        for window in windows[1:]:
            window.goto(dashboard.door + "#workers")
        turn_to(page, "Workers")
        for window in windows:
            expect(row(window, "seen-by-all")).to_be_visible()
        dashboard.write(worker("seen-by-all", state=WorkerState.RECORDING))
        for window in windows:
            expect(row(window, "seen-by-all")).to_contain_text("recording")
        row(page, "seen-by-all").get_by_role("button", name="Pause").click()
        page.get_by_role("dialog").get_by_role("button", name="Pause").click()
        for window in windows:
            expect(row(window, "seen-by-all")).to_contain_text("is to pause, by alice")
