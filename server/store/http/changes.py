"""The changes feed: at once, once something happens, or for ever."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from server.store.database import Database, Stored, feed, parse_seq
from server.store.database.feed import Shape
from server.store.errors import BadRequest
from server.store.http import filters, reading
from server.store.http.request import Request
from server.store.http.response import Response, raw_json
from server.store.http.routing import Route

_PAGE = 1000
_SMALL = 100
_FEEDS = ("normal", "longpoll", "continuous", "eventsource")
_HEARTBEAT = 60_000
_ENDLESS = 1 << 62


@dataclass(slots=True)
class Options:
    """What a feed was asked for. Times in seconds, None for never."""

    feed: str
    since: int
    limit: int
    shape: Shape
    heartbeat: float | None
    timeout: float


async def changes(request: Request) -> Response:
    """GET and POST /{db}/_changes"""
    body: dict[str, Any] = {}
    if request.method == "POST":
        body = await _body(request)
    options = _options(request, await filters.choose(request, body))
    if options.feed == "normal":
        return await _normal(request.db, options)
    if options.feed == "longpoll":
        return Response(200, _watched(request, _longpoll(request.db, options)))
    if options.feed == "eventsource":
        pieces = _endless(request.db, options, _event, b"event: heartbeat\ndata: \n\n")
        headers = {"content-type": "text/event-stream", "cache-control": "no-cache"}
        return Response(200, _watched(request, pieces), headers)
    return Response(200, _watched(request, _continuous(request.db, options)))


async def _body(request: Request) -> dict[str, Any]:
    text = await request.body()
    if not text.strip():
        return {}
    request.require_json()
    value = filters.decode(text)
    if not isinstance(value, dict):
        raise BadRequest("Request body must be a JSON object")
    return value


def _options(request: Request, wanted: feed.Filter | None) -> Options:
    kind = request.query.get("feed", "normal")
    if kind not in _FEEDS:
        raise BadRequest("Supported `feed` types: normal, continuous, live, longpoll, eventsource")
    descending = request.flag("descending")
    docs = request.flag("include_docs")
    style = request.query.get("style", "main_only")
    shape = Shape(docs, style == "all_docs", descending, _document(request) if docs else None, wanted)
    since = _since(request)
    if descending:
        since = _ENDLESS
    timeout = request.number("timeout", int(request.server.settings.changes_timeout * 1000)) / 1000
    limit = max(1, request.number("limit", _ENDLESS))
    return Options(kind, since, limit, shape, _heartbeat(request), timeout)


def _document(request: Request) -> Callable[[Stored], bytes] | None:
    """How to show a document, when it takes more than its row."""
    names = ("conflicts", "attachments", "att_encoding_info")
    options = {name: True for name in names if request.flag(name)}
    if not options:
        return None
    return lambda found: reading.document(request.db, found, options)


def _since(request: Request) -> int:
    given = request.header("last-event-id") or request.query.get("last-event-id") or request.query.get("since", "0")
    return request.db.update_seq() if given == "now" else parse_seq(given)


def _heartbeat(request: Request) -> float | None:
    given = request.query.get("heartbeat")
    if given is None or given == "false":
        return None
    if given == "true":
        return _HEARTBEAT / 1000
    number = request.number("heartbeat", _HEARTBEAT)
    if number < 1:
        raise BadRequest("The heartbeat value should be a positive integer (in milliseconds).")
    return number / 1000


async def _normal(db: Database, options: Options) -> Response:
    if options.limit <= _SMALL and options.shape.wanted is None:
        return raw_json(b"".join([piece async for piece in _pages(db, options, inline=True)]))
    return Response(200, _with_newline(_pages(db, options)))


async def _with_newline(pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    async for piece in pieces:
        yield piece
    yield b"\n"


async def _pages(db: Database, options: Options, *, inline: bool = False) -> AsyncIterator[bytes]:
    yield b'{"results":[\n'
    since, left, first = options.since, options.limit, True
    while left > 0:
        ask = min(_PAGE, left) if options.shape.wanted is None else _PAGE
        page = (
            feed.page(db, options.shape, since, ask)
            if inline
            else await asyncio.to_thread(feed.page, db, options.shape, since, ask)
        )
        rows = page.rows[:left]
        if rows:
            yield (b"" if first else b",\n") + b",\n".join(rows)
            first = False
        left -= len(rows)
        since = page.last
        if page.seen < ask:
            break
    yield _end(db, options, since, first)


def _end(db: Database, options: Options, since: int, empty: bool) -> bytes:
    pending = 0 if options.shape.descending else feed.count_after(db, since)
    if not pending and not options.shape.descending:
        since = max(since, db.update_seq())
    tail = b"" if empty else b"\n"
    return tail + b'],\n"last_seq":"%s","pending":%d}' % (db.seq_text(since).encode(), pending)


async def _longpoll(db: Database, options: Options) -> AsyncIterator[bytes]:
    yield b'{"results":[\n'
    with _Bell(db) as bell:
        since, count = options.since, 0
        async for item in _batches(db, options, bell):
            if isinstance(item, bytes):
                yield item
                continue
            rows, since = item
            rows = rows[: options.limit - count]
            if rows:
                yield (b",\n" if count else b"") + b",\n".join(rows)
                count += len(rows)
            elif count == 0:
                continue
            break
    yield (b"\n" if count else b"") + b'],\n"last_seq":"%s","pending":%d}\n' % (
        db.seq_text(since).encode(),
        feed.count_after(db, since),
    )


async def _continuous(db: Database, options: Options) -> AsyncIterator[bytes]:
    last = options.since
    with _Bell(db) as bell:
        left = options.limit
        async for item in _batches(db, options, bell):
            if isinstance(item, bytes):
                yield item
                continue
            rows, last = item
            if rows:
                yield b"\n".join(rows[:left]) + b"\n"
                left -= len(rows[:left])
            if left <= 0:
                break
    pending = feed.count_after(db, last)
    yield b'{"last_seq":"%s","pending":%d}\n' % (db.seq_text(last).encode(), pending)


async def _endless(db: Database, options: Options, show: Callable[[bytes], bytes], beat: bytes) -> AsyncIterator[bytes]:
    with _Bell(db) as bell:
        left = options.limit
        async for item in _batches(db, options, bell):
            if isinstance(item, bytes):
                yield beat
                continue
            yield b"".join(show(row) for row in item[0][:left])
            left -= len(item[0][:left])
            if left <= 0:
                return


async def _batches(db: Database, options: Options, bell: "_Bell") -> AsyncIterator[bytes | tuple[list[bytes], int]]:
    """Rows as they come with the sequence number after them, and newlines as heartbeats while nothing does."""
    since = options.since
    while True:
        bell.clear()
        page = await asyncio.to_thread(feed.page, db, options.shape, since, min(_PAGE, options.limit))
        if page.seen:
            since = page.last
            yield page.rows, since
            continue
        while not await bell.wait(options.heartbeat or options.timeout):
            if options.heartbeat is None:
                return
            yield b"\n"
        if db.closed:
            return


class _Bell:
    """Rings in the event loop when a database has new changes."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._loop = asyncio.get_running_loop()
        self._event = asyncio.Event()

    def __enter__(self) -> "_Bell":
        self._stop = self._db.listen(self._ring)
        return self

    def __exit__(self, *exc: object) -> None:
        self._stop()

    def clear(self) -> None:
        """Forget rings so far."""
        self._event.clear()

    async def wait(self, seconds: float) -> bool:
        """True when it rang, False when the time is over."""
        try:
            async with asyncio.timeout(seconds):
                await self._event.wait()
        except TimeoutError:
            return False
        return True

    def _ring(self, _: Database) -> None:
        with suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._event.set)


async def _watched(request: Request, pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """The pieces until the client goes away."""
    gone = asyncio.ensure_future(_disconnected(request))
    try:
        while True:
            step = asyncio.ensure_future(anext(pieces, None))
            await asyncio.wait((step, gone), return_when=asyncio.FIRST_COMPLETED)
            if not step.done():
                step.cancel()
                with suppress(asyncio.CancelledError):
                    await step
                return
            piece = step.result()
            if piece is None:
                return
            yield piece
    finally:
        gone.cancel()
        await pieces.aclose()  # type: ignore[attr-defined]


async def _disconnected(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


def _event(row: bytes) -> bytes:
    seq = row[len(b'{"seq":') : row.index(b',"id":')]
    return b"data: " + row + b"\nid: " + seq + b"\n\n"


routes = [Route("database", "_changes", {"GET": changes, "POST": changes})]
