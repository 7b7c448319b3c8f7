"""Databases that several people create at once, and answers that no CouchDB gives."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest

from crashfarm.database import Connection
from crashfarm.errors import UnexpectedAnswer


@contextmanager
def server(there: bool) -> Iterator[Connection]:
    """A server that answers 500 to whoever creates a database, which is there afterwards or not."""

    class Handler(BaseHTTPRequestHandler):
        def do_PUT(self) -> None:
            self.answer(500, {"error": "error", "reason": "conflict"})

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.do_GET()

        def do_GET(self) -> None:
            self.answer(200 if there else 404, {"db_name": "farm"} if there else {"error": "not_found"})

        def answer(self, status: int, body: dict[str, str]) -> None:
            text = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as http:
        thread = Thread(target=http.serve_forever)
        thread.start()
        connection = Connection(f"http://127.0.0.1:{http.server_port}")
        try:
            yield connection
        finally:
            connection.close()
            http.shutdown()
            thread.join()


def test_who_loses_the_race_to_create_a_database_has_no_trouble() -> None:
    """A cluster answers 500 to all but one of those who create a database at the same moment."""
    with server(there=True) as connection:
        assert connection.create("farm") is False


def test_a_database_that_is_not_there_after_an_error_was_not_created() -> None:
    """Only then the error is told."""
    with server(there=False) as connection, pytest.raises(UnexpectedAnswer, match="conflict"):
        connection.create("farm")


@pytest.mark.parametrize("asked", [{}, {"keys": ["a"]}])
def test_an_answer_that_is_no_view_is_told_in_words(asked: dict[str, list[str]]) -> None:
    """As that of a proxy in between: it is JSON, and has no rows."""
    with server(there=True) as connection, pytest.raises(UnexpectedAnswer, match="not what CouchDB would give"):
        connection.database("farm").all_docs(**asked)
