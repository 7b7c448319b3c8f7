"""Making a report: this module reads as its table of contents."""

import contextlib
import itertools
import secrets
import tempfile
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path

import crashfarm
from crashfarm import times
from crashfarm.errors import InputError
from crashfarm.settings import Farm
from server.queries import paging
from server.report import handoffs, model, publish
from server.report.collect import Progress, collect
from server.report.facts import Facts
from server.report.hands import Hands
from server.report.model import BranchLine, ReportSummary
from server.report.pages import Pages
from server.report.painting import Writer, painting
from server.report.scratch import Scratch

LIST_PAGE = 500
"""Signatures on one page of the list of all."""

LINES = 20
"""Signatures that take as long in the lists and the test results, which are always made anew, as a page of its own."""


def write_report(
    farm: Farm,
    out: Path,
    *,
    now: datetime,
    since: datetime | None = None,
    progress: Progress | None = None,
    url: str = "",
    state: Path | None = None,
    anew: bool = False,
) -> ReportSummary:
    """Write the report of a farm into the folder `out`, and tell its numbers.

    What was first seen at or after `since` is shown as new; without it, what is new since the report that is in `out`
    now. `url` is where the folder will be published, for the feed's links. `state` is a file that is kept from report
    to report: with it only what has changed is read and written, unless all is to be made `anew`. Raises InputError if
    `out` holds something else, ConfigError if it cannot be written, errors of the database; then `out` is as it was.
    """
    out = publish.place(out)
    before = publish.previous(out)
    if before and before.farm != farm.status.name:
        raise InputError(f"{out} holds the report of another farm, {before.farm}: name another folder")
    since_text = times.to_text(since) if since else before.made_at if before else ""
    about = model.Farm(farm.status.name, times.to_text(now), since_text, crashfarm.__version__, url.rstrip("/"))
    marker = publish.Marker(farm=about.name, made_at=about.made_at, token=secrets.token_hex(8))
    tell = progress or (lambda done, total, words: None)
    with publish.writing(out, marker) as folder, _scratch(state) as scratch, Hands() as hands:
        if anew:
            scratch.clear()
        collect(farm, scratch, tell, hands)
        if not before or scratch.get("token") != before.token:
            scratch.change("DELETE FROM pages")
        facts = Facts(farm, scratch, since_text)
        branches = facts.branch_lines()
        overview = _write(facts, branches, scratch, Pages(folder, out, about, branches), tell, hands)
        scratch.set("token", marker.token)
    return _summary(overview, out)


def _write(
    facts: Facts, branches: Sequence[BranchLine], scratch: Scratch, pages: Pages, tell: Progress, hands: Hands
) -> model.Overview:
    """Write all files; returns what is on the first page."""
    signatures = facts.signature_count
    changed = signatures - _keep(facts, scratch, pages)
    with painting(pages, scratch, changed + signatures // LINES, hands) as paint:
        # What takes long to write and nothing to ask for comes first.
        paint.junit(branches)
        paint.index()
        overview = facts.overview(branches)
        _write_pages(facts, overview, paint)
        written = 0
        for batch in facts.asked(facts.changed(pages.look)):
            paint.signatures(batch)
            written += len(batch)
            tell(written, changed, "writing pages")
        handoffs.write(facts, overview, pages)
    facts.all_true(pages.look)
    # Last, for it tells what the pages have found.
    handoffs.write_sarif(facts, pages)
    return overview


@contextlib.contextmanager
def _scratch(state: Path | None) -> Iterator[Scratch]:
    """The tables: in the file that is kept, whole again only if the block ends well, or in a temporary one."""
    with tempfile.TemporaryDirectory() as temporary, contextlib.ExitStack() as stack:
        scratch = Scratch(state or Path(temporary) / "scratch.sqlite")
        stack.callback(scratch.close)
        yield scratch
        scratch.keep()


def _write_pages(facts: Facts, overview: model.Overview, pages: Writer) -> None:
    pages.write("index.html.j2", "index.html", page=overview)
    _write_lists(facts, pages)
    for branch in overview.branches:
        pages.write("branch.html.j2", branch.href, page=facts.branch(branch))
    for machine in overview.machines:
        pages.write("machine.html.j2", machine.link.href, page=facts.machines.page(machine))
    pages.write("bugs.html.j2", "bugs.html", bugs=facts.bugs())
    for bug in facts.bugs():
        pages.write("bug.html.j2", bug.href, page=facts.bug(bug))
    pages.write("unfiled.html.j2", "unfiled.html", lines=facts.unfiled(), total=overview.unfiled)
    pages.write("search.html.j2", "search.html")


def _keep(facts: Facts, scratch: Scratch, pages: Pages) -> int:
    """Take over from the report before the pages of signatures that are still true; returns how many."""
    still = list(facts.still_true(pages.look))
    gone = [name for name in still if not pages.keep(model.signature_href(name))]
    for name in gone:
        scratch.change("DELETE FROM pages WHERE name = ?", name)
    return len(still) - len(gone)


def _write_lists(facts: Facts, pages: Writer) -> None:
    total = max(1, -(-facts.signature_count // LIST_PAGE))
    # Read in one go: to find the place where a page begins takes longer the further in it is.
    batches = itertools.chain(paging.batches(facts.lines(), LIST_PAGE), itertools.repeat([]))
    for number, lines in enumerate(itertools.islice(batches, total), 1):
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
