"""Questions in SQL to an export: SQLite asks the file, DuckDB the folder of Parquet files. Nothing is ever changed."""

import itertools
import re
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue
from typing import Any, TypeVar

import duckdb

from crashfarm.errors import InputError
from server.export import mirror, parquet

PAGE = 1000
"""Rows of an answer that are held at once."""

T = TypeVar("T")

Row = tuple[Any, ...]


@dataclass(frozen=True)
class Answer:
    """Column names and rows, which can be read once, while the answer's block lasts."""

    columns: tuple[str, ...]
    rows: Iterator[Row]


@dataclass(frozen=True)
class Whole:
    """Column names and all rows."""

    columns: tuple[str, ...]
    rows: list[Row]


@contextmanager
def answer(source: Path, question: str) -> Iterator[Answer]:
    """The answer of one SELECT. Raises InputError with the database's own words if it cannot be given, there or while
    rows are read. Ctrl-C and SIGTERM end it whatever it is busy with."""
    if not source.exists():
        raise InputError(f"there is no {source}: make it with 'crashfarm export'")
    if not question.strip(" \n\t;"):
        raise InputError('the question is empty: ask something like "SELECT count(*) FROM result"')
    with (_answer_of_folder if source.is_dir() else _answer_of_file)(source, question) as found:
        yield found


def ask(source: Path, question: str) -> Whole:
    """The whole of an answer: see `answer`."""
    with answer(source, question) as found:
        return Whole(found.columns, list(found.rows))


@contextmanager
def _answer_of_file(source: Path, question: str) -> Iterator[Answer]:
    address = f"{source.absolute().as_uri()}?mode=ro"
    with closing(sqlite3.connect(address, uri=True, check_same_thread=False)) as sql:
        _check_file(sql, source)
        try:
            # Attaching could write other files.
            sql.set_authorizer(_reading_only)
            yield _read(sql.cursor(), question, sql.interrupt)
        except sqlite3.Error as exc:
            sql.set_authorizer(None)
            raise InputError(f"SQLite says: {exc}{_instead(sql, str(exc), question)}") from exc


def _read(cursor: Any, question: str, interrupt: Callable[[], None]) -> Answer:
    """Ask, and read the rows a page at a time, each in a thread of its own: a signal is not heard in a database."""
    _interruptibly(lambda: cursor.execute(question), interrupt)
    pages = iter(lambda: _interruptibly(lambda: cursor.fetchmany(PAGE), interrupt), [])
    columns = tuple(column for column, *_ in cursor.description or ())
    return Answer(columns, itertools.chain.from_iterable(pages))


def _interruptibly(work: Callable[[], T], interrupt: Callable[[], None]) -> T:
    # A signal can break off waiting here at any moment; waiting for the future itself, it would leave locks behind.
    done: SimpleQueue[None] = SimpleQueue()
    with ThreadPoolExecutor(1) as pool:
        try:
            doing = pool.submit(work)
            doing.add_done_callback(lambda _: done.put(None))
            done.get()
        except (KeyboardInterrupt, SystemExit):
            interrupt()
            raise
        return doing.result()


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


@contextmanager
def _answer_of_folder(source: Path, question: str) -> Iterator[Answer]:
    with duckdb.connect() as duck:
        try:
            tables = _interruptibly(lambda: parquet.load(duck, source), duck.interrupt)
            if not tables:
                raise InputError(f"{source} holds no tables: make them with 'crashfarm export --parquet'")
            # From here on it may not open files.
            duck.execute("SET enable_external_access = false")
            _check_statement(question)
            yield _read(duck, question, duck.interrupt)
        except duckdb.CatalogException as exc:
            # It goes on with its own tables' names, and with the question.
            raise InputError(f"DuckDB says: {str(exc).splitlines()[0]}{_tables(tables)}") from exc
        except duckdb.Error as exc:
            raise InputError(f"DuckDB says: {exc}") from exc


def _check_statement(question: str) -> None:
    """Raise InputError for what would be lost with the tables that DuckDB holds in memory, or is not one question."""
    kinds = [one.type for one in duckdb.extract_statements(question)]
    if len(kinds) != 1:
        raise InputError(f"these are {len(kinds)} statements: ask one question")
    if kinds[0] not in (duckdb.StatementType.SELECT, duckdb.StatementType.EXPLAIN):
        raise InputError(f"{kinds[0].name} is no SELECT; a question only reads")
