"""The pages of the dashboard in Chromium: who may see them, how they look, and what they make of hostile texts."""

import re
from typing import Any
from urllib.parse import unquote

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from crashfarm import settings
from tests.browser.dashboards import DESKTOP, PAGES, PHONE, Dashboard, job, now, row, sign_in, turn_to, worker
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
        expect(page.get_by_role("rowheader", name=f"{name} documents")).to_be_visible()
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


def test_pages_fit_the_narrowest_window(page: Page) -> None:
    """Who magnifies four times sees 320 pixels, and is not to scroll sideways."""
    page.set_viewport_size({"width": 320, "height": 640})
    for title in PAGES:
        turn_to(page, title)
        page.locator("tbody tr, .tile.working dd").first.wait_for()
        assert page.evaluate("document.documentElement.scrollWidth") == 320, title
    page.set_viewport_size(DESKTOP)  # type: ignore[arg-type]


def test_the_link_to_the_content_stays_on_the_page(page: Page) -> None:
    """It is the first thing that the keyboard comes to, and once led to the page Now, from everywhere."""
    turn_to(page, "Workers")
    expect(page.get_by_role("group", name="State of the workers").get_by_role("button").first).to_be_visible()
    page.get_by_role("link", name="Skip to content").focus()
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_be_focused()
    page.keyboard.press("Tab")
    expect(page.get_by_role("group", name="State of the workers").get_by_role("button").first).to_be_focused()
    expect(page).to_have_title(re.compile("Workers"))


UNSHOWABLE = {"toString": None, "valueOf": None}


def test_one_hostile_document_does_not_hide_the_others(page: Page, dashboard: Dashboard) -> None:
    """What a machine says of itself may be of any type, and even refuse to be made a text."""
    dashboard.write(worker("odd", dynamic_metadata={"os_name": UNSHOWABLE, "cpu_name": 1e300, "tags": UNSHOWABLE}))
    dashboard.write(
        {"_id": "message:2", "type": "message", "level": "error", "text": "of whom", "at": now(), "worker": UNSHOWABLE}
    )
    turn_to(page, "Workers")
    expect(row(page, "odd")).to_contain_text('{"toString":null,"valueOf":null}')
    expect(row(page, "barn-0")).to_be_visible()
    turn_to(page, "Now")
    expect(page.get_by_role("listitem").filter(has_text="of whom")).to_be_visible()


def test_what_cannot_be_shown_stands_alone(page: Page) -> None:
    """A fault in one row is told in its place, and the others are shown; once it is mended, so is the row."""
    told = page.evaluate(
        """async () => {
          const { el, reconcile } = await import(new URL("lib/dom.js", location.href.split("#")[0]));
          const said = [], body = el("tbody"), report = reportError;
          globalThis.reportError = (trouble) => said.push(trouble.message);
          const make = (item) => ({ element: el("tr", {}, el("td", {}, item.name.toUpperCase())) });
          const show = (items) => reconcile(body, items, (item) => item.id, make);
          show([{ id: "a", name: "a" }, { id: "b" }, { id: "c", name: "c" }]);
          const first = body.innerText || body.textContent;
          show([{ id: "a", name: "a" }, { id: "b", name: "b" }, { id: "c", name: "c" }]);
          globalThis.reportError = report;
          return [first, body.textContent, said.length];
        }"""
    )
    assert told == ["Ab cannot be shown.C", "ABC", 1]


def test_dialogs_and_what_is_said_are_accessible(page: Page, dashboard: Dashboard) -> None:
    """In both colours, at both widths; so is the form to sign in."""
    dashboard.write(worker("in-a-dialog"))
    turn_to(page, "Workers")
    row(page, "in-a-dialog").get_by_role("button", name="Pause").click()
    page.route(re.compile("worker%3Ain-a-dialog"), lambda route: route.abort())
    assert violations(page) == []
    page.get_by_role("dialog").get_by_role("button", name="Pause").click()
    expect(page.get_by_text("the database does not answer")).to_be_visible()
    assert violations(page) == []
    page.unroute(re.compile("worker%3Ain-a-dialog"))
    page.get_by_role("button", name="Close").click()
    expect(page.get_by_text("the database does not answer")).to_have_count(0)
    dashboard.complaints[:] = [said for said in dashboard.complaints if "ERR_FAILED" not in said]


