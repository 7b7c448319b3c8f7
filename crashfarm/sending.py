"""Requests that leave in one piece: a server that got the head alone would wake up for it, and again for the body."""

from http.client import HTTPConnection
from typing import Any

SMALL = 1 << 20
"""Bytes of a body up to which it is sent along with the head: larger ones are not copied for it."""


class OnePiece(HTTPConnection):
    """A connection that sends a request's head and its body, if that is small, in one go."""

    _held: list[bytes] | None = None

    def endheaders(self, message_body: Any = None, *, encode_chunked: bool = False) -> None:
        """Send the head, and the body with it."""
        if not isinstance(message_body, bytes) or len(message_body) > SMALL:
            super().endheaders(message_body, encode_chunked=encode_chunked)
            return
        held: list[bytes] = []
        self._held = held
        try:
            super().endheaders(message_body)
        finally:
            self._held = None
        super().send(b"".join(held))

    def send(self, data: Any) -> None:
        """Send, or hold back what is to be sent with more."""
        if self._held is None:
            super().send(data)
        else:
            self._held.append(data)
