"""A temporary SQLite file that holds what was read from the views, so that memory does not grow with the farm."""

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from importlib import resources
from pathlib import Path
from typing import Any


class Scratch:
    """The temporary tables of one report; `scratch.sql` describes them. Close it, and delete its folder."""

    def __init__(self, folder: Path) -> None:
        self._sql = sqlite3.connect(folder / "scratch.sqlite", isolation_level=None)
        # Nobody reads this file after a crash.
        self._sql.executescript("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA locking_mode = EXCLUSIVE;")
        self._sql.executescript(_script("scratch.sql"))
        self._sql.execute("BEGIN")

    def insert(self, table: str, rows: Iterable[Sequence[Any]]) -> None:
        """Add rows that have all columns of the table; a row whose key is there already is left out."""
        first, rows = _peek(rows)
        if first is not None:
            marks = ", ".join("?" * len(first))
            self._sql.executemany(f"INSERT OR IGNORE INTO {table} VALUES ({marks})", rows)  # noqa: S608 names are ours

    def change(self, statement: str, values: Sequence[Any] = ()) -> int:
        """Execute a statement and return how many rows it changed."""
        return self._sql.execute(statement, values).rowcount

    def derive(self) -> None:
        """Make the signatures out of all that was inserted."""
        self._sql.executescript(_script("derive.sql"))

    def rows(self, statement: str, *values: Any) -> Iterator[tuple[Any, ...]]:
        """The rows of a SELECT, read as they are asked for."""
        return iter(self._sql.execute(statement, values))

    def number(self, statement: str, *values: Any) -> int:
        """The one number that a SELECT gives; 0 for NULL."""
        return int(next(self.rows(statement, *values))[0] or 0)

    def close(self) -> None:
        """Give the file free."""
        self._sql.close()


def _script(name: str) -> str:
    return resources.files(__package__).joinpath(name).read_text(encoding="utf-8")


def _peek(rows: Iterable[Sequence[Any]]) -> tuple[Sequence[Any] | None, Iterator[Sequence[Any]]]:
    source = iter(rows)
    first = next(source, None)
    return first, iter(()) if first is None else _chain(first, source)


def _chain(first: Sequence[Any], rest: Iterator[Sequence[Any]]) -> Iterator[Sequence[Any]]:
    yield first
    yield from rest
