"""What happens to databases, as a feed."""

from collections.abc import AsyncGenerator

import msgspec

from server.store.errors import BadRequest
from server.store.events import Event, Events
from server.store.http import waiting
from server.store.http.request import Request
from server.store.http.response import Response, raw_json
from server.store.http.routing import Route

_encode = msgspec.json.Encoder().encode
_FEEDS = ("normal", "longpoll", "continuous", "eventsource")


async def updates(request: Request) -> Response:
    """GET /_db_updates"""
    request.require_admin()
    events = request.server.events
    since = events.parse(request.query.get("since", "0"))
    kind = request.query.get("feed", "normal")
    if kind not in _FEEDS:
        raise BadRequest("Supported `feed` types: normal, continuous, live, longpoll, eventsource")
    if kind == "normal":
        return raw_json(_whole(events, events.since(since), since))
    if kind == "longpoll":
        return Response(200, waiting.watched(request, _longpoll(request, since)))
    if kind == "continuous":
        return Response(200, waiting.watched(request, _lines(request, since, b"%s\n", b"\n")))
    pieces = _lines(request, since, b"data: %s\n\n", b"event: heartbeat\ndata: \n\n")
    return Response(200, waiting.watched(request, pieces), {"content-type": "text/event-stream"})


async def _longpoll(request: Request, since: int) -> AsyncGenerator[bytes, None]:
    events = request.server.events
    found: list[Event] = []
    async for found in _batches(request, since):
        if found:
            break
        yield b"\n"
    yield _whole(events, found, since) + b"\n"


async def _lines(request: Request, since: int, line: bytes, beat: bytes) -> AsyncGenerator[bytes, None]:
    async for found in _batches(request, since):
        yield b"".join(line % _row(request.server.events, event) for event in found) or beat


async def _batches(request: Request, since: int) -> AsyncGenerator[list[Event], None]:
    """Events as they come; an empty list for each heartbeat."""
    beat = waiting.heartbeat(request)
    with waiting.Bell(request.server.events.listen) as bell:
        while True:
            bell.clear()
            found = request.server.events.since(since)
            if found:
                since = found[-1].seq
                yield found
                continue
            while not await bell.wait(beat or waiting.timeout(request)):
                if beat is None:
                    return
                yield []


def _whole(events: Events, found: list[Event], since: int) -> bytes:
    rows = b",\n".join(_row(events, event) for event in found)
    last = events.text(found[-1].seq if found else since).encode()
    return b'{"results":[\n%s\n],\n"last_seq":"%s"}' % (rows, last)


def _row(events: Events, event: Event) -> bytes:
    return _encode({"db_name": event.name, "type": event.type, "seq": events.text(event.seq)})


routes = [Route("server", "_db_updates", {"GET": updates})]
