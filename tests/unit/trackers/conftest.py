"""Servers that stand for trackers."""

import random
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar
from urllib.parse import parse_qs, urlsplit

import msgspec
import pytest

from server.trackers.asking import Asker

NOW = 1_800_000_000.0


@dataclass
class Asked:
    """One request: its path, its query, its headers."""

    path: str
    query: dict[str, list[str]]
    headers: dict[str, str]


@dataclass
class Reply:
    """What is answered: a body that is JSON or bytes, and headers that may lie."""

    body: Any = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def content(self) -> bytes:
        """The bytes of the body."""
        return self.body if isinstance(self.body, bytes) else msgspec.json.encode(self.body)


Script = Callable[[Asked], Reply]


class Standin:
    """A server that answers as its script says, and remembers what it was asked."""

    def __init__(self) -> None:
        self.script: Script = lambda asked: Reply({})
        self.asked: list[Asked] = []
        handler = type("Handler", (_Handler,), {"standin": self})
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def replies(self, *replies: Reply) -> None:
        """Answer one after the other; the last one for ever."""
        left = list(replies)
        self.script = lambda asked: left.pop(0) if len(left) > 1 else left[0]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    standin: ClassVar[Standin]

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        headers = {name.lower(): value for name, value in self.headers.items()}
        asked = Asked(parts.path, parse_qs(parts.query), headers)
        self.standin.asked.append(asked)
        reply = self.standin.script(asked)
        self.send_response(reply.status)
        content = reply.content if reply.status != 304 else b""
        for name, value in ({"Content-Length": str(len(content))} | reply.headers).items():
            self.send_header(name, value)
        self.send_header("Connection", "close")
        self.end_headers()
        try:
            self.wfile.write(content)
        except OSError:
            return

    def log_message(self, format: str, *args: Any) -> None:
        """Tests are quiet."""


@pytest.fixture
def standin() -> Iterator[Standin]:
    """A server for one test."""
    standin = Standin()
    thread = threading.Thread(target=standin.server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield standin
    standin.server.shutdown()
    standin.server.server_close()
    thread.join()


@pytest.fixture
def slept() -> list[float]:
    """The seconds for which somebody would have waited."""
    return []


@pytest.fixture
def asker(slept: list[float]) -> Iterator[Asker]:
    """Asks without waiting."""
    with closing(Asker("tracker", {"X-Key": "geheim"}, slept.append, random.Random(1), lambda: NOW)) as asker:
        yield asker
