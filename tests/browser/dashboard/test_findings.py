"""Findings on the dashboard: all of them, page by page, and what people decide about them."""

from playwright.sync_api import Page, expect

from tests import farms
from tests.browser.dashboards import Dashboard, now, row, turn_to


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
