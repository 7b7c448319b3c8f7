"""Requests leave in one piece, or a server wakes up twice for each."""

import io
from typing import Any, cast

import pytest

from crashfarm.sending import SMALL, OnePiece


class Wire:
    """A socket that notes what is sent at once."""

    def __init__(self) -> None:
        self.sent: list[bytes] = []
        self.is_broken = False

    def sendall(self, data: bytes) -> None:
        """Note it, unless it is broken."""
        if self.is_broken:
            raise ConnectionResetError
        self.sent.append(bytes(data))

    def close(self) -> None:
        """Nothing is open."""


def sent(body: Any, **options: Any) -> list[bytes]:
    """The pieces in which a request leaves."""
    connection, wire = OnePiece("localhost"), Wire()
    connection.sock = cast(Any, wire)
    connection.request("POST", "/", body, **options)
    return wire.sent


def test_a_small_body_leaves_with_its_head() -> None:
    """In one piece, and whole."""
    [piece] = sent(b"{}")
    assert piece.startswith(b"POST / HTTP/1.1\r\n")
    assert piece.endswith(b"\r\nContent-Length: 2\r\n\r\n{}")


@pytest.mark.parametrize("body", [b"x" * (SMALL + 1), io.BytesIO(b"file")], ids=["large", "a file"])
def test_other_bodies_leave_as_they_are(body: Any) -> None:
    """Nothing large is copied, and a file is read piece by piece."""
    assert len(sent(body, headers={"Content-Length": "4"})) > 1


def test_a_connection_that_breaks_can_be_used_again() -> None:
    """What was to be sent when it broke is not sent with the next request, which leaves whole."""
    connection, wire = OnePiece("localhost"), Wire()
    connection.sock = cast(Any, wire)
    wire.is_broken = True
    with pytest.raises(ConnectionResetError):
        connection.request("POST", "/", b"first")
    connection.close()
    connection.sock, wire.is_broken = cast(Any, wire), False
    connection.request("POST", "/", b"second")
    assert [piece.rpartition(b"\r\n")[2] for piece in wire.sent] == [b"second"]
