"""Reading a view of any size in pages, so that neither side ever holds all of it."""

import collections
import functools
import itertools
import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Protocol, TypeVar

from crashfarm.answers import RawRow, RawView, Row, View
from crashfarm.database import Json
from crashfarm.errors import ConfigError, DatabaseUnavailable, NotFound, UnexpectedAnswer
from crashfarm.keys import prefix_range

T = TypeVar("T")
U = TypeVar("U")
R = TypeVar("R", Row, RawRow)

log = logging.getLogger("crashfarm")

PAGE = 1000
"""Rows that one request asks for."""

DEEP = 8
"""Pages that are read ahead of those who take their time with each."""

FEW = 5000
"""Changes that an index takes up while nobody grows impatient."""

QUESTIONS = 100
"""Questions that one request puts to a view."""


class Viewed(Protocol):
    """What has documents and views: a database."""

    def get(self, document_id: str) -> Json | None:
        """A document, or None."""

    def all_docs(self, *, keys: list[str], include_docs: bool) -> View:
        """The documents of these ids."""

    def view(self, design: str, view: str, **query: Any) -> View:
        """Ask one view."""

    def raw_view(self, design: str, view: str, **query: Any) -> RawView:
        """The same with keys and documents as they came."""

    def get_json(self, *path: str) -> Any:
        """Read what is at an address below the database."""

    def post_json(self, *path: str, body: Any) -> Any:
        """Post JSON to an address below the database and read the answer's."""


def ask(db: Viewed, design: str, view: str, **query: Any) -> View:
    """Ask a view, however long it takes to be built: as long as that goes on, a request that timed out is repeated."""
    return _patiently(db, design, lambda: db.view(design, view, **query))


def answers(db: Viewed, design: str, view: str, queries: Iterable[Json]) -> Iterator[list[Json]]:
    """The rows, as JSON, of each of many questions to one view, in their order, many with one request."""
    waiting = iter(queries)
    path = ("_design", design, "_view", view, "queries")
    while some := list(itertools.islice(waiting, QUESTIONS)):
        answer = _patiently(db, design, functools.partial(db.post_json, *path, body={"queries": some}))
        yield from (one["rows"] for one in answer["results"])


def _patiently(db: Viewed, design: str, question: Callable[[], T]) -> T:
    while True:
        try:
            return question()
        except NotFound as exc:
            raise ConfigError(f"this farm was set up by another version, run 'crashfarm push': {exc}") from exc
        except (DatabaseUnavailable, UnexpectedAnswer):
            # A proxy's answer, or CouchDB's own, to what takes long: only the index can tell whether it goes on.
            index = _index(db, design)
            if not index.get("updater_running"):
                raise
            log.warning("the index of %s is still being built, %s changes to go: waiting for it", design, _to_go(index))


def build(db: Viewed, design: str, view: str, tell: Callable[[int, int], None], sleep: Callable[[float], None]) -> None:
    """Have the index of a design document brought up, if that takes long enough to be told: how much of how much is
    done, until only what a farm at work adds in between is left."""
    total = 0
    while True:
        ask(db, design, view, limit=1, reduce=False, update="lazy")
        to_go = _to_go(_index(db, design))
        if to_go < FEW:
            return
        total = max(total, to_go)
        tell(total - to_go, total)
        sleep(1.0)


def _index(db: Viewed, design: str) -> Json:
    index: Json = db.get_json("_design", design, "_info")["view_index"]
    return index


def _to_go(index: Json) -> int:
    return int(index.get("updates_pending", {}).get("total", 0))


def rows(
    db: Viewed, design: str, view: str, prefix: Sequence[Any] = (), *, page: int = PAGE, **options: Any
) -> Iterator[Row]:
    """The rows of all keys that begin with `prefix`, in order. `options` may narrow the range or add include_docs."""
    return itertools.chain.from_iterable(pages(db, design, view, prefix, page=page, **options))


