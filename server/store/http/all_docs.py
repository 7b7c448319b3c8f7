"""All documents, by id."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from typing import Any

import msgspec

from server.store.database import Database, listing
from server.store.database.listing import Range
from server.store.errors import BadRequest, QueryParseError
from server.store.http import reading
from server.store.http.request import Request
from server.store.http.response import Response, raw_json
from server.store.http.routing import Route

_SMALL = 50
_BOUNDS = frozenset(("key", "startkey", "start_key", "endkey", "end_key"))
_DESIGNS = Range("_design/", "_design0", high_inclusive=False)


async def all_docs(request: Request) -> Response:
    """GET and POST /{db}/_all_docs, and /{db}/_all_docs/queries"""
    if request.parts[2:] == ("queries",):
        return await _queries(request)
    return await _answer(request, await options_of(request), None)


async def design_docs(request: Request) -> Response:
    """GET and POST /{db}/_design_docs"""
    if request.parts[2:] == ("queries",):
        return await _queries(request)
    return await _answer(request, await options_of(request), _DESIGNS)


async def _answer(request: Request, options: dict[str, Any], within: Range | None) -> Response:
    db, docs = request.db, options.get("include_docs") is True
    if "keys" in options:
        return raw_json(await asyncio.to_thread(_by_keys, db, options, within))
    span = span_of(options, within)
    if options.get("conflicts") is True and docs:
        return raw_json(await asyncio.to_thread(_with_conflicts, db, options, span))
    if span.limit is not None and span.limit <= _SMALL:
        return raw_json(b"".join(_pieces(db, options, span, within)))
    return Response(200, _streamed(_pieces(db, options, span, within, newline=True)))


async def _queries(request: Request) -> Response:
    body = await request.json_object(typed=False)
    queries = body.get("queries")
    if not isinstance(queries, list) or not all(isinstance(each, dict) for each in queries):
        raise BadRequest("`queries` must be an array of objects.")
    within = _DESIGNS if request.parts[1] == "_design_docs" else None
    answers = await asyncio.to_thread(lambda: [_whole(request.db, each, within) for each in queries])
    return raw_json(b'{"results":[\r\n' + b",\r\n".join(answers) + b"\r\n]}")


def _whole(db: Database, options: dict[str, Any], within: Range | None) -> bytes:
    if "keys" in options:
        return _by_keys(db, options, within)
    return b"".join(_pieces(db, options, span_of(options, within), within))


def _pieces(
    db: Database, options: dict[str, Any], span: Range, within: Range | None, *, newline: bool = False
) -> Iterator[bytes]:
    docs = options.get("include_docs") is True
    with db.reader() as connection:
        total = db.doc_count() if within is None else listing.count(connection, within)
        before = 0 if within is None else listing.offset(connection, within)
        offset = min(total, listing.offset(connection, span) - before)
        seq = (
            b',"update_seq":"%s"' % db.seq_text(db.update_seq()).encode() if options.get("update_seq") is True else b""
        )
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


def _by_keys(db: Database, options: dict[str, Any], within: Range | None) -> bytes:
    keys, docs = options["keys"], options.get("include_docs") is True
    check_keys(options)
    if within is not None:
        keys = [key for key in keys if isinstance(key, str) and key.startswith("_design/")]
    if options.get("descending") is True:
        keys = keys[::-1]
    skip = _whole_number(options, "skip", 0) or 0
    limit = _whole_number(options, "limit", None)
    keys = keys[skip:] if limit is None else keys[skip : skip + limit]
    with db.reader() as connection:
        rows = [listing.by_key(connection, key, docs=docs) for key in keys]
        total = db.doc_count() if within is None else listing.count(connection, within)
    return b'{"total_rows":%d,"offset":null,"rows":[\r\n%s\r\n]}' % (total, b",\r\n".join(rows))


def check_keys(options: dict[str, Any]) -> None:
    """BadRequest unless `keys` is a list, and alone in saying which documents are wanted."""
    if not isinstance(options["keys"], list):
        raise BadRequest("`keys` body member must be an array.")
    if not options.keys().isdisjoint(_BOUNDS):
        raise QueryParseError("`keys` is incompatible with `key`, `start_key` and `end_key`")


def _with_conflicts(db: Database, options: dict[str, Any], span: Range) -> bytes:
    """Rows made one by one, for a document's conflicts are not in its row."""
    ids = []
    with db.reader() as connection:
        for page in listing.pages(connection, span, docs=False):
            ids += [row["id"] for row in msgspec.json.decode(b"[" + page + b"]")]
        offset = listing.offset(connection, span)
    rows = []
    for doc_id in ids:
        found = db.winner(doc_id)
        if found is not None:
            quoted = msgspec.json.encode(doc_id)
            doc = reading.document(db, found, {"conflicts": True})
            rows.append(b'{"id":%s,"key":%s,"value":{"rev":"%s"},"doc":%s}' % (quoted, quoted, found.rev.encode(), doc))
    return b'{"total_rows":%d,"offset":%d,"rows":[\r\n%s\r\n]}' % (db.doc_count(), offset, b",\r\n".join(rows))


async def options_of(request: Request) -> dict[str, Any]:
    """The options of a listing, from the address and the body."""
    options: dict[str, Any] = {}
    for name in request.query:
        if name == "keys" or name in _BOUNDS:
            options[name] = request.json_option(name)
        elif name in ("limit", "skip"):
            options[name] = request.number(name, 0)
        elif name in ("include_docs", "descending", "inclusive_end", "conflicts", "update_seq"):
            options[name] = request.flag(name)
    if request.method == "POST":
        options |= await request.json_object()
    return options


def span_of(options: dict[str, Any], within: Range | None = None) -> Range:
    """The range of ids that the options of a listing ask for."""
    descending = options.get("descending") is True
    start = _bound(options, "startkey", "start_key")
    end = _bound(options, "endkey", "end_key")
    inclusive = options.get("inclusive_end") is not False
    if "key" in options:
        # No id is empty: a key that is no text finds nothing.
        start = end = _bound(options, "key")
        inclusive = True
    low, high = (end, start) if descending else (start, end)
    span = Range(
        low,
        high,
        low_inclusive=not descending or inclusive,
        high_inclusive=descending or inclusive,
        descending=descending,
        skip=_whole_number(options, "skip", 0) or 0,
        limit=_whole_number(options, "limit", None),
    )
    return span if within is None else _narrowed(span, within)


def _bound(options: dict[str, Any], *names: str) -> str | None:
    """The end of a range of ids by one of its names: what is no string stands before all of them."""
    for name in names:
        if name in options:
            return options[name] if isinstance(options[name], str) else ""
    return None


def _narrowed(span: Range, within: Range) -> Range:
    low, high = span.low, span.high
    if low is None or low < (within.low or ""):
        span = replace(span, low=within.low, low_inclusive=True)
    if high is None or high >= (within.high or ""):
        span = replace(span, high=within.high, high_inclusive=False)
    return span


def _whole_number(options: dict[str, Any], name: str, default: int | None) -> int | None:
    value = options.get(name, default)
    if value is None or (isinstance(value, int) and not isinstance(value, bool) and value >= 0):
        return value
    raise QueryParseError(f"Invalid value for {name}: {value}")


routes = [
    Route("database", "_all_docs", {"GET": all_docs, "POST": all_docs}),
    Route("database", "_design_docs", {"GET": design_docs, "POST": design_docs}),
]
