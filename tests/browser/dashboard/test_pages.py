"""The pages of the dashboard in Chromium: who may see them, how they look, and what they make of hostile texts."""

import re

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from tests.browser.dashboards import DESKTOP, PAGES, PHONE, Dashboard, row, sign_in, turn_to
from tests.browser.test_report_pages import RULES

FULLEST = ("Now", "Jobs")
"""The pages that have all there is to see: they are looked at in both colours at both widths."""
COLOURS = {"runOnly": {"type": "rule", "values": ["color-contrast"]}}


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