def pages(
    db: Viewed, design: str, view: str, prefix: Sequence[Any] = (), *, page: int = PAGE, **options: Any
) -> Iterator[Sequence[Row]]:
    """The same rows as they come: as many with each request as a page has.

    One document can give several rows of one key, so a page begins at the last row of the page before and skips
    those of its key and document that were there.
    """
    return _pages(lambda **query: ask(db, design, view, **query).rows, _range(prefix) | options, page)


def raw_pages(
    db: Viewed, design: str, view: str, prefix: Sequence[Any] = (), *, page: int = PAGE, **options: Any
) -> Iterator[Sequence[RawRow]]:
    """The same rows with their keys and documents as they came."""

    def question(**query: Any) -> Sequence[RawRow]:
        return _patiently(db, design, lambda: db.raw_view(design, view, **query)).rows

    return _pages(question, _range(prefix) | options, page)


def _pages(question: Callable[..., Sequence[R]], query: Json, page: int) -> Iterator[Sequence[R]]:
    query = {"reduce": False, "limit": page, **query}
    skip, start = 0, None
    while True:
        got = question(**query, skip=skip)
        yield got
        if len(got) < page:
            return
        last = (got[-1].key, got[-1].id)
        same = itertools.takewhile(lambda row: (row.key, row.id) == last, reversed(got))  # noqa: B023 used at once
        skip = sum(1 for _ in same) + (skip if last == start else 0)
        query = query | {"startkey": last[0], "startkey_docid": last[1]}
        start = last


def groups(
    db: Viewed, design: str, view: str, level: int, prefix: Sequence[Any] = (), *, page: int = PAGE, **options: Any
) -> Iterator[tuple[list[Any], int]]:
    """The counts of all keys that begin with `prefix`, summed over their first `level` parts, in order."""
    query = _range(prefix) | {"group_level": level, "limit": page} | options
    while True:
        got = ask(db, design, view, **query).rows
        yield from ((row.key, row.value) for row in got)
        if len(got) < page:
            return
        query |= {"startkey": [*got[-1].key, {}]}


def batches(things: Iterable[T], many: int) -> Iterator[list[T]]:
    """The same things, so many at a time."""
    waiting = iter(things)
    return iter(lambda: list(itertools.islice(waiting, many)), [])


def ahead(things: Iterable[T], many: int = PAGE, deep: int = 1) -> Iterator[T]:
    """The same things, of which `deep` times `many` are fetched while the caller is busy with those before."""
    source = iter(things)
    for _, got in fetched(iter(int, 1), lambda _: list(itertools.islice(source, many)), deep):
        if not got:
            return
        yield from got


def in_turn(sources: Iterable[Iterator[T]], many: int = 2) -> Iterator[T]:
    """What all of them give, `many` of them in turn at a time: those that read ahead do so while others are heard."""
    waiting = iter(sources)
    heard = collections.deque(itertools.islice(waiting, many))
    while heard:
        source = heard.popleft()
        found = list(itertools.islice(source, 1))
        heard += [source] if found else itertools.islice(waiting, 1)
        yield from found


def fetched(asked: Iterable[U], fetch: Callable[[U], T], deep: int = 1) -> Iterator[tuple[U, T]]:
    """What is asked, each with what is fetched for it while the caller is busy with those before."""
    with ThreadPoolExecutor(1) as fetcher:
        coming: list[tuple[U, Future[T]]] = []
        for one in asked:
            coming.append((one, fetcher.submit(fetch, one)))
            if len(coming) > deep:
                before, future = coming.pop(0)
                yield before, future.result()
        for before, future in coming:
            yield before, future.result()


def total(db: Viewed, design: str, view: str, prefix: Sequence[Any] = ()) -> int:
    """How many rows there are whose keys begin with `prefix`."""
    got = ask(db, design, view, **_range(prefix), reduce=True).rows
    return int(got[0].value) if got else 0


def _range(prefix: Sequence[Any]) -> dict[str, Any]:
    if not prefix:
        return {}
    startkey, endkey = prefix_range(prefix)
    return {"startkey": startkey, "endkey": endkey}
