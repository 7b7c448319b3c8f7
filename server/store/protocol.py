"""The server's side of one connection: uvicorn's, with limits on what stands before a request's body.

What is refused here is refused before there is a request to answer, so the answers are written by hand.
"""

import asyncio
import json
import re
from http import HTTPStatus

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from server.store.settings import Settings

#: A request line whose method the parser does not know is read as one that it knows and no address answers, so that it
#: gets its 405 from the router like any other.
_REQUEST_LINE = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]{1,32}) (?=/)")
_ANSWERED = frozenset(b"GET HEAD POST PUT DELETE COPY OPTIONS PATCH TRACE CONNECT PROPFIND".split())
_LINGER_SECONDS = 2.0
_STAND_IN = b"PROPFIND "


class LimitedProtocol(HttpToolsProtocol):
    """A connection that ends when too many are open, or when a request's head is too long or too slow."""

    settings: Settings
    #: Bytes received since the last complete head: an upper bound of the next one's length.
    _received = 0
    _between = True
    _in_head = True
    _late: asyncio.TimerHandle | None = None
    _has_ended = False
    _problem: tuple[int, str, str] | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        if len(self.connections) > self.settings.max_connections:
            self._refuse(503, "service_unavailable", "Too many connections are open.")
        else:
            self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_waiting()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._has_ended:
            return
        if self._between:
            data = _with_known_method(data)
        self._received += len(data)
        super().data_received(data)
        if self._has_ended or self.transport.is_closing():
            return
        if not self._in_head:
            self._received = 0
            self._stop_waiting()
        elif self._is_too_long(self._received - len(self._address())):
            self.send_400_response("")
        elif self._late is None:
            self._await_head()

    def on_message_begin(self) -> None:
        self._in_head, self._between = True, False
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        self._in_head = False
        if self._is_too_long(sum(len(name) + len(value) for name, value in self.headers)):
            raise ValueError(self._problem)
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        self._between = True
        super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        self._refuse(*(self._problem or (400, "bad_request", msg)))

    def _address(self) -> bytes:
        return getattr(self, "url", b"")

    def _is_too_long(self, headers: int) -> bool:
        """Whether the address, or headers of that length, are longer than they may be; notes what is to be said."""
        if len(self._address()) > self.settings.max_url_length:
            self._problem = 414, "uri_too_long", "The address is too long."
        elif headers > self.settings.max_header_size:
            self._problem = 431, "headers_too_long", "The headers are too long."
        return self._problem is not None

    def _await_head(self) -> None:
        self._late = self.loop.call_later(self.settings.header_timeout, self._head_is_late)

    def _stop_waiting(self) -> None:
        if self._late is not None:
            self._late.cancel()
            self._late = None

    def _head_is_late(self) -> None:
        self._refuse(408, "request_timeout", "The request did not come in time.")

    def _refuse(self, status: int, error: str, reason: str) -> None:
        """Answer by hand, and end the connection."""
        self._stop_waiting()
        body = json.dumps({"error": error, "reason": reason}).encode() + b"\n"
        head = [b"HTTP/1.1 %d %s" % (status, HTTPStatus(status).phrase.encode())]
        head += [name + b": " + value for name, value in self.server_state.default_headers]
        head += [b"content-type: application/json", b"content-length: %d" % len(body), b"connection: close", b"", b""]
        self.transport.write(b"\r\n".join(head) + body)
        # What the client still sends is read and dropped: a close at once could take the answer away from it.
        self._has_ended = True
        self.connections.discard(self)
        if self.transport.can_write_eof():
            self.transport.write_eof()
        self.loop.call_later(_LINGER_SECONDS, self.transport.close)


def limited(settings: Settings) -> type[HttpToolsProtocol]:
    """A protocol class with the limits of these settings."""
    return type("Limited", (LimitedProtocol,), {"settings": settings})


def _with_known_method(data: bytes) -> bytes:
    match = _REQUEST_LINE.match(data)
    if match is None or match[1] in _ANSWERED:
        return data
    return _STAND_IN + data[match.end() :]
