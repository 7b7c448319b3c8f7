"""The changes feed: at once, once something happens, or for ever."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from typing import Any

from server.store.database import Database, Stored, feed, parse_seq
from server.store.database.feed import Shape
from server.store.errors import BadRequest
from server.store.feeds import Group, Rule, Sign
from server.store.http import filters, reading, waiting
from server.store.http.request import Request
from server.store.http.response import Response, raw_json
from server.store.http.routing import Route

#: Changes that are read at once, and those that are judged at once by a filter that is quick.
_SMALL = 100
_FEW = 20
#: Changes that are passed over at once.
_PASSED = 1000
_BEAT_EVENT = b"event: heartbeat\ndata: \n\n"
_FEEDS = ("normal", "longpoll", "continuous", "live", "eventsource")
_ENDLESS = 1 << 62


@dataclass(slots=True)
class Options:
    """What a feed was asked for, and how far it has come. Times in seconds, None for never."""

    feed: str
    #: The feeds with the same filter.
    group: Group
    since: int
    limit: int
    shape: Shape
    heartbeat: float | None
    timeout: float
    interval: int
    #: Where the rows are made: functions of design documents have threads of their own.
    threads: Executor | None


async def changes(request: Request) -> Response:
    """GET and POST /{db}/_changes"""
    body: dict[str, Any] = {}
    if request.method == "POST":
        body = await _body(request)
    options = _options(request, await filters.choose(request, body))
    if options.feed == "normal":
        return await _normal(request.db, options)
    if options.feed == "longpoll":
        return Response(200, waiting.watched(request, _longpoll(request.db, options)))
    if options.feed == "eventsource":
        headers = {"content-type": "text/event-stream", "cache-control": "no-cache"}
        return Response(200, waiting.watched(request, _events(request.db, options)), headers)
    return Response(200, waiting.watched(request, _continuous(request.db, options)))


async def _body(request: Request) -> dict[str, Any]:
    text = await request.body()
    if not text.strip():
        return {}
    request.require_json()
    value = filters.decode(text)
    if not isinstance(value, dict):
        raise BadRequest("Request body must be a JSON object")
    return value


def _options(request: Request, rule: Rule) -> Options:
    kind = request.query.get("feed", "normal")
    if kind not in _FEEDS:
        raise BadRequest("Supported `feed` types: normal, continuous, live, longpoll, eventsource")
    descending = _wanted(request, "descending")
    docs = _wanted(request, "include_docs")
    style = request.query.get("style", "main_only")
    if style not in ("main_only", "all_docs"):
        raise BadRequest(f"Unknown style: {style}")
    since = _since(request)
    limit = request.number("limit", _ENDLESS)
    threads = request.server.script_threads
    group = request.server.boards.group(request.db, threads, rule)
    wanted = None if rule.wanted is None else group
    return Options(
        kind,
        group,
        _ENDLESS if descending else since,
        limit if kind == "normal" else max(1, limit),
        Shape(docs, style == "all_docs", descending, _document(request) if docs else None, wanted),
        waiting.heartbeat(request),
        waiting.timeout(request),
        _interval(request),
        None if wanted is None else threads,
    )


def _wanted(request: Request, name: str) -> bool:
    """Of the feed's options CouchDB takes for false whatever is not `true`."""
    return request.query.get(name) == "true"


def _interval(request: Request) -> int:
    """Every how many rows a sequence is shown."""
    given = request.query.get("seq_interval", "1")
    if not given.isdigit() or int(given) < 1:
        raise BadRequest("invalid_seq_interval")
    return int(given)


def _document(request: Request) -> Callable[[Stored], bytes] | None:
    """How to show a document, when it takes more than its row."""
    names = ("conflicts", "attachments", "att_encoding_info")
    options = {name: True for name in names if _wanted(request, name)}
    if not options:
        return None
    return lambda found: reading.document(request.db, found, options)


def _since(request: Request) -> int:
    given = request.header("last-event-id") or request.query.get("last-event-id") or request.query.get("since", "0")
    return request.db.update_seq() if given == "now" else parse_seq(given)


async def _normal(db: Database, options: Options) -> Response:
    """All at once; long answers are sent page by page."""
    if options.limit == 0:
        return raw_json(b'{"results":[\n' + _end(db, options, options.since, 0))
    first = await _looked(db, options)
    if not first.more or len(first.rows) == options.limit:
        body = b'{"results":[\n' + b",\n".join(first.rows) + _end(db, options, first.last, len(first.rows))
        return raw_json(body)
    return Response(200, _pages(db, options, first))


