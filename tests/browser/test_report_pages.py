"""The report's pages in a real browser: opened from files, as from a file share."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page, Request

from server.report import searching
from tests.farms import HOSTILE

PHONE = {"width": 390, "height": 844}
DESKTOP = {"width": 1280, "height": 900}

RULES = {
    "runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
}


def pages_of(report: Path) -> list[Path]:
    """All pages, the first page first."""
    return sorted(report.rglob("*.html"), key=lambda path: (len(path.parts), path.name != "index.html", path))


@pytest.fixture(params=[(DESKTOP, "light"), (DESKTOP, "dark"), (PHONE, "light"), (PHONE, "dark")], ids=str)
def context(browser: Browser, request: pytest.FixtureRequest) -> Iterator[BrowserContext]:
    """A browser of each width and colour scheme."""
    size, scheme = request.param
    with browser.new_context(viewport=size, color_scheme=scheme) as context:
        yield context


def failures(request: Request) -> list[str]:
    """What went wrong with a request; leaving a page while it still loads its icon is no fault of the page."""
    return [] if request.failure == "net::ERR_ABORTED" else [f"failed: {request.url} {request.failure}"]


@pytest.fixture
def page(context: BrowserContext) -> Iterator[Page]:
    """A page that fails the test if the console hears an error or anything but a file is asked for."""
    page = context.new_page()
    complaints: list[str] = []
    page.on(
        "console", lambda message: complaints.append(message.text) if message.type in ("error", "warning") else None
    )
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("dialog", lambda dialog: complaints.append(f"dialog: {dialog.message}") or dialog.dismiss())
    page.on("requestfailed", lambda request: complaints.extend(failures(request)))
    page.on("request", lambda request: complaints.append(request.url) if not request.url.startswith("file:") else None)
    yield page
    assert complaints == []


def kinds_of_pages(report: Path) -> list[Path]:
    """One page from each folder, the fullest: they differ in their data only."""
    fullest = {path.parent: path for path in sorted(pages_of(report), key=lambda path: path.stat().st_size)}
    return [*report.glob("*.html"), *(path for folder, path in fullest.items() if folder != report)]


def test_every_kind_of_page_is_accessible_and_fits_its_window(page: Page, report: Path) -> None:
    """No violation of WCAG 2.2 AA that axe can find, no console error, nothing wider than the window."""
    violations = {}
    for path in kinds_of_pages(report):
        page.goto(path.as_uri())
        found = Axe().run(page, options=RULES)
        if found.violations_count:
            violations[path.name] = [
                (one["id"], node["html"][:300], node["failureSummary"])
                for one in found.response["violations"]
                for node in one["nodes"]
            ]
        assert page.evaluate("document.documentElement.scrollWidth") <= page.evaluate("innerWidth"), path.name
    assert violations == {}


def test_tables_sort_by_the_column_that_is_pressed(page: Page, report: Path) -> None:
    """With the keyboard too; numbers as numbers."""
    page.goto((report / "signatures.html").as_uri())
    button = page.get_by_role("button", name="Seen", exact=True)
    button.focus()
    page.keyboard.press("Enter")
    numbers = [int(text) for text in page.locator("td.number").all_inner_texts()]
    assert numbers == sorted(numbers, reverse=True)
    page.keyboard.press("Enter")
    assert [int(text) for text in page.locator("td.number").all_inner_texts()] == sorted(numbers)
    assert page.locator("th[aria-sort=ascending]").count() == 1


def test_searching_finds_signatures_by_their_words(page: Page, report: Path) -> None:
    """Hostile ones too, as text; a link leads to the signature."""
    page.goto((report / "search.html").as_uri())
    box = page.get_by_role("searchbox")
    box.fill("SCRIPT alert")
    assert page.locator("#tally").inner_text() == "1 of 6"
    box.fill("hang sre_match")
    page.locator("#found a").click()
    assert "/signature/" in page.url and "sre_match" in page.get_by_role("heading", level=1).inner_text()


def test_the_keyboard_alone_searches_and_opens(page: Page, report: Path) -> None:
    """From the box to what was found with Tab, and there with Enter; how many there are is said."""
    page.goto((report / "search.html").as_uri())
    page.get_by_role("searchbox").focus()
    page.keyboard.type("sre_match")
    assert page.get_by_role("status").inner_text() == "1 of 6"
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.wait_for_url("**/signature/*")


def test_twenty_thousand_signatures_are_searched_as_fast_as_people_type(
    page: Page, report: Path, tmp_path: Path
) -> None:
    """Only some of what is found is drawn, and it is said how much there is."""
    many = tmp_path / "report"
    shutil.copytree(report, many)
    rows = (json.dumps([f"{n:016x}", f"f{n} | {HOSTILE[:60]}\nSIGSEGV", "crash", n, "3.13"]) for n in range(20_000))
    (many / "search-index.js").write_text(searching.START + ",\n".join(rows) + "];")
    page.goto((many / "search.html").as_uri())
    page.get_by_role("searchbox").fill("SCRIPT sigsegv")
    assert page.get_by_role("status").inner_text() == "20000 of 20000, the first 100 shown"
    assert page.locator("#found li").count() == 100
    spent = "() => { const begun = performance.now(); search(); return performance.now() - begun; }"
    assert page.evaluate(spent) < 2000


def test_a_search_without_its_index_says_so(browser: Browser, report: Path, tmp_path: Path) -> None:
    """Somebody copied the pages alone."""
    (tmp_path / "search.html").write_text((report / "search.html").read_text())
    shutil.copytree(report / "static", tmp_path / "static")
    with browser.new_context() as context:
        page = context.new_page()
        page.goto((tmp_path / "search.html").as_uri())
        assert "cannot be read" in page.get_by_role("status").inner_text()


def test_paper_is_white_and_holds_all_columns(page: Page, report: Path) -> None:
    """Whatever the screen's colours; nothing is cut where nobody can scroll."""
    page.set_viewport_size({"width": 794, "height": 1123})
    page.emulate_media(media="print")
    for path in kinds_of_pages(report):
        page.goto(path.as_uri())
        assert page.evaluate("getComputedStyle(document.documentElement).backgroundColor") == "rgb(255, 255, 255)"
        ember = "getComputedStyle(document.documentElement).getPropertyValue('--ember')"
        assert page.evaluate(ember).strip() == "#a83212"
        if path.name == "index.html":
            assert page.evaluate("document.documentElement.scrollWidth") <= 794