def test_the_form_to_sign_in_is_accessible(browser: Browser, dashboard: Dashboard) -> None:
    """With what it says of a wrong password."""
    with dashboard.page(browser) as page:
        page.goto(dashboard.door)
        sign_in(page, "alice", "wrong")
        expect(page.get_by_role("alert")).to_have_text("That is no user's name and password.")
        assert violations(page) == []


def violations(page: Page) -> list[Any]:
    """What axe finds in both colours, on a desktop and on a phone."""
    found = []
    for size in (PHONE, DESKTOP):
        page.set_viewport_size(size)  # type: ignore[arg-type]
        for scheme in ("dark", "light"):
            page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
            found += Axe().run(page, options=RULES).response["violations"]
    return [(one["id"], node["html"][:300], node["failureSummary"]) for one in found for node in one["nodes"]]


def test_what_is_not_listed_is_counted(page: Page, dashboard: Dashboard) -> None:
    """A list that ends without a word is taken for all there is."""
    said = {"type": "message", "level": "info", "text": "in conflict", "at": now()}
    revisions = [{"_id": f"message:twice-{n:02d}", "_rev": rev, **said} for n in range(25) for rev in ("1-a", "1-b")]
    dashboard.farm.status.post_json("_bulk_docs", body={"new_edits": False, "docs": revisions})
    for number in range(8):
        dashboard.write(job(980 + number, branch=f"nowhere-{number}"))
    expect(page.get_by_role("listitem").filter(has_text=re.compile(r"for \d+ more reasons"))).to_be_visible()
    turn_to(page, "Databases")
    conflicts = page.get_by_role("region", name="Conflicts")
    expect(conflicts.get_by_role("listitem")).to_have_count(20)
    expect(conflicts).to_contain_text("and 5 documents more.")
    gone = [{"_id": one["_id"], "_rev": one["_rev"], "_deleted": True} for one in revisions]
    dashboard.farm.status.post_json("_bulk_docs", body={"docs": gone})


def test_links_lead_to_documents_of_any_name(page: Page, dashboard: Dashboard) -> None:
    """A slash, a percent sign, a plus, a space, and letters of other scripts."""
    name = "a/b%2B+c d?#&\u00fc\u4e2d"
    dashboard.write(worker(name))
    turn_to(page, "Workers")
    page.get_by_label("Name begins with").fill("a/b")
    href = row(page, name).get_by_role("link").first.get_attribute("href") or ""
    address, _, path = href.partition("#database/")
    assert address == "/_utils/"
    assert [unquote(part) for part in path.split("/")] == [dashboard.farm.status.name, f"worker:{name}"]
    row(page, name).get_by_role("button", name="Pause").click()
    page.get_by_role("dialog").get_by_role("button", name="Pause").click()
    expect(row(page, name)).to_contain_text("is to pause, by alice")
    page.get_by_label("Name begins with").fill("")


def test_replications_are_told_to_administrators(browser: Browser, dashboard: Dashboard) -> None:
    """With what ails them, and without the passwords in their addresses."""
    found = settings.load(dashboard.data) if not settings.names_a_server() else settings.load()
    dashboard.farm.connection.create("_replicator")
    replicator = dashboard.farm.connection.database("_replicator")
    rev = replicator.put(
        {
            "_id": "to-the-attic",
            "source": f"http://someone:secret@127.0.0.1:9/{dashboard.farm.status.name}",
            "target": f"{dashboard.url}/nowhere",
        }
    )
    with dashboard.page(browser) as page:
        page.goto(dashboard.door)
        sign_in(page, found.user, found.password)
        turn_to(page, "Databases")
        told = row(page, "to-the-attic")
        expect(told).to_contain_text("http://127.0.0.1:9/")
        expect(told.get_by_role("link")).to_have_attribute("href", re.compile("#database/_replicator/to-the-attic$"))
        assert "secret" not in page.content()
    replicator.delete("to-the-attic", (replicator.get("to-the-attic") or {}).get("_rev", rev))
