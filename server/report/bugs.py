"""Known bugs: their documents, and what they explain."""

import itertools
from collections.abc import Iterator
from urllib.parse import urlsplit

from crashfarm.documents.base import Json
from crashfarm.documents.bug import Bug
from crashfarm.documents.history import digest
from crashfarm.errors import InvalidDocument
from crashfarm.settings import Farm
from server.report.lists import AGAIN_OF_BUG, Lists
from server.report.model import BugLink, BugPage
from server.report.scratch import Scratch, Tables
from server.report.text import slug

BUGS = 500
"""Documents that one request brings."""

MAX_LINES = 200
"""Signatures in a list of a bug's page."""

_LINKS = """
SELECT bug, title, coalesce(state, iif(max(open), 'open', 'closed')), resolution, url, count(DISTINCT signature)
FROM bugs LEFT JOIN bug_docs USING (bug) WHERE {condition} GROUP BY bug ORDER BY max(open) DESC, bug
"""


def collect(farm: Farm, scratch: Scratch) -> None:
    """Read the documents of all bugs that explain anything; what a changed one explains is to be made anew."""
    before = _known(scratch)
    scratch.change("DELETE FROM bug_docs")
    scratch.change("DELETE FROM fixed_on")
    ids = (bug for (bug,) in list(scratch.rows("SELECT DISTINCT bug FROM bugs")))
    while some := list(itertools.islice(ids, BUGS)):
        _read(farm, scratch, some)
    for bug, _ in before ^ _known(scratch):
        scratch.change("INSERT OR IGNORE INTO dirty SELECT DISTINCT signature FROM bugs WHERE bug = ?", bug)


def _known(scratch: Scratch) -> set[tuple[str, str]]:
    """The bugs, each with all that a page shows of it."""
    query = "SELECT bug, json_array(title, state, resolution, url) FROM bug_docs"
    return {(bug, about) for bug, about in scratch.rows(query)}


def _read(farm: Farm, scratch: Scratch, ids: list[str]) -> None:
    known = [(row.id, bug) for row in farm.status.all_docs(keys=ids, include_docs=True).rows if (bug := _bug(row.doc))]
    scratch.insert("bug_docs", [(id, bug.title, bug.state, bug.resolution, bug.url) for id, bug in known])
    scratch.insert("fixed_on", [(id, branch) for id, bug in known for branch in bug.fixed_on])


def _bug(doc: Json | None) -> Bug | None:
    try:
        return Bug.from_doc(doc or {})
    except InvalidDocument:
        # There is no such document, or somebody is in the middle of editing it: its id still says enough.
        return None


def of_signature(tables: Tables, name: str) -> tuple[BugLink, ...]:
    """The bugs that explain a signature, open ones first."""
    return tuple(_links(tables, "signature = ?", name))


def all_bugs(tables: Tables) -> tuple[BugLink, ...]:
    """All bugs that explain anything."""
    return tuple(_links(tables, "1"))


def page(tables: Tables, lists: Lists, link: BugLink) -> BugPage:
    """The page of one bug."""
    explains = "name IN (SELECT signature FROM bugs WHERE bug = ?)"
    return BugPage(
        link=link,
        fixed_on=tuple(branch for (branch,) in tables.rows("SELECT branch FROM fixed_on WHERE bug = ?", link.id)),
        lines=tuple(lists.lines(explains, link.id, limit=MAX_LINES)),
        again=tuple(lists.lines(AGAIN_OF_BUG, link.id, limit=MAX_LINES)),
        again_count=lists.number(AGAIN_OF_BUG, link.id),
    )


def _links(tables: Tables, condition: str, *values: str) -> Iterator[BugLink]:
    for bug, title, state, resolution, url, number in tables.rows(_LINKS.format(condition=condition), *values):
        yield BugLink(_name(bug), bug, title or "", state, resolution or "", web_address(url or ""), number)


def _name(bug: str) -> str:
    return f"{slug(bug.removeprefix('bug:'))}-{digest((bug,))[:8]}".strip("-")


def web_address(url: str) -> str:
    """The address if it is one of the web, else nothing: a link must not run a script or open a file."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    return url if parts.scheme in {"http", "https"} and parts.netloc else ""
