"""Which tuples are to be looked at when bugs have changed: as few as can be told without looking."""

from collections.abc import Iterable, Iterator, Sequence

from crashfarm.database import Database
from crashfarm.documents.base import Json
from crashfarm.documents.bug import Bug, Matcher
from crashfarm.documents.finding import Kind
from crashfarm.keys import prefix_range

PAGE = 500
"""Tuples that are read at once."""


def of(history: Database, bugs: Sequence[Bug]) -> Iterator[list[Json]]:
    """The tuples that name one of these bugs, or that one of their matchers may fit, a page at a time.

    Where all matchers ask for a signature, the tuples of these signatures; else all there are.
    """
    matchers = [matcher for bug in bugs for matcher in bug.matchers]
    if any(matcher.signature is None for matcher in matchers):
        yield from pages(history.documents("history_", PAGE))
        return
    yield from naming(history, [bug.id for bug in bugs])
    yield from _read(history, _with_detail(history, sorted({matcher.signature or "" for matcher in matchers})))
    if any(map(_may_be_a_stack, matchers)):
        yield from pages(history.documents(f"history_{Kind.ASSERTION}:", PAGE))


def naming(history: Database, bugs: Sequence[str]) -> Iterator[list[Json]]:
    """The tuples that name any of these bugs, a page at a time: as many as there are of them are read."""
    keys = [[bug, name] for bug in bugs for name in ("open", "closed")]
    rows = history.view("tuples", "by_bug", keys=keys, reduce=False).rows
    yield from _read(history, {row.id for row in rows if row.id})


def pages(docs: Iterable[Json]) -> Iterator[list[Json]]:
    """Documents, a page at a time."""
    page: list[Json] = []
    for doc in docs:
        page.append(doc)
        if len(page) == PAGE:
            yield page
            page = []
    if page:
        yield page


def _may_be_a_stack(matcher: Matcher) -> bool:
    """Whether a matcher's signature may be that of an assertion's stack, which no view tells."""
    return matcher.kind in (None, Kind.ASSERTION)


def _with_detail(history: Database, details: Sequence[str]) -> set[str]:
    """The ids of the tuples with one of these details."""
    found: set[str] = set()
    for start in range(0, len(details), PAGE):
        ranges = [prefix_range([detail]) for detail in details[start : start + PAGE]]
        queries = [{"startkey": first, "endkey": last, "reduce": False} for first, last in ranges]
        path = ("_design", "tuples", "_view", "by_signature", "queries")
        answer = history.post_json(*path, body={"queries": queries})
        found.update(row["id"] for one in answer["results"] for row in one["rows"])
    return found


def _read(history: Database, ids: set[str]) -> Iterator[list[Json]]:
    ordered = sorted(ids)
    for start in range(0, len(ordered), PAGE):
        rows = history.all_docs(keys=ordered[start : start + PAGE], include_docs=True).rows
        yield [row.doc for row in rows if row.doc]
