"""Running a query: rows of an index in order, their documents, those that match, in pages."""

import base64
import binascii
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Protocol

import apsw
import msgspec

from server.store.database import listing
from server.store.errors import BadRequest
from server.store.mango import fields
from server.store.mango.plan import Plan
from server.store.mango.request import FindOptions
from server.store.views.index import Index
from server.store.views.ranges import Range

HIGH_RATIO = (
    "The number of documents examined is high in proportion to the number of results returned. "
    "Consider adding a more specific index to improve this."
)
#: More documents looked at for each result than this deserve a warning.
MOST_PER_RESULT = 10
#: Documents that are looked at in one go, at least and at most.
SMALLEST, LARGEST = 10, 200

_encode = msgspec.json.encode
_NO_BOOKMARK = "nil"


class Candidate(msgspec.Struct):
    """A document that may match: where it is in the index, its id, and its text."""

    position: bytes
    id: str
    body: bytes


class Database(Protocol):
    """What a query needs of a database."""

    def get_winners(self, ids: list[str], /) -> dict[str, bytes]: ...
    def reader(self) -> Any: ...


#: Which documents, as JSON text, meet a selector.
Select = Callable[[Any, Sequence[bytes]], list[bool]]
#: A document with its conflicts, by id and text.
WithConflicts = Callable[[str, bytes], bytes]


class Found(msgspec.Struct):
    """The results of a query, and what it took."""

    docs: list[bytes]
    bookmark: str
    keys_examined: int = 0
    docs_examined: int = 0
    seconds: float = 0.0

    def answer(self, options: FindOptions, warnings: Sequence[str]) -> bytes:
        """The answer's JSON text."""
        docs = b",\r\n".join(self.docs) + (b"\r\n" if self.docs else b"")
        text = b'{"docs":[\r\n' + docs + b'],\r\n"bookmark": ' + _encode(self.bookmark)
        if options.execution_stats:
            text += b',\r\n"execution_stats": ' + _encode(self._stats())
        said = [*warnings, *([HIGH_RATIO] if self._is_wasteful() else [])]
        if said:
            text += b',\r\n"warning": ' + _encode("\n".join(said))
        return text + b"}"

    def _stats(self) -> dict[str, Any]:
        return {
            "total_keys_examined": self.keys_examined,
            "total_docs_examined": self.docs_examined,
            "total_quorum_docs_examined": 0,
            "results_returned": len(self.docs),
            "execution_time_ms": round(self.seconds * 1000, 3),
        }

    def _is_wasteful(self) -> bool:
        return self.docs_examined > MOST_PER_RESULT * max(len(self.docs), 1)


def run(
    db: Database, index: Index | None, plan: Plan, options: FindOptions, select: Select, conflicts: WithConflicts
) -> Found:
    """Do a query; `index` is what holds the plan's rows, or None for the index over ids."""
    begun = time.perf_counter()
    after = _position(options.bookmark, plan)
    found = Found([], options.bookmark or _NO_BOOKMARK)
    if options.limit == 0:
        return found
    if index is None:
        with db.reader() as connection:
            _collect(_by_id(connection, plan, options, after, found), options, select, conflicts, found, plan)
    else:
        with index.reading() as connection:
            rows = _by_index(db, index, connection, plan, options, after, found)
            _collect(rows, options, select, conflicts, found, plan)
    found.seconds = time.perf_counter() - begun
    return found


def _collect(
    batches: Iterable[list[Candidate]],
    options: FindOptions,
    select: Select,
    conflicts: WithConflicts,
    found: Found,
    plan: Plan,
) -> None:
    """Take what matches until the page is full. A page that follows a bookmark skips nothing."""
    skip = 0 if options.bookmark else options.skip
    paths = options.paths()
    for batch in batches:
        found.docs_examined += len(batch)
        for candidate, good in zip(batch, select(options.selector, [each.body for each in batch]), strict=True):
            if not good:
                continue
            if skip:
                skip -= 1
                continue
            body = conflicts(candidate.id, candidate.body) if options.conflicts else candidate.body
            found.docs.append(_projected(body, paths))
            found.bookmark = _bookmark(plan, candidate.position)
            if len(found.docs) == options.limit:
                return


