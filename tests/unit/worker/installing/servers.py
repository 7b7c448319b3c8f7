"""A real HTTP server that hands out files, well or badly."""

import http.server
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, ClassVar

Answer = Callable[["Handler"], None]


class Handler(http.server.BaseHTTPRequestHandler):
    """Answers each path as the table says, and remembers what was asked."""

    protocol_version = "HTTP/1.1"
    table: ClassVar[dict[str, Answer]] = {}

    def do_GET(self) -> None:
        server: Any = self.server
        server.asked.append((self.path, self.headers.get("Range"), self.headers.get("If-Range")))
        answer = server.table.get(self.path)
        if answer:
            answer(self)
        else:
            self.send_error(404)

    def log_message(self, *words: Any) -> None:
        """Say nothing."""


class Server(http.server.ThreadingHTTPServer):
    """A server to which a client that hangs up is nothing worth a word."""

    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing."""


class Files:
    """The server's address, its table of answers, and what it was asked: (path, Range, If-Range)."""

    def __init__(self, server: http.server.ThreadingHTTPServer) -> None:
        self.url = f"http://127.0.0.1:{server.server_address[1]}"
        self.table: dict[str, Answer] = {}
        self.asked: list[tuple[str, str | None, str | None]] = []
        server.table = self.table  # type: ignore[attr-defined]
        server.asked = self.asked  # type: ignore[attr-defined]


@contextmanager
def serving() -> Iterator[Files]:
    """A server that runs meanwhile."""
    server = Server(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield Files(server)
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def whole(content: bytes, *, tag: str = '"v1"', ranges: bool = True) -> Answer:
    """A file, or the part of it that is asked for."""

    def answer(handler: Handler) -> None:
        wanted, at = handler.headers.get("Range", ""), 0
        if ranges and wanted and handler.headers.get("If-Range") == tag:
            at = int(wanted.removeprefix("bytes=").removesuffix("-"))
        handler.send_response(206 if at else 200)
        if at:
            handler.send_header("Content-Range", f"bytes {at}-{len(content) - 1}/{len(content)}")
        handler.send_header("ETag", tag)
        handler.send_header("Content-Length", str(len(content) - at))
        handler.end_headers()
        handler.wfile.write(content[at:])

    return answer


def broken(content: bytes, after: int, *, tag: str = '"v1"') -> Answer:
    """A file whose connection breaks after so many bytes of each answer; ranges work."""

    def answer(handler: Handler) -> None:
        wanted = handler.headers.get("Range", "")
        at = int(wanted.removeprefix("bytes=").removesuffix("-")) if wanted else 0
        handler.send_response(206 if at else 200)
        if at:
            handler.send_header("Content-Range", f"bytes {at}-{len(content) - 1}/{len(content)}")
        handler.send_header("ETag", tag)
        handler.send_header("Content-Length", str(len(content) - at))
        handler.end_headers()
        handler.wfile.write(content[at : at + after])
        handler.close_connection = True

    return answer


def some(content: bytes, until: int) -> Answer:
    """The beginning of a file, and nothing more."""

    def answer(handler: Handler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(content)))
        handler.end_headers()
        handler.wfile.write(content[:until])

    return answer


def moved(to: str) -> Answer:
    """A redirection."""

    def answer(handler: Handler) -> None:
        handler.send_response(302)
        handler.send_header("Location", to)
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    return answer


def dripping(until: threading.Event) -> Answer:
    """A byte now and then, without end."""

    def answer(handler: Handler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", "1000000")
        handler.end_headers()
        while not until.wait(0.02):
            try:
                handler.wfile.write(b"x")
            except OSError:
                return
        handler.close_connection = True

    return answer
