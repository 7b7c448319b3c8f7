"""What may be asked of workers on the dashboard, and what it does when others are faster."""

import re

import pytest
from playwright.sync_api import Browser, Page, expect

from crashfarm.documents.worker import WorkerState
from tests.browser.dashboards import PAGES, Dashboard, now, row, sign_in, turn_to, worker


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
        assert _asked_to_stop(page, dashboard, "looked-at") == 403
        dashboard.complaints[:] = [said for said in dashboard.complaints if "403" not in said]


def test_the_focus_goes_on_where_the_pressed_button_was(page: Page, dashboard: Dashboard) -> None:
    """Who uses the keyboard would begin at the top of the page after each act."""
    dashboard.write(worker("keyed"))
    turn_to(page, "Workers")
    row(page, "keyed").get_by_role("button", name="Pause").focus()
    page.keyboard.press("Enter")
    page.keyboard.press("Enter")
    expect(row(page, "keyed").get_by_role("button", name="Resume")).to_be_focused()


def test_a_worker_that_is_gone_meanwhile_is_told(page: Page, dashboard: Dashboard) -> None:
    """Nothing is made anew of it."""
    dashboard.write(worker("brief"))
    turn_to(page, "Workers")
    row(page, "brief").get_by_role("button", name="Stop").click()
    dashboard.farm.status.delete("worker:brief", (dashboard.farm.status.get("worker:brief") or {})["_rev"])
    page.get_by_role("dialog").get_by_role("button", name="Stop").click()
    told = page.get_by_role("dialog", name="It is gone")
    expect(told).to_contain_text("brief was deleted in the meantime")
    told.get_by_role("button", name="Close").click()
    expect(row(page, "brief")).to_have_count(0)
    assert dashboard.farm.status.get("worker:brief") is None
    dashboard.complaints[:] = [said for said in dashboard.complaints if "409" not in said]


@pytest.mark.parametrize("written", [False, True])
def test_an_act_without_an_answer_is_told_until_somebody_has_read_it(
    page: Page, dashboard: Dashboard, written: bool
) -> None:
    """Whether it was written or not, nobody knows before the database is back; trying again does no harm."""
    dashboard.write(worker(f"cut-{written}"))
    mine = row(page, f"cut-{written}")
    turn_to(page, "Workers")
    page.route(re.compile("worker%3Acut"), lambda route: (route.fetch() if written else None, route.abort()))
    mine.get_by_role("button", name="Drain").click()
    page.get_by_role("dialog").get_by_role("button", name="Drain").click()
    expect(page.get_by_text("look whether it was written before you try again")).to_be_visible()
    page.unroute(re.compile("worker%3Acut"))
    page.get_by_role("button", name="Close").click()
    if not written:
        mine.get_by_role("button", name="Drain").click()
        page.get_by_role("dialog").get_by_role("button", name="Drain").click()
    expect(mine).to_contain_text("is to drain, by alice")
    dashboard.complaints[:] = [said for said in dashboard.complaints if "ERR_FAILED" not in said]


def test_who_is_signed_out_meanwhile_writes_nothing_and_goes_on_where_it_was(
    browser: Browser, dashboard: Dashboard
) -> None:
    """CouchDB ends a session after ten minutes; what was asked is told not to be written."""
    dashboard.write(worker("late"))
    with dashboard.signed_in(browser) as page:
        turn_to(page, "Workers")
        row(page, "late").get_by_role("button", name="Pause").click()
        page.context.clear_cookies()
        page.get_by_role("dialog").get_by_role("button", name="Pause").click()
        expect(page.get_by_text("You are not signed in any more: nothing was written")).to_be_visible()
        assert (dashboard.farm.status.get("worker:late") or {})["control"]["desired"] == "run"
        sign_in(page, "alice")
        expect(row(page, "late")).to_be_visible()
        dashboard.complaints[:] = [said for said in dashboard.complaints if "401" not in said]


def test_another_user_in_another_tab_is_not_taken_for_this_one(browser: Browser, dashboard: Dashboard) -> None:
    """A browser has one user at a time: what this tab did would be done in another's name."""
    dashboard.write(worker("common"))
    with dashboard.signed_in(browser) as page:
        turn_to(page, "Workers")
        expect(row(page, "common").get_by_role("button", name="Pause")).to_be_visible()
        other = page.context.new_page()
        other.goto(dashboard.door)
        other.get_by_role("button", name="Sign out").click()
        expect(other.get_by_text("You have signed out.")).to_be_visible()
        page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
        expect(page.get_by_role("button", name="Sign in")).to_be_visible()
        sign_in(other, "reader")
        expect(other.get_by_text("may read")).to_be_visible()
        other.close()
        page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
        expect(page.get_by_text("may read")).to_be_visible()
        expect(row(page, "common")).to_be_visible()
        assert page.locator(".act").count() == 0
        # What this tab asks while nobody is signed in is refused, and Chromium says so.
        dashboard.complaints[:] = [said for said in dashboard.complaints if "401" not in said]


def test_a_machines_account_is_offered_nothing_and_refused(browser: Browser, dashboard: Dashboard) -> None:
    """It may write what a worker must, of its own worker, and nothing that people do here."""
    dashboard.write(worker("neighbour"))
    with dashboard.signed_in(browser, "lent") as page:
        for title in PAGES:
            turn_to(page, title)
            page.locator("tbody tr, .tile.working dd").first.wait_for()
            assert page.locator(".act, input[type=checkbox]").count() == 0
        assert _asked_to_stop(page, dashboard, "neighbour") == 403
        dashboard.complaints[:] = [said for said in dashboard.complaints if "403" not in said]


def _asked_to_stop(page: Page, dashboard: Dashboard, name: str) -> int:
    """The status of the answer, where the page's user writes what the page does not offer."""
    status: int = page.evaluate(
        """async (path) => {
          const doc = await (await fetch(path)).json();
          const body = JSON.stringify({ ...doc, control: { desired: "stop", reason: "", by: "somebody" } });
          const headers = { "content-type": "application/json" };
          return (await fetch(path, { method: "PUT", body, headers })).status;
        }""",
        f"/{dashboard.farm.status.name}/worker%3A{name}",
    )
    return status