def _projected(body: bytes, paths: Sequence[fields.Path]) -> bytes:
    return _encode(fields.project(msgspec.json.decode(body), paths)) if paths else body


def _sizes(options: FindOptions) -> Iterator[int]:
    """How many documents to look at: few at first, as many may match; then more."""
    size = min(max(options.limit + options.skip, SMALLEST), LARGEST)
    while True:
        yield size
        size = LARGEST


def _by_index(
    db: Database,
    index: Index,
    connection: apsw.Connection,
    plan: Plan,
    options: FindOptions,
    after: bytes | None,
    found: Found,
) -> Iterator[list[Candidate]]:
    place = index.group.place(plan.index.name)
    within = _beyond(plan.range(), after, options.descending)
    rows = index.reader(connection, place.map).rows(within, options.descending, 0, -1)
    for size in _sizes(options):
        batch = [(key, msgspec.json.decode(row, type=_RowId).id) for _, (key, row) in zip(range(size), rows)]  # noqa: B905
        if not batch:
            return
        found.keys_examined += len(batch)
        bodies = db.get_winners([doc_id for _, doc_id in batch])
        yield [Candidate(key, doc_id, bodies[doc_id]) for key, doc_id in batch if doc_id in bodies]


class _RowId(msgspec.Struct):
    id: str


class _DocRow(msgspec.Struct):
    id: str
    doc: msgspec.Raw = msgspec.Raw(b"null")


_decode_rows = msgspec.json.Decoder(list[_DocRow]).decode


def _by_id(
    connection: apsw.Connection, plan: Plan, options: FindOptions, after: bytes | None, found: Found
) -> Iterator[list[Candidate]]:
    span = _id_span(plan, options, None if after is None else after.decode())
    for page in listing.pages(connection, span, docs=True):
        rows = _decode_rows(b"[" + page + b"]")
        found.keys_examined += len(rows)
        docs = [row for row in rows if not row.id.startswith("_design/")]
        for at in range(0, len(docs), LARGEST):
            part = docs[at : at + LARGEST]
            yield [Candidate(row.id.encode(), row.id, bytes(row.doc)) for row in part]


def _id_span(plan: Plan, options: FindOptions, after: str | None) -> listing.Range:
    [bounds] = plan.bounds
    low = bounds.low if isinstance(bounds.low, str) else None
    high = bounds.high if isinstance(bounds.high, str) else None
    low_inclusive, high_inclusive = not bounds.low_open, not bounds.high_open
    if after is not None and options.descending:
        high, high_inclusive = after, False
    elif after is not None:
        low, low_inclusive = after, False
    return listing.Range(low, high, low_inclusive, high_inclusive, options.descending)


def _beyond(within: Range, after: bytes | None, descending: bool) -> Range:
    """What is left of a range after a position."""
    if after is None:
        return within
    return Range(within.start, after) if descending else Range(after + b"\x00", within.end)


def _bookmark(plan: Plan, position: bytes) -> str:
    index = plan.index.ddoc or "", plan.index.name
    return base64.urlsafe_b64encode(msgspec.msgpack.encode((*index, position))).decode().rstrip("=")


def _position(bookmark: str | None, plan: Plan) -> bytes | None:
    """Where the page before ended. BadRequest when the bookmark is no bookmark, or another index's."""
    if not bookmark:
        return None
    try:
        text = base64.b64decode(bookmark + "=" * (-len(bookmark) % 4), altchars=b"-_", validate=True)
        ddoc, name, position = msgspec.msgpack.decode(text, type=tuple[str, str, bytes])
    except (binascii.Error, ValueError):
        raise _invalid_bookmark(bookmark) from None
    if (ddoc, name) != (plan.index.ddoc or "", plan.index.name):
        raise _invalid_bookmark(bookmark)
    return position


def _invalid_bookmark(bookmark: str) -> BadRequest:
    return BadRequest(f'Invalid bookmark value: "{bookmark}"', "invalid_bookmark")
