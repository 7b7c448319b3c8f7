"""Connections for reading, opened when needed and used again."""

import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import apsw

from server.store.database import render, schema
from server.store.database.packing import unpack
from server.store.errors import NotFound


class Readers:
    """The reading connections of one database file. Safe to use from any thread."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._idle: deque[apsw.Connection] = deque()
        self.closed = False
        #: When the database was last read, by the monotonic clock.
        self.used = 0.0

    @contextmanager
    def one(self) -> Iterator[apsw.Connection]:
        """A connection for the time of the block; NotFound once the database is closed."""
        if self.closed:
            raise NotFound("Database does not exist.")
        self.used = time.monotonic()
        try:
            connection = self._idle.pop()
        except IndexError:
            connection = schema.connect(self._path, write=False)
            connection.create_scalar_function("att_stubs", _att_stubs, 1, deterministic=True)
            connection.create_scalar_function("unpacked", _unpacked, 1, deterministic=True)
        try:
            yield connection
        finally:
            self._give_back(connection)

    def _give_back(self, connection: apsw.Connection) -> None:
        if self.closed:
            connection.close()
        else:
            self._idle.append(connection)

    def rest(self) -> None:
        """Close connections that nobody uses now."""
        with suppress(IndexError):
            while True:
                self._idle.pop().close()

    def close(self) -> None:
        """Close all: those in use when they come back."""
        self.closed = True
        self.rest()


def _att_stubs(*atts: "apsw.SQLiteValue") -> str:
    return render.stubs(str(atts[0])).decode()


def _unpacked(*bodies: Any) -> bytes:
    return unpack(bodies[0])
