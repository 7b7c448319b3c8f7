"""Making a report: this module reads as its table of contents."""

import tempfile
from datetime import datetime
from pathlib import Path

import crashfarm
from crashfarm import times
from crashfarm.settings import Farm
from server.report import handoffs, model, publish
from server.report.collect import Progress, collect
from server.report.facts import Facts
from server.report.model import ReportSummary
from server.report.pages import Pages
from server.report.scratch import Scratch

LIST_PAGE = 500
"""Signatures on one page of the list of all."""


def write_report(
    farm: Farm,
    out: Path,
    *,
    now: datetime,
    since: datetime | None = None,
    progress: Progress | None = None,
    url: str = "",
) -> ReportSummary:
    """Write the report of a farm into the folder `out`, and tell its numbers.

    What was first seen at or after `since` is shown as new; without it, what is new since the report that is in `out`
    now. `url` is where the folder will be published, for the feed's links. Raises InputError if `out` holds something
    else, and errors of the database; then `out` is as it was.
    """
    out = out.resolve()
    before = publish.previous(out)
    since_text = times.to_text(since) if since else before.made_at if before else ""
    about = model.Farm(farm.status.name, times.to_text(now), since_text, crashfarm.__version__, url.rstrip("/"))
    marker = publish.Marker(farm=about.name, made_at=about.made_at)
    with tempfile.TemporaryDirectory() as temporary, publish.writing(out, marker) as folder:
        scratch = Scratch(Path(temporary))
        try:
            read = collect(farm, scratch, progress or _silent)
            facts = Facts(farm, scratch, since_text)
            overview = facts.overview()
            pages = Pages(folder, about, overview.branches)
            _write_pages(facts, overview, about, pages, read, progress or _silent)
            return _summary(overview, out)
        finally:
            scratch.close()


def _write_pages(
    facts: Facts, overview: model.Overview, about: model.Farm, pages: Pages, done: int, progress: Progress
) -> None:
    pages.write("index.html.j2", "index.html", page=overview)
    _write_lists(facts, pages)
    for branch in facts.branch_lines():
        pages.write("branch.html.j2", branch.href, page=facts.branch(branch))
    for machine in facts.machines.lines():
        pages.write("machine.html.j2", machine.link.href, page=facts.machines.page(machine))
    pages.write("bugs.html.j2", "bugs.html", bugs=facts.bugs())
    for bug in facts.bugs():
        pages.write("bug.html.j2", bug.href, page=facts.bug(bug))
    pages.write("unfiled.html.j2", "unfiled.html", lines=facts.unfiled(), total=overview.unfiled)
    for written, line in enumerate(facts.lines(), done + 1):
        pages.write("signature.html.j2", line.href, page=facts.signature(line))
        progress(written)
    # Last, for it tells what the pages have found.
    handoffs.write(facts, overview, about, pages)
    handoffs.write_index(facts, pages.folder / "search-index.js")


def _write_lists(facts: Facts, pages: Pages) -> None:
    total = max(1, -(-facts.signature_count // LIST_PAGE))
    for number in range(1, total + 1):
        lines = list(facts.lines(limit=LIST_PAGE, offset=(number - 1) * LIST_PAGE))
        pages.write("signatures.html.j2", list_href(number), lines=lines, number=number, total=total, hrefs=list_href)


def list_href(number: int) -> str:
    """The address of a page of the list of all signatures; the first is 1."""
    return "signatures.html" if number == 1 else f"signatures-{number}.html"


def _summary(overview: model.Overview, out: Path) -> ReportSummary:
    return ReportSummary(
        jobs=overview.runs,
        findings=overview.findings,
        signatures=overview.signatures,
        differing=overview.differing,
        new_signatures=overview.new_count,
        index=out / "index.html",
    )


def _silent(done: int) -> None:
    """Tell nobody."""
