"""Questions in SQL to an export: SQLite asks the file, DuckDB the folder of Parquet files. Nothing is ever changed."""

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from crashfarm.errors import InputError
from server.export.parquet import TABLES


@dataclass(frozen=True)
class Answer:
    """Column names and rows."""

    columns: tuple[str, ...]
    rows: list[tuple[Any, ...]]


def ask(source: Path, question: str) -> Answer:
    """The answer of one SELECT. Raises InputError with the database's own words if it cannot be given."""
    if not source.exists():
        raise InputError(f"there is no {source}: make it with 'crashfarm export'")
    return _ask_folder(source, question) if source.is_dir() else _ask_file(source, question)


def _ask_file(source: Path, question: str) -> Answer:
    try:
        with closing(sqlite3.connect(f"{source.absolute().as_uri()}?mode=ro", uri=True)) as sql:
            # Attaching could write other files.
            sql.set_authorizer(_reading_only)
            found = sql.execute(question)
            columns = tuple(column for column, *_ in found.description or ())
            return Answer(columns, found.fetchall())
    except sqlite3.Error as exc:
        raise InputError(f"SQLite says: {exc}") from exc


_READING = {sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_FUNCTION, sqlite3.SQLITE_RECURSIVE}


def _reading_only(action: int, *_about: object) -> int:
    return sqlite3.SQLITE_OK if action in _READING else sqlite3.SQLITE_DENY


def _ask_folder(source: Path, question: str) -> Answer:
    try:
        with duckdb.connect() as duck:
            for table in TABLES:
                path = str(source / f"{table}.parquet").replace("'", "''")
                duck.execute(f"CREATE TABLE {table} AS SELECT * FROM read_parquet('{path}')")  # noqa: S608
            # From here on it may not open files.
            duck.execute("SET enable_external_access = false")
            found = duck.execute(question)
            columns = tuple(column for column, *_ in found.description or ())
            return Answer(columns, found.fetchall())
    except duckdb.Error as exc:
        raise InputError(f"DuckDB says: {exc}") from exc
