"""What may be asked of workers on the dashboard, and what it does when others are faster."""

import re

from playwright.sync_api import Browser, Page, expect

from crashfarm.documents.worker import WorkerState
from tests.browser.dashboards import PAGES, Dashboard, now, row, turn_to, worker


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
