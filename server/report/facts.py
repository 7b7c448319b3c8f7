"""Scratch tables and a few documents in, the values of each page out."""

import shlex
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence

from crashfarm.documents.branch import Branch, branch_id
from crashfarm.errors import InvalidDocument
from crashfarm.settings import Farm
from server.queries import totals
from server.report import asks, bugs, fetching, pictures
from server.report.fetching import Asked
from server.report.lists import NEW, ON_BRANCH, ONLY_BRANCH, STILL_TRUE, UNFILED, Lists
from server.report.machines import MAX_LINES, Machines
from server.report.model import BranchLine, BranchPage, BugLink, BugPage, BuildRow, Line, Overview
from server.report.scratch import Scratch
from server.report.text import natural

SHOWN = 10
"""Signatures in a list of the first page."""


class Facts:
    """Everything that pages ask."""

    def __init__(self, farm: Farm, scratch: Scratch, since: str) -> None:
        self._farm = farm
        self._scratch = scratch
        self._since = since
        self._lists = Lists(scratch, since)
        self.machines = Machines(farm, scratch, self._lists)
        self._found = pictures.found_by_day(scratch)
        scratch.change("DELETE FROM active")
        self._runs: dict[tuple[str, str], list[totals.Runs]] = defaultdict(list)
        for run in totals.runs(farm.history):
            self._runs[run.product, run.branch].append(run)
            # Of the day itself nobody knows whether it was before or after.
            if run.day > since[:10]:
                scratch.insert("active", [(run.product, run.branch)])

    @property
    def signature_count(self) -> int:
        """How many signatures there are."""
        return self._scratch.number("SELECT count(*) FROM signatures")

    def lines(self, limit: int = -1) -> Iterator[Line]:
        """Signatures, the commonest first."""
        return self._lists.lines(limit=limit)

    def asked(self, lines: Iterable[Line]) -> Iterator[list[Asked]]:
        """These signatures with the documents that their pages need, in batches."""
        return fetching.asked(self._farm, self._scratch, lines)

    def still_true(self, look: str) -> Iterator[str]:
        """The names of the signatures whose pages, as they were last written, are still true."""
        statement = f"SELECT name FROM signatures WHERE {STILL_TRUE}"  # noqa: S608 ours
        return (name for (name,) in self._scratch.rows(statement, *self._looks(look)))

    def changed(self, look: str) -> Iterator[Line]:
        """The other ones."""
        return self._lists.as_stored(f"NOT {STILL_TRUE}", *self._looks(look))

    def all_true(self, look: str) -> None:
        """Note that the pages of all signatures are true now."""
        statement = "INSERT OR REPLACE INTO pages SELECT name, iif(first_seen >= ?, ?, ?) FROM signatures"
        self._scratch.change(statement, *self._looks(look))

    def _looks(self, look: str) -> tuple[str, str, str]:
        """From when on signatures are new, and how the pages of new and of other ones look."""
        return self._since or "~", f"{look} new", look

    def newest(self, limit: int) -> list[Line]:
        """The signatures that were first seen last, the newest first; none that somebody suppressed."""
        newest = "name IN (SELECT name FROM signatures WHERE NOT suppressed ORDER BY first_seen DESC, name LIMIT ?)"
        return sorted(self._lists.lines(newest, limit), key=lambda line: (line.first_seen, line.name), reverse=True)

    def source(self, line: Line) -> tuple[str, int | None] | None:
        """Source file and line of a signature whose page has been made, where its log told them."""
        found = next(self._scratch.rows("SELECT file, line FROM sources WHERE name = ?", line.name), None)
        return None if found is None else (found[0], found[1])

    def unfiled(self) -> list[Line]:
        """Signatures that no bug explains, the new ones first, then the worst."""
        if not self._since:
            return list(self._lists.worst(UNFILED, limit=MAX_LINES))
        new = list(self._lists.worst(f"{UNFILED} AND {NEW}", self._since, limit=MAX_LINES))
        old = self._lists.worst(f"{UNFILED} AND NOT {NEW}", self._since, limit=MAX_LINES - len(new))
        return [*new, *old]

    def bugs(self) -> tuple[BugLink, ...]:
        """All known bugs that explain anything."""
        return bugs.all_bugs(self._scratch)

    def bug(self, link: BugLink) -> BugPage:
        """The page of one bug."""
        return bugs.page(self._scratch, self._lists, link)

    def branch_lines(self) -> list[BranchLine]:
        """All branches that ran or showed anything."""
        found = {*self._runs, *self._lists.branches()}
        names = sorted(found, key=lambda name: (name[0], natural(name[1])))
        return [self._lists.branch(*name, self._runs[name]) for name in names]

    def overview(self, branches: Sequence[BranchLine]) -> Overview:
        """The first page, which has a line for each of these branches."""
        unreadable = self._scratch.number("SELECT count(*) FROM unreadable")
        return Overview(
            runs=sum(branch.runs for branch in branches),
            failures=sum(branch.failures for branch in branches),
            errors=sum(branch.errors for branch in branches),
            findings=sum(branch.findings for branch in branches),
            signatures=self.signature_count,
            tuples=self._scratch.number("SELECT count(*) FROM tuples"),
            differing=self._lists.number("differs"),
            new_count=self._lists.number(NEW, self._since) if self._since else 0,
            news=self._lists.news(SHOWN),
            top=tuple(self._lists.lines(limit=SHOWN)),
            branches=tuple(branches),
            machines=tuple(self.machines.lines()),
            unfiled=self._lists.number(UNFILED),
            bugs=len(self.bugs()),
            jobs=totals.jobs(self._farm.status),
            workers=totals.workers(self._farm.status),
            charts=pictures.overview(self._scratch, branches, self._found),
            unreadable=tuple(id for (id,) in self._scratch.rows("SELECT document FROM unreadable LIMIT ?", SHOWN)),
            unreadable_count=unreadable,
            asks=asks.overview(self._since, unreadable > 0),
        )

    def branch(self, line: BranchLine) -> BranchPage:
        """The page of one branch."""
        here = (line.product, line.branch)
        document = self._branch_document(line)
        return BranchPage(
            line=line,
            enabled=document.enabled if document else True,
            builds=tuple(_builds(document)) if document else (),
            lines=tuple(self._lists.on_branch(*here, limit=MAX_LINES)),
            only_here=tuple(self._lists.on_branch(*here, ONLY_BRANCH, limit=SHOWN)),
            only_count=self._lists.number(f"{ON_BRANCH} AND {ONLY_BRANCH}", *here),
            charts=pictures.branch(line, self._found),
            asks=asks.branch(line),
        )

    def _branch_document(self, line: BranchLine) -> Branch | None:
        doc = self._farm.status.get(branch_id(line.product, line.branch))
        try:
            return None if doc is None else Branch.from_doc(doc)
        except InvalidDocument:
            # A half-edited document of one branch must not cost the others their report.
            return None


def _builds(branch: Branch) -> Iterator[BuildRow]:
    for buildtype, platforms in branch.builds.items():
        for platform, build in platforms.items():
            yield BuildRow(buildtype, platform, build.about, shlex.join(build.command))