async def _pages(db: Database, options: Options, page: feed.Page) -> AsyncGenerator[bytes, None]:
    yield b'{"results":[\n'
    count = 0
    while True:
        if page.rows:
            yield (b",\n" if count else b"") + b",\n".join(page.rows)
        count += len(page.rows)
        if not page.more or count >= options.limit:
            break
        options = replace(options, since=page.last)
        page = await _in_thread(db, options, options.limit - count)
    yield _end(db, options, page.last, count) + b"\n"


async def _looked(db: Database, options: Options) -> feed.Page:
    """The next rows: at once when there can be but few of them, in a thread otherwise."""
    group, shape = options.group, options.shape
    ahead = db.update_seq() - options.since
    if shape.descending:
        return await _in_thread(db, options)
    if ahead <= 0:
        return feed.Page([], options.since, False)
    if shape.is_plain and min(options.limit, ahead) <= _SMALL:
        return _look(db, options)
    if group.is_quick and shape.document is None and ahead <= _FEW:
        return _look(db, options)
    if not group.is_quick and ahead <= _PASSED:
        return await _in_turn(db, options, group)
    return await _in_thread(db, options)


async def _in_turn(db: Database, options: Options, group: Group) -> feed.Page:
    """The next rows of a filter that takes long: of feeds that wait for the same, only one tests what is new."""
    async with group.turn:
        return group.passed_over(options.since, _PASSED) or await _in_thread(db, options)


async def _in_thread(db: Database, options: Options, limit: int | None = None) -> feed.Page:
    return await asyncio.get_running_loop().run_in_executor(options.threads, _look, db, options, limit)


def _look(db: Database, options: Options, limit: int | None = None) -> feed.Page:
    """The next rows; all but every so many of them without their sequence, if the client wants it so."""
    page = feed.page(db, options.shape, options.since, options.limit if limit is None else limit)
    if options.interval < 2:
        return page
    numbered = enumerate(page.rows, 1)
    return page._replace(rows=[row if n % options.interval == 0 else _unnumbered(row) for n, row in numbered])


def _unnumbered(row: bytes) -> bytes:
    return b'{"seq":null' + row[row.index(b',"id":') :]


def _end(db: Database, options: Options, since: int, count: int) -> bytes:
    if options.shape.descending:
        pending = 0
    else:
        pending = feed.count_after(db, since)
        since = since if pending else max(since, db.update_seq())
    tail = b"\n" if count else b""
    return tail + b'],\n"last_seq":"%s","pending":%d}' % (db.seq_text(since).encode(), pending)


async def _longpoll(db: Database, options: Options) -> AsyncGenerator[bytes, None]:
    yield b'{"results":[\n'
    count = 0
    async for rows in _batches(db, options):
        count = len(rows)
        if count:
            yield b",\n".join(rows)
            break
        yield b"\n"
    yield _end(db, options, options.since, count) + b"\n"


async def _continuous(db: Database, options: Options) -> AsyncGenerator[bytes, None]:
    async for rows in _batches(db, options):
        yield b"\n".join(rows) + b"\n"
    pending = feed.count_after(db, options.since)
    yield b'{"last_seq":"%s","pending":%d}\n' % (db.seq_text(options.since).encode(), pending)


async def _events(db: Database, options: Options) -> AsyncGenerator[bytes, None]:
    async for rows in _batches(db, options):
        yield b"".join(map(_event, rows)) if rows else _BEAT_EVENT


async def _batches(db: Database, options: Options) -> AsyncGenerator[list[bytes], None]:
    """Rows as they come, none of them to show that the feed lives; ends at the limit, at the timeout, or with the

    database. The options tell how far it has come.
    """
    while not db.closed:
        known = db.update_seq()
        page = await _looked(db, options)
        if page.last != options.since:
            options.since = page.last
            options.limit -= len(page.rows)
            yield page.rows
            if options.limit <= 0:
                return
            continue
        with options.group.joined(max(known, options.since)) as waiter:
            sign = None if waiter is None else await waiter.sign(options.heartbeat, options.timeout)
            while waiter is not None and sign is Sign.LIFE:
                yield []
                sign = await waiter.sign(options.heartbeat, options.timeout)
        options.since = options.since if waiter is None else waiter.since
        if sign is Sign.OVER:
            return


def _event(row: bytes) -> bytes:
    seq = row[len(b'{"seq":') : row.index(b',"id":')]
    return b"data: " + row + b"\nid: " + seq + b"\n\n"


routes = [Route("database", "_changes", {"GET": changes, "POST": changes}, "GET,POST,HEAD")]
