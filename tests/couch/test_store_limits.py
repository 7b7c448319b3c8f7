"""Each limit of a store, set low and then met: the status says what was too much, and the store goes on."""

import json
import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from urllib.parse import urlsplit

import psutil
import pytest
import requests

from server.store import service
from server.store.settings import Settings

pytestmark = pytest.mark.embedded_only

LOW = Settings(
    max_json_size=20_000,
    max_json_depth=20,
    max_document_size=5000,
    max_attachment_size=50_000,
    max_request_size=100_000,
    max_bulk_documents=3,
    max_document_id_length=50,
    max_header_size=1000,
    max_url_length=500,
    max_connections=8,
    header_timeout=0.3,
    request_timeout=2.0,
    javascript_seconds=1.0,
    javascript_memory=16 * 1024**2,
)


class Small:
    """A store with low limits: requests to one database of it."""

    def __init__(self, running: service.Running) -> None:
        self.url = running.url
        self.session = requests.Session()
        self.session.auth = ("admin", running.password)

    def __call__(self, method: str, path: str, **options: object) -> requests.Response:
        return self.session.request(method, self.url + path, timeout=30, **options)  # type: ignore[arg-type]

    def refusal(self, method: str, path: str, **options: object) -> tuple[int, str]:
        """Status and error of an answer."""
        answer = self(method, path, **options)
        return answer.status_code, answer.json().get("error", "")

    def connect(self) -> socket.socket:
        """A bare connection."""
        parts = urlsplit(self.url)
        return socket.create_connection((parts.hostname or "", parts.port or 0), timeout=30)

    def speak(self, request: bytes) -> tuple[int, str]:
        """Status and error of what is answered to raw bytes, after which the connection has to end."""
        with closing(self.connect()) as connection:
            connection.sendall(request)
            answer = b""
            while more := connection.recv(65536):
                answer += more
        head, _, body = answer.partition(b"\r\n\r\n")
        return int(head.split()[1]), json.loads(body)["error"]


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Small]:
    """A store with low limits, and a database `db` in it."""
    with service.start(tmp_path_factory.mktemp("low") / "data", settings=LOW) as running:
        small = Small(running)
        assert small("PUT", "/db").status_code == 201
        yield small
        small.session.close()


@pytest.mark.parametrize(
    ("method", "path", "body", "refusal"),
    [
        ("PUT", "/db/a", {"text": "x" * 6000}, (413, "document_too_large")),
        ("POST", "/db/_bulk_docs", {"docs": [{"text": "x" * 6000}]}, (413, "document_too_large")),
        ("POST", "/db/_bulk_docs", {"docs": [{}, {}, {}, {}]}, (413, "max_bulk_docs_count_exceeded")),
        ("POST", "/db/_bulk_docs", {"docs": [{"text": "x" * 20_000}]}, (413, "too_large")),
        ("PUT", "/db/" + "a" * 60, {}, (400, "illegal_docid")),
    ],
)
def test_too_large_is_413_and_too_long_an_id_400(
    store: Small, method: str, path: str, body: object, refusal: tuple[int, str]
) -> None:
    """Nothing of it is kept."""
    before = store("GET", "/db").json()["doc_count"]
    assert store.refusal(method, path, json=body) == refusal
    assert store("GET", "/db").json()["doc_count"] == before


@pytest.mark.parametrize("size", [50_001, 200_000])
def test_attachment_over_the_limit_is_413(store: Small, size: int) -> None:
    """Whether the length is told before or not, alone or in a multipart body."""
    data = b"x" * size
    assert store.refusal("PUT", "/db/b/f", data=data)[0] == 413
    assert store.refusal("PUT", "/db/b/f", data=iter([data[:40_000], data[40_000:]]))[0] == 413
    doc = {"_attachments": {"f": {"follows": True, "content_type": "image/png", "length": size}}}
    body = b"--x\r\n\r\n" + json.dumps(doc).encode() + b"\r\n--x\r\n\r\n" + data + b"\r\n--x--"
    headers = {"Content-Type": "multipart/related; boundary=x"}
    assert store.refusal("PUT", "/db/b", data=body, headers=headers)[0] == 413
    assert store("GET", "/db/b").status_code == 404
    assert store("PUT", f"/db/b{size}/f", data=data[:50_000]).status_code == 201


def nested(depth: int) -> str:
    """A document whose lists stand so deep in each other, itself counted."""
    return '{"n":' + "[" * (depth - 1) + "]" * (depth - 1) + "}"


def test_json_deeper_than_the_limit_is_400(store: Small) -> None:
    """In a document, in one of several, in a query."""
    headers = {"Content-Type": "application/json"}
    assert store("PUT", "/db/d20", data=nested(20), headers=headers).status_code == 201
    answer = store("PUT", "/db/d21", data=nested(21), headers=headers)
    assert (answer.status_code, answer.json()["reason"]) == (400, "The JSON is nested deeper than 20 levels.")
    bulk, query = '{"docs":[%s]}', '{"selector":%s}'
    assert store("POST", "/db/_bulk_docs", data=bulk % nested(20), headers=headers).status_code == 201
    assert store("POST", "/db/_bulk_docs", data=bulk % nested(21), headers=headers).status_code == 400
    assert store("POST", "/db/_find", data=query % nested(20), headers=headers).status_code == 400


