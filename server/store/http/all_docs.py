"""All documents, by id."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from typing import Any

import msgspec

from server.store.database import Database, listing
from server.store.database.listing import Range
from server.store.errors import QueryParseError
from server.store.http import reading
from server.store.http.request import Request
from server.store.http.response import Response, raw_json
from server.store.http.routing import Route
from server.store.views import options

_SMALL = 50
#: Documents that are counted without a thread, to tell how many stand before a row.
_COUNTED = 5000
_DESIGNS = Range("_design/", "_design0", high_inclusive=False)


async def all_docs(request: Request) -> Response:
    """GET and POST /{db}/_all_docs"""
    return await _answer(request, await options_of(request), None)


async def design_docs(request: Request) -> Response:
    """GET and POST /{db}/_design_docs"""
    return await _answer(request, await options_of(request), _DESIGNS)


async def _answer(request: Request, given: dict[str, Any], within: Range | None) -> Response:
    db, docs = request.db, given.get("include_docs") is True
    if "keys" in given:
        return raw_json(await asyncio.to_thread(_by_keys, db, given, within))
    span = span_of(given, within)
    if given.get("conflicts") is True and docs:
        return raw_json(await asyncio.to_thread(_with_conflicts, db, given, span))
    if span.limit is not None and span.limit <= _SMALL:
        pieces = _pieces(db, given, span, within)
        return raw_json(b"".join(pieces) if _is_near(db, span) else await asyncio.to_thread(b"".join, pieces))
    return Response(200, _streamed(_pieces(db, given, span, within, newline=True)))


async def queries(request: Request) -> Response:
    """POST /{db}/_all_docs/queries and /{db}/_design_docs/queries"""
    asked = [one_of(request, each) for each in await request.queries(typed=False)]
    within = _DESIGNS if request.parts[1] == "_design_docs" else None
    answers = await asyncio.to_thread(lambda: [_whole(request.db, each, within) for each in asked])
    return raw_json(b'{"results":[\r\n' + b",\r\n".join(answers) + b"\r\n]}")


def _is_near(db: Database, span: Range) -> bool:
    """Whether the first row of a range is soon found, and how many documents stand before it."""
    start = span.high if span.descending else span.low
    if span.skip > _COUNTED:
        return False
    return start is None or db.ranks.nearest(start, db.doc_count()).most <= _COUNTED


def _whole(db: Database, given: dict[str, Any], within: Range | None) -> bytes:
    if "keys" in given:
        return _by_keys(db, given, within)
    return b"".join(_pieces(db, given, span_of(given, within), within))


def _pieces(
    db: Database, given: dict[str, Any], span: Range, within: Range | None, *, newline: bool = False
) -> Iterator[bytes]:
    docs = given.get("include_docs") is True
    with db.reader() as connection:
        total = db.doc_count() if within is None else listing.count(connection, within)
        offset = min(total, listing.offset(connection, db.ranks, db.doc_count(), span))
        seq = b',"update_seq":"%s"' % db.seq_text(db.update_seq()).encode() if given.get("update_seq") is True else b""
        yield b'{"total_rows":%d,"offset":%d%s,"rows":[\r\n' % (total, offset, seq)
        for number, page in enumerate(listing.pages(connection, span, docs=docs)):
            yield b",\r\n" + page if number else page
        yield b"\r\n]}\n" if newline else b"\r\n]}"


async def _streamed(pieces: Iterator[bytes]) -> AsyncIterator[bytes]:
    """Pieces made in a thread, so that a long listing holds nobody up."""
    while True:
        piece = await asyncio.to_thread(next, pieces, None)
        if piece is None:
            return
        yield piece


def _by_keys(db: Database, given: dict[str, Any], within: Range | None) -> bytes:
    keys, docs = given["keys"], given.get("include_docs") is True
    if within is not None:
        keys = [key for key in keys if isinstance(key, str) and key.startswith("_design/")]
    if given.get("descending") is True:
        keys = keys[::-1]
    skip, limit = given.get("skip", 0), given.get("limit")
    keys = keys[skip:] if limit is None else keys[skip : skip + limit]
    with db.reader() as connection:
        rows = listing.by_keys(connection, keys, docs=docs)
        total = db.doc_count() if within is None else listing.count(connection, within)
    return b'{"total_rows":%d,"offset":null,"rows":[\r\n%s\r\n]}' % (total, b",\r\n".join(rows))


def _with_conflicts(db: Database, given: dict[str, Any], span: Range) -> bytes:
    """Rows made one by one, for a document's conflicts are not in its row."""
    ids = []
    with db.reader() as connection:
        for page in listing.pages(connection, span, docs=False):
            ids += [row["id"] for row in msgspec.json.decode(b"[" + page + b"]")]
        offset = listing.offset(connection, db.ranks, db.doc_count(), span)
    rows = []
    for doc_id in ids:
        found = db.winner(doc_id)
        if found is not None:
            quoted = msgspec.json.encode(doc_id)
            doc = reading.document(db, found, {"conflicts": True})
            rows.append(b'{"id":%s,"key":%s,"value":{"rev":"%s"},"doc":%s}' % (quoted, quoted, found.rev.encode(), doc))
    return b'{"total_rows":%d,"offset":%d,"rows":[\r\n%s\r\n]}' % (db.doc_count(), offset, b",\r\n".join(rows))


