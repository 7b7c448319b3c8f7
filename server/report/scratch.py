"""A SQLite file that holds what was read from the views, so that memory does not grow with the farm.

It is temporary, or it is kept for the next report, which then reads only what has changed.
"""

import contextlib
import functools
import itertools
import sqlite3
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from importlib import resources
from pathlib import Path
from typing import Any, Self

import msgspec

VERSION = "8"
"""Grows with every change of `scratch.sql` or of what its tables mean: a file of another version is made anew."""

AT_ONCE = 50
"""Rows that one statement adds. Between two statements another thread may run, and have this one wait to go on."""

CACHE = 64
"""MiB of the tables that are held in memory."""


class Tables:
    """The tables, to be read. Close it."""

    def __init__(self, sql: sqlite3.Connection) -> None:
        self._sql = sql

    @classmethod
    def shared(cls, path: Path) -> Self:
        """Those of a file that another process has, which changes nothing as long as this one reads."""
        return cls(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro&immutable=1", uri=True))

    def rows(self, statement: str, *values: Any) -> Iterator[tuple[Any, ...]]:
        """The rows of a SELECT, read as they are asked for."""
        return iter(self._sql.execute(statement, values))

    def number(self, statement: str, *values: Any) -> int:
        """The one number that a SELECT gives; 0 for NULL."""
        return int(next(self.rows(statement, *values))[0] or 0)

    def get(self, key: str) -> str:
        """What was noted under a name in this file; empty if nothing was."""
        found = next(self.rows("SELECT value FROM meta WHERE key = ?", key), ("",))
        return str(found[0])

    def close(self) -> None:
        """Give the file free."""
        self._sql.close()


class Scratch(Tables):
    """The tables that `scratch.sql` describes, in the file of that path. Close it.

    A file that was not closed by `keep` is worth nothing any more, and is emptied when it is opened again.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        super().__init__(self._open())

    def _open(self) -> sqlite3.Connection:
        try:
            sql = _connect(self.path)
            if _is_whole(sql):
                # From here on, until it is kept again, the file counts as half-written.
                sql.execute("UPDATE meta SET value = '' WHERE key = 'whole'")
                sql.execute("BEGIN")
                return sql
            sql.close()
        except sqlite3.DatabaseError:
            pass
        self.path.unlink(missing_ok=True)
        sql = _connect(self.path)
        sql.executescript(_script("scratch.sql"))
        sql.execute("BEGIN")
        return sql

    def insert(self, table: str, rows: Iterable[Sequence[Any]], known: str = "") -> None:
        """Add rows that have all columns of the table.

        A row whose key is there already is left out, or changes what is there as the clause `known` says.
        """
        waiting = iter(rows)
        while some := list(itertools.islice(waiting, AT_ONCE)):
            statement = _insert(table, len(some[0]), len(some), known)
            self._sql.execute(statement, [*itertools.chain.from_iterable(some)])

    def change(self, statement: str, *values: Any) -> int:
        """Execute a statement and return how many rows it changed."""
        return self._sql.execute(statement, values).rowcount

    def change_all(self, statement: str, rows: Iterable[Sequence[Any]]) -> None:
        """Execute a statement with the values of each row."""
        self._sql.executemany(statement, rows)

    def derive(self) -> None:
        """Make the dirty signatures anew out of their tuples."""
        self._execute("derive.sql")

    def index(self) -> None:
        """Have the tables ready to be asked in every order, now that they are full."""
        self._execute("indexes.sql")

    def index_documents(self) -> None:
        """Have them ready to be asked what is noted of a document."""
        self._execute("documents.sql")

    def clear(self) -> None:
        """Forget everything."""
        for (table,) in list(self.rows("SELECT name FROM sqlite_schema WHERE type = 'table'")):
            self._sql.execute(f"DROP TABLE {table}")
        self._execute("scratch.sql")

    def _execute(self, script: str) -> None:
        for statement in _script(script).split(";\n"):
            self._sql.execute(statement)

    def set(self, key: str, value: str) -> None:
        """Note something under a name."""
        self.change("INSERT OR REPLACE INTO meta VALUES (?, ?)", key, value)

    def share(self) -> None:
        """Have all that was changed in the file, where other processes can read it until the next change."""
        self._sql.execute("COMMIT")
        self._sql.execute("BEGIN")

    @contextlib.contextmanager
    def beside(self, path: Path) -> Iterator[None]:
        """Have the tables of another file, which nobody writes, under the name `other`."""
        self._sql.execute("COMMIT")
        self._sql.execute("ATTACH ? AS other", (str(path),))
        self._sql.execute("BEGIN")
        yield
        self._sql.execute("COMMIT")
        self._sql.execute("DETACH other")
        self._sql.execute("BEGIN")

    def keep(self) -> None:
        """Declare the file whole: the next report may build on it."""
        self.set("version", VERSION)
        self._sql.execute("COMMIT")
        # In a transaction of its own, behind all that it vouches for.
        self._sql.execute("INSERT OR REPLACE INTO meta VALUES ('whole', 'yes')")


@functools.lru_cache(1024)
def _insert(table: str, columns: int, rows: int, known: str) -> str:
    """A statement that adds so many rows with so many columns."""
    row = f"({', '.join('?' * columns)})"
    return f"INSERT {'' if known else 'OR IGNORE '}INTO {table} VALUES {', '.join([row] * rows)} {known}"  # noqa: S608 names are ours


def _script(name: str) -> str:
    return resources.files(__package__).joinpath(name).read_text(encoding="utf-8")


def _connect(path: Path) -> sqlite3.Connection:
    sql = sqlite3.connect(path, isolation_level=None)
    # What a crash leaves of it is thrown away.
    sql.create_function("add_days", 2, _add_days, deterministic=True)
    sql.executescript("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA locking_mode = EXCLUSIVE;")
    sql.execute(f"PRAGMA cache_size = {-1024 * CACHE}")
    return sql


def _add_days(some: str, more: str) -> str:
    """Two counts by day, both as JSON, summed."""
    found = Counter(msgspec.json.decode(some, type=dict[str, int]))
    found.update(msgspec.json.decode(more, type=dict[str, int]))
    return msgspec.json.encode(found).decode()


def _is_whole(sql: sqlite3.Connection) -> bool:
    if not sql.execute("SELECT count(*) FROM sqlite_schema WHERE name = 'meta'").fetchone()[0]:
        return False
    noted = dict(sql.execute("SELECT key, value FROM meta WHERE key IN ('version', 'whole')"))
    return noted == {"version": VERSION, "whole": "yes"}
