"""A small HTTP client that costs little: many keep-alive connections, requests made beforehand."""

import asyncio
import time
from collections.abc import Iterable, Iterator
from urllib.parse import urlsplit


class Connection(asyncio.Protocol):
    """Sends one request after the other from a shared supply, each when the answer to the last is complete."""

    def __init__(self, supply: Iterator[bytes], done: "asyncio.Future[None]") -> None:
        self._supply = supply
        self._done = done
        self._received = bytearray()
        self.errors: list[bytes] = []
        self.count = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._next()

    def data_received(self, data: bytes) -> None:
        """Go on as soon as an answer is whole."""
        self._received += data
        if _is_whole(self._received):
            self.count += 1
            if self._received[9:10] not in (b"2", b"3"):
                self.errors.append(bytes(self._received[:400]))
            self._received.clear()
            self._next()

    def connection_lost(self, exc: Exception | None) -> None:
        """The server hung up, or the supply has ended."""
        if not self._done.done():
            self._done.set_result(None)

    def _next(self) -> None:
        request = next(self._supply, None)
        if request is None:
            self._transport.close()
        else:
            self._transport.write(request)


def rate(url: str, requests: Iterable[bytes], clients: int) -> float:
    """Requests answered per second by so many connections at a time; AssertionError unless all succeed."""
    return asyncio.run(_rate(url, list(requests), clients))


async def _rate(url: str, requests: list[bytes], clients: int) -> float:
    loop = asyncio.get_running_loop()
    parts = urlsplit(url)
    supply = iter(requests)
    begun = time.perf_counter()
    waiting, connections = [], []
    for _ in range(clients):
        done: asyncio.Future[None] = loop.create_future()
        _, connection = await loop.create_connection(lambda d=done: Connection(supply, d), parts.hostname, parts.port)
        waiting.append(done)
        connections.append(connection)
    await asyncio.gather(*waiting)
    seconds = time.perf_counter() - begun
    answered = sum(each.count for each in connections)
    errors = [error for each in connections for error in each.errors]
    assert answered == len(requests) and not errors, f"{answered} of {len(requests)} answered, errors: {errors[:1]}"
    return answered / seconds


def request(method: str, path: str, credentials: str, body: bytes = b"") -> bytes:
    """A request's bytes."""
    head = f"{method} {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Basic {credentials}\r\n"
    if body:
        head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
    return head.encode() + b"\r\n" + body


def _is_whole(data: bytearray) -> bool:
    end = data.find(b"\r\n\r\n")
    if end < 0:
        return False
    head = bytes(data[:end]).lower()
    at = head.find(b"content-length:")
    if at < 0:
        return len(data) > end + 4 and data.endswith(b"\r\n0\r\n\r\n")
    stop = head.find(b"\r\n", at)
    return len(data) >= end + 4 + int(head[at + 15 : stop if stop > 0 else end])