def test_long_address_is_414_and_long_headers_431(store: Small) -> None:
    """The connection ends with it."""
    assert store.speak(b"GET /" + b"a" * 600 + b" HTTP/1.1\r\nHost: x\r\n\r\n") == (414, "uri_too_long")
    assert store.speak(b"GET /" + b"a" * 6000) == (414, "uri_too_long")
    assert store.speak(b"GET / HTTP/1.1\r\nX: " + b"a" * 1100 + b"\r\n\r\n") == (431, "headers_too_long")
    assert store.speak(b"GET / HTTP/1.1\r\nX: " + b"a" * 9000) == (431, "headers_too_long")
    assert store("GET", "/_up").status_code == 200


def test_headers_that_do_not_come_are_408(store: Small) -> None:
    """A connection that says nothing, or not all, is not kept."""
    begun = time.monotonic()
    assert store.speak(b"") == (408, "request_timeout")
    assert store.speak(b"GET / HTTP/1.1\r\nHost:") == (408, "request_timeout")
    assert time.monotonic() - begun > 2 * LOW.header_timeout


def test_body_that_does_not_come_is_408(store: Small) -> None:
    """The store does not wait for ever for the rest."""
    head = b"POST /_session HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json\r\n"
    assert store.speak(head + b"Content-Length: 10\r\n\r\nname") == (408, "request_timeout")


def test_connections_beyond_the_limit_are_503(store: Small) -> None:
    """Room comes back when others close."""
    store.session.close()
    kept = [store.connect() for _ in range(LOW.max_connections)]
    try:
        assert store.speak(b"GET /_up HTTP/1.1\r\nHost: x\r\n\r\n") == (503, "service_unavailable")
    finally:
        for connection in kept:
            connection.close()
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline and store("GET", "/_up").status_code != 200:
        continue
    assert store("GET", "/_up").status_code == 200


ENDLESS = {
    "updates": {"u": "function (doc, req) { for (;;); }"},
    "filters": {"f": "function (doc, req) { for (;;); }"},
    "views": {"v": {"map": "function (doc) { for (;;); }"}, "r": {"map": "function (doc) { emit(1); }"}},
}


@pytest.fixture
def looping(store: Small) -> Iterator[str]:
    """A database with functions that never end."""
    store("PUT", "/loop")
    store("PUT", "/loop/a", json={})
    assert store("PUT", "/loop/_design/d", json=ENDLESS).status_code == 201
    yield "/loop"
    store("DELETE", "/loop")


@pytest.mark.parametrize(
    ("method", "path"),
    [("POST", "/_design/d/_update/u"), ("GET", "/_changes?filter=d/f"), ("GET", "/_design/d/_view/v")],
)
def test_endless_function_costs_that_request_only(store: Small, looping: str, method: str, path: str) -> None:
    """It ends with CouchDB's 500 within the time of a call; meanwhile other requests are answered."""
    found: list[tuple[int, str]] = []
    asking = threading.Thread(target=lambda: found.append(store.refusal(method, looping + path)))
    asking.start()
    other = requests.Session()
    other.auth = store.session.auth
    answered = 0
    while asking.is_alive():
        assert other.get(store.url + "/db/_all_docs", timeout=30).status_code == 200
        answered += 1
    other.close()
    asking.join()
    assert found == [(500, "timeout")]
    assert answered > 1


def test_memory_bomb_costs_that_request_only(store: Small) -> None:
    """The function gets no more than it may have."""
    bomb = "function (doc, req) { var all = []; for (;;) all.push(new Array(1e6).fill(1)); }"
    store("PUT", "/db/_design/bomb", json={"updates": {"u": bomb, "v": "function (doc, req) { return [null, 'ok']; }"}})
    answer = store("POST", "/db/_design/bomb/_update/u")
    assert (answer.status_code, answer.json()["error"]) == (500, "os_process_error")
    assert store("POST", "/db/_design/bomb/_update/v").text == "ok"


def test_request_that_takes_too_long_is_500(tmp_path: Path) -> None:
    """CouchDB's words; here the function may take longer than the request."""
    settings = Settings(request_timeout=0.5, javascript_seconds=60.0)
    with service.start(tmp_path, settings=settings) as running:
        small = Small(running)
        small("PUT", "/db")
        small("PUT", "/db/_design/d", json={"updates": ENDLESS["updates"]})
        begun = time.monotonic()
        assert small.refusal("POST", "/db/_design/d/_update/u") == (500, "timeout")
        assert time.monotonic() - begun < settings.javascript_seconds
        small.session.close()


def test_large_uploads_take_no_memory(tmp_path: Path) -> None:
    """They wait in a file that has no name, and none is left."""
    with service.start(tmp_path) as running:
        small = Small(running)
        small("PUT", "/db")
        small("PUT", "/db/first/f", data=os.urandom(1000))
        before = psutil.Process().memory_info().rss
        piece = os.urandom(1 << 20)
        assert small("PUT", "/db/a/f", data=(piece for _ in range(200))).status_code == 201
        assert psutil.Process().memory_info().rss - before < 100e6
        assert small("HEAD", "/db/a/f").headers["Content-Length"] == str(200 << 20)
        part = small("GET", "/db/a/f", headers={"Range": f"bytes={100 << 20}-{(100 << 20) + 99}"})
        assert (part.status_code, part.content) == (206, piece[:100])
        small.session.close()
    assert {each.name for each in tmp_path.iterdir()} <= {
        "admin-password", "config.json", "databases", "format", "lock", "views",
    }  # fmt: skip