def test_the_keyboard_reaches_the_content_first(page: Page, report: Path) -> None:
    """The first stop skips the navigation."""
    page.goto((report / "index.html").as_uri())
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to content"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"


def test_without_javascript_all_is_there(browser: Browser, report: Path) -> None:
    """Sorting and filtering are all that is lost."""
    with browser.new_context(java_script_enabled=False) as context:
        page = context.new_page()
        page.goto((report / "index.html").as_uri())
        assert page.get_by_role("heading", level=1).inner_text().startswith("72 runs")
        page.locator("tbody a").first.click()
        assert "/signature/" in page.url
        page.goto((report / "search.html").as_uri())
        assert "Searching needs JavaScript" in page.locator("main").inner_text()
        assert not page.locator("form").is_visible()


def test_every_link_leads_somewhere(browser: Browser, report: Path) -> None:
    """Each page's links as the browser resolves them, and each fragment's target."""
    with browser.new_context() as context:
        page = context.new_page()
        for path in pages_of(report):
            page.goto(path.as_uri())
            for link in page.eval_on_selector_all("a[href]", "links => links.map(link => link.href)"):
                target, _, fragment = link.partition("#")
                assert Path(target.removeprefix("file://")).is_file(), link
                if target == page.url.partition("#")[0] and fragment:
                    assert page.locator(f"[id='{fragment}']").count() == 1, link
