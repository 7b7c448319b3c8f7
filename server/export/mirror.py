"""A SQLite file that follows the farm's databases by their changes feeds."""

import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing
from importlib import resources
from pathlib import Path
from typing import Any

from crashfarm.database import Database
from crashfarm.errors import ConfigError, InputError, InvalidDocument
from crashfarm.settings import Farm
from server.export.rows import MAIN_TABLES, rows_of

APPLICATION_ID = 1668441709
VERSION = 5

LARGEST = 2**63 - 1

PAGE = 1000
"""Changes that one request brings; they are in the file together, or not at all."""

Progress = Callable[[int], None]
"""Is told how many changes have been read so far."""


def update(farm: Farm, path: Path, progress: Progress) -> int:
    """Bring the file up to what the farm holds now, making it if it is not there; returns how many changes that took.

    It may be interrupted at any moment and goes on from there next time. Raises InputError if the file is something
    else, another farm's, or another version's, ConfigError if it cannot be written.
    """
    with closing(_open(path)) as sql:
        done = 0
        _begin(sql, (farm.status, farm.history), path)
        try:
            for db in (farm.status, farm.history):
                done = _follow(sql, db, done, progress)
        except sqlite3.OperationalError as exc:
            # It is as it was before this page.
            raise ConfigError(f"cannot write {path}: {exc}") from exc
        return done


def unreadable(path: Path) -> list[tuple[str, str]]:
    """Ids of documents that could not be read, with the reasons."""
    with closing(_open(path)) as sql:
        return [(id, reason) for id, reason in sql.execute("SELECT id, reason FROM unreadable ORDER BY id")]


def _open(path: Path) -> sqlite3.Connection:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        sql = sqlite3.connect(path, isolation_level=None, timeout=60)
        _prepare(sql, path)
    except sqlite3.DatabaseError as exc:
        raise InputError(f"{path} cannot be used: {exc}") from exc
    except OSError as exc:
        raise ConfigError(f"cannot write {path}: {exc.strerror}") from exc
    return sql


def _prepare(sql: sqlite3.Connection, path: Path) -> None:
    """Make the tables in a new file, and refuse a file that somebody else has made."""
    if not _pragma(sql, "application_id") and not sql.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]:
        sql.executescript("BEGIN;" + resources.files(__package__).joinpath("schema.sql").read_text() + "COMMIT;")
    if not is_export(sql):
        raise InputError(f"{path} is a database of something else: name another file")
    if _pragma(sql, "user_version") != VERSION:
        raise InputError(f"{path} was written by another version of crashfarm: name another file")
    sql.execute("PRAGMA foreign_keys = ON")


def is_export(sql: sqlite3.Connection) -> bool:
    """Whether a database is such a file, of whatever version."""
    return _pragma(sql, "application_id") == APPLICATION_ID


def _pragma(sql: sqlite3.Connection, name: str) -> int:
    return int(sql.execute(f"PRAGMA {name}").fetchone()[0])


def _follow(sql: sqlite3.Connection, db: Database, done: int, progress: Progress) -> int:
    (since,) = sql.execute("SELECT seq FROM copied WHERE database = ?", (db.name,)).fetchone()
    while True:
        answer = db.changes(since=since, limit=PAGE, include_docs=True)
        with sql:
            sql.execute("BEGIN IMMEDIATE")
            for change in answer["results"]:
                _apply(sql, change)
            since = str(answer["last_seq"])
            sql.execute("UPDATE copied SET seq = ? WHERE database = ?", (since, db.name))
        done += len(answer["results"])
        progress(done)
        if len(answer["results"]) < PAGE:
            return done


def _begin(sql: sqlite3.Connection, dbs: Sequence[Database], path: Path) -> None:
    """Have a line for each database. What came from an earlier one of the same name is forgotten, and all with it:
    both are read again from their beginning. Raises InputError if the file is of another farm."""
    now = {db.name: str(db.info().get("instance_start_time", "")) for db in dbs}
    with sql:
        sql.execute("BEGIN IMMEDIATE")
        before = dict(sql.execute("SELECT database, instance FROM copied"))
        if others := sorted(before.keys() - now.keys()):
            raise InputError(f"{path} is a copy of another farm, {others[0]!r}: name another file")
        if before != now:
            for table in (*MAIN_TABLES, "unreadable"):
                sql.execute(f"DELETE FROM {table}")  # noqa: S608 names are ours
            sql.executemany("INSERT OR REPLACE INTO copied VALUES (?, ?, '0')", now.items())


def _apply(sql: sqlite3.Connection, change: dict[str, Any]) -> None:
    """Put a document's rows in the place of those that it had."""
    for table in (*MAIN_TABLES, "unreadable"):
        sql.execute(f"DELETE FROM {table} WHERE id = ?", (change["id"],))  # noqa: S608 names are ours
    if change.get("deleted") or not change.get("doc"):
        return
    try:
        for table, values in list(rows_of(change["doc"])):
            marks = ", ".join("?" * len(values))
            sql.execute(f"INSERT INTO {table} VALUES ({marks})", tuple(map(_fitting, values)))  # noqa: S608 as above
    except InvalidDocument as exc:
        sql.execute("INSERT INTO unreadable VALUES (?, ?)", (change["id"], str(exc)))


def _fitting(value: Any) -> Any:
    """A value as a table can hold it: what no 64 bits hold is the largest number that they do."""
    return max(-LARGEST - 1, min(LARGEST, value)) if isinstance(value, int) else value