async def options_of(request: Request) -> dict[str, Any]:
    """The options of a listing, from the address and the body; the address wins."""
    if request.method == "POST":
        body = await request.json_object()
        options.check_keys(body, "body member")
        return _checked(options.of_body(body) | options.of_address(request.query))
    if "keys" in request.query:
        options.check_keys({"keys": request.json_option("keys")}, "parameter")
    return _checked(options.of_address(request.query))


def one_of(request: Request, asked: dict[str, Any]) -> dict[str, Any]:
    """The given of one of several queries, which go before the address; a single key is a range, as with views."""
    given = options.of_address(request.query) | options.of_body(asked)
    if len(given.get("keys", ())) == 1:
        given["start"] = given["end"] = given.pop("keys")[0]
    return _checked(given)


def _checked(given: dict[str, Any]) -> dict[str, Any]:
    """QueryParseError for what a listing cannot do."""
    if given.get("reduce"):
        raise QueryParseError("Reduce is invalid for map-only views.")
    if given.get("group") or given.get("group_level"):
        raise QueryParseError("Invalid use of grouping on a map view.")
    if "keys" in given and not given.keys().isdisjoint({"start", "end"}):
        raise QueryParseError("`keys` is incompatible with `key`, `start_key` and `end_key`")
    return given


def span_of(given: dict[str, Any], within: Range | None = None) -> Range:
    """The range of ids that the given of a listing ask for."""
    descending = given.get("descending") is True
    start, end = _bound(given, "start"), _bound(given, "end")
    inclusive = given.get("inclusive_end") is not False
    low, high = (end, start) if descending else (start, end)
    span = Range(
        low,
        high,
        low_inclusive=not descending or inclusive,
        high_inclusive=descending or inclusive,
        descending=descending,
        skip=given.get("skip", 0),
        limit=given.get("limit"),
    )
    return span if within is None else _narrowed(span, within)


def _bound(given: dict[str, Any], name: str) -> str | None:
    """An end of a range of ids; what is no text stands before all of them, for no id is empty."""
    if name not in given:
        return None
    return given[name] if isinstance(given[name], str) else ""


def _narrowed(span: Range, within: Range) -> Range:
    low, high = span.low, span.high
    if low is None or low < (within.low or ""):
        span = replace(span, low=within.low, low_inclusive=True)
    if high is None or high >= (within.high or ""):
        span = replace(span, high=within.high, high_inclusive=False)
    return span


routes = [
    Route("database", "_all_docs", {"GET": all_docs, "POST": all_docs}),
    Route("database", "_all_docs/queries", {"POST": queries}),
    Route("database", "_design_docs", {"GET": design_docs, "POST": design_docs}),
    Route("database", "_design_docs/queries", {"POST": queries}),
]
