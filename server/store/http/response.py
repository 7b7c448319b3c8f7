"""Answers on their way out."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any

import msgspec

from server.store.errors import StoreError

Send = Callable[[dict[str, Any]], Awaitable[None]]
_encode = msgspec.json.Encoder().encode


class Response:
    """A status, headers (names in lower case) and a body: bytes, or pieces that are sent as they come."""

    __slots__ = ("body", "headers", "status")

    def __init__(
        self, status: int, body: bytes | AsyncIterator[bytes] = b"", headers: Mapping[str, str] | None = None
    ) -> None:
        self.status = status
        self.body = body
        self.headers: dict[str, str] = dict(headers) if headers else {}


def json_response(value: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """A value as JSON with the newline that CouchDB ends its answers with."""
    return Response(status, _encode(value) + b"\n", headers)


def raw_json(body: bytes, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Text that is JSON already."""
    return Response(status, body + b"\n", headers)


def error_response(error: StoreError) -> Response:
    """The answer that an error stands for."""
    return json_response({"error": error.error, "reason": error.reason}, error.status, error.headers)
