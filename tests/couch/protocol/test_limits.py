"""What is too large, too deep or too many is refused with a status that says so."""

import json
import socket
from urllib.parse import urlsplit

import pytest


def speak(server, request, timeout=30):
    """Sends raw bytes and returns what comes back until the connection is closed or silent."""
    parts = urlsplit(server.url)
    with socket.create_connection((parts.hostname, parts.port), timeout=timeout) as connection:
        connection.sendall(request)
        received = b""
        while b"\r\n\r\n" not in received:
            try:
                more = connection.recv(65536)
            except (TimeoutError, ConnectionError):
                break
            if not more:
                break
            received += more
        return received


def status_of(answer):
    """The status of a raw answer, 0 where the connection was closed without one."""
    return int(answer.split(b" ", 2)[1]) if answer.startswith(b"HTTP/") else 0


def test_a_document_over_the_limit_is_413(db):
    """CouchDB's default is eight million bytes."""
    answer = db.put("a", json={"s": "x" * 8_500_000})
    assert answer.status_code == 413
    assert answer.json()["error"] == "document_too_large"
    assert db.get("a").status_code == 404


def test_a_large_document_below_the_limit_is_stored(db):
    """Seven million bytes are fine."""
    db.save("a", s="x" * 7_000_000)
    assert len(db.read("a")["s"]) == 7_000_000


def test_one_oversized_document_of_a_bulk_is_refused_alone(db):
    """Or the request as a whole; nothing oversized is stored."""
    answer = db.post("_bulk_docs", json={"docs": [{"_id": "big", "s": "x" * 8_500_000}, {"_id": "small"}]})
    assert answer.status_code in (201, 413)
    assert db.get("big").status_code == 404


@pytest.mark.parametrize("depth", [5_000, 100_000])
def test_a_bottomless_document_harms_nobody(db, depth):
    """It is stored or refused, and the server answers on."""
    answer = db.json("PUT", "a", '{"n":' + "[" * depth + "]" * depth + "}")
    assert answer.status_code in (201, 400, 413)
    assert db.get().status_code == 200


def test_a_huge_header_is_refused(server):
    """A client's mistake, and the connection ends."""
    request = b"GET /_up HTTP/1.1\r\nHost: x\r\nX-Big: " + b"a" * 300_000 + b"\r\n\r\n"
    assert status_of(speak(server, request)) in (0, 400, 413, 431)
    assert server.get("_up").status_code == 200


def test_a_huge_address_is_refused(server):
    """Or found to be no database."""
    request = b"GET /" + b"a" * 300_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n"
    assert status_of(speak(server, request)) in (0, 400, 401, 404, 413, 414, 431)
    assert server.get("_up").status_code == 200


@pytest.mark.parametrize(
    "request_text",
    [
        b"NONSENSE\r\n\r\n",
        b"GET /_up HTTP/9.9\r\nHost: x\r\n\r\n",
        b"GET /_up\r\n\r\n",
        b"\x00\x01\x02\r\n\r\n",
        b"GET /_up HTTP/1.1\r\nContent-Length: x\r\nHost: x\r\n\r\n",
        b"GET /_up HTTP/1.1\r\nContent-Length: -1\r\nHost: x\r\n\r\n",
        b"POST /_up HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"GET /%zz%1 HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET //..//../_up HTTP/1.1\r\nHost: x\r\n\r\n",
    ],
)
def test_broken_requests_leave_the_server_well(server, request_text):
    """Whatever is answered, the next client is served."""
    speak(server, request_text, timeout=2)
    assert server.get("_up").status_code == 200


def test_many_connections_are_served(server):
    """Two hundred idle ones do not stop another client."""
    parts = urlsplit(server.url)
    idle = [socket.create_connection((parts.hostname, parts.port), timeout=10) for _ in range(200)]
    try:
        assert server.get("_up").status_code == 200
    finally:
        for connection in idle:
            connection.close()


def test_a_client_that_goes_away_in_the_middle_stores_nothing(db):
    """Half a body is no document."""
    parts = urlsplit(db.url)
    body = json.dumps({"n": 1}).encode()
    head = (
        f"PUT {parts.path}/a HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body) + 100}\r\n\r\n"
    ).encode()
    with socket.create_connection((parts.hostname, parts.port), timeout=10) as connection:
        connection.sendall(head + body)
    assert db.get("a").status_code == 404


def test_keep_alive_serves_several_requests_in_a_row(server):
    """Pipelined ones are answered in their order."""
    request = b"GET /_up HTTP/1.1\r\nHost: x\r\n\r\n"
    parts = urlsplit(server.url)
    with socket.create_connection((parts.hostname, parts.port), timeout=10) as connection:
        connection.sendall(request * 3)
        received = b""
        while received.count(b'"status":"ok"') < 3:
            more = connection.recv(65536)
            assert more
            received += more
    assert received.count(b"HTTP/1.1 200") == 3


def test_http_1_0_is_served(server):
    """Old tools close the connection after an answer."""
    answer = speak(server, b"GET /_up HTTP/1.0\r\n\r\n")
    assert status_of(answer) == 200


def test_expect_100_continue_is_answered(db):
    """curl waits for it before it sends a large body."""
    parts = urlsplit(db.url)
    head = (
        f"PUT {parts.path}/a HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        "Expect: 100-continue\r\nContent-Length: 2\r\n\r\n"
    ).encode()
    with socket.create_connection((parts.hostname, parts.port), timeout=10) as connection:
        connection.sendall(head)
        first = connection.recv(65536)
        assert first.startswith((b"HTTP/1.1 100", b"HTTP/1.1 401"))
