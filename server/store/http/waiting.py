"""What feeds have in common: a bell that rings for news, and noticing that the client has gone."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import suppress

from server.store.errors import BadRequest
from server.store.http.request import Request

_HEARTBEAT_SECONDS = 60.0

#: Registers a function to call when there is news, from any thread; gives one that ends it.
Listen = Callable[[Callable[[], None]], Callable[[], None]]


class Bell:
    """Rings in the event loop when there is news."""

    def __init__(self, listen: Listen) -> None:
        self._listen = listen
        self._loop = asyncio.get_running_loop()
        self._event = asyncio.Event()

    def __enter__(self) -> "Bell":
        self._stop = self._listen(self._ring)
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

    def _ring(self) -> None:
        with suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._event.set)


async def watched(request: Request, pieces: AsyncGenerator[bytes, None]) -> AsyncGenerator[bytes, None]:
    """The pieces until the client goes away."""
    gone = asyncio.ensure_future(_disconnected(request))
    request.server.feeds.add(gone)
    step: asyncio.Future[bytes | None] | None = None
    try:
        while True:
            step = asyncio.ensure_future(anext(pieces, None))
            await asyncio.wait((step, gone), return_when=asyncio.FIRST_COMPLETED)
            piece = step.result() if step.done() else None
            if piece is None:
                return
            yield piece
    finally:
        gone.cancel()
        request.server.feeds.discard(gone)
        if step is not None and not step.done():
            step.cancel()
            with suppress(asyncio.CancelledError):
                await step
        await pieces.aclose()


async def _disconnected(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


def heartbeat(request: Request) -> float | None:
    """How often to show signs of life, in seconds; None for never."""
    given = request.query.get("heartbeat")
    if given is None or given == "false":
        return None
    if given == "true":
        return _HEARTBEAT_SECONDS
    if not given.lstrip("-").isdigit():
        raise BadRequest("Invalid heartbeat value. Expecting a positive integer value (in milliseconds).")
    number = int(given)
    if number < 1:
        raise BadRequest("The heartbeat value should be a positive integer (in milliseconds).")
    return number / 1000


def timeout(request: Request) -> float:
    """How long to wait for news, in seconds."""
    return request.number("timeout", int(request.server.settings.changes_timeout * 1000)) / 1000
