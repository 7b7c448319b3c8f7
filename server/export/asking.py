"""Questions in SQL to an export: SQLite asks the file, DuckDB the folder of Parquet files. Nothing is ever changed."""

import re
import sqlite3
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from crashfarm.errors import InputError
from server.export import mirror, parquet


@dataclass(frozen=True)
class Answer:
    """Column names and rows."""

    columns: tuple[str, ...]
    rows: list[tuple[Any, ...]]


def ask(source: Path, question: str) -> Answer:
    """The answer of one SELECT. Raises InputError with the database's own words if it cannot be given."""
    if not source.exists():
        raise InputError(f"there is no {source}: make it with 'crashfarm export'")
    if not question.strip():
        raise InputError('the question is empty: ask something like "SELECT count(*) FROM result"')
    return _ask_folder(source, question) if source.is_dir() else _ask_file(source, question)


def _ask_file(source: Path, question: str) -> Answer:
    with closing(sqlite3.connect(f"{source.absolute().as_uri()}?mode=ro", uri=True)) as sql:
        _check_file(sql, source)
        try:
            # Attaching could write other files.
            sql.set_authorizer(_reading_only)
            found = sql.execute(question)
            columns = tuple(column for column, *_ in found.description or ())
            return Answer(columns, found.fetchall())
        except sqlite3.Error as exc:
            sql.set_authorizer(None)
            raise InputError(f"SQLite says: {exc}{_instead(sql, str(exc), question)}") from exc


def _check_file(sql: sqlite3.Connection, source: Path) -> None:
    try:
        if mirror.is_export(sql):
            return
    except sqlite3.Error as exc:
        raise InputError(f"{source} cannot be asked: {exc}") from exc
    raise InputError(f"{source} is a database of something else: make an export with 'crashfarm export --sqlite'")


_READING = {sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_FUNCTION, sqlite3.SQLITE_RECURSIVE}


def _reading_only(action: int, *_about: object) -> int:
    return sqlite3.SQLITE_OK if action in _READING else sqlite3.SQLITE_DENY


def _instead(sql: sqlite3.Connection, said: str, question: str) -> str:
    """What could be meant by a name that is not known, or why what is more than a question is not done."""
    if said.startswith("not authorized"):
        return "; a question only reads"
    tables = [name for (name,) in sql.execute("SELECT name FROM sqlite_schema WHERE type IN ('table', 'view')")]
    if said.startswith("no such table"):
        return _tables(tables)
    if not said.startswith("no such column"):
        return ""
    asked = [table for table in tables if re.search(rf"\b{table}\b", question, re.IGNORECASE)]
    columns = {table: [name for _, name, *_ in sql.execute(f"PRAGMA table_info({table})")] for table in asked}
    return "".join(f"; {table} has {', '.join(names)}" for table, names in columns.items())


def _tables(names: Iterable[str]) -> str:
    return f"; the tables are {', '.join(sorted(names))}"


def _ask_folder(source: Path, question: str) -> Answer:
    with duckdb.connect() as duck:
        try:
            tables = parquet.load(duck, source)
            if not tables:
                raise InputError(f"{source} holds no tables: make them with 'crashfarm export --parquet'")
            # From here on it may not open files.
            duck.execute("SET enable_external_access = false")
            found = duck.execute(question)
            columns = tuple(column for column, *_ in found.description or ())
            return Answer(columns, found.fetchall())
        except duckdb.CatalogException as exc:
            # It goes on with its own tables' names, and with the question.
            raise InputError(f"DuckDB says: {str(exc).splitlines()[0]}{_tables(tables)}") from exc
        except duckdb.Error as exc:
            raise InputError(f"DuckDB says: {exc}") from exc
