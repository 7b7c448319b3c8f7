"""The tables of one database file, and how its connections are opened.

`doc` holds one row per document: the winner, with its sequence number as key, so that a change feed reads the table in
order and a lookup by id is one index entry away. `rev` holds every other revision whose body is still there: leaves
that lost, and ancestors until the next compaction. Bodies are the JSON text of a document's own members, each with a
leading comma (`,"a":1,"b":2`), ready to stand behind `_id` and `_rev`; `packing` says how they lie on the disk.
"""

import os
from pathlib import Path

import apsw

FORMAT = 1
#: How long to wait for another connection's lock, in milliseconds.
BUSY_MS = 10_000

_SCHEMA = """
CREATE TABLE doc (
    seq INTEGER PRIMARY KEY,
    id TEXT NOT NULL,
    rev TEXT NOT NULL,
    deleted INTEGER NOT NULL,
    body BLOB NOT NULL,
    atts TEXT,
    tree TEXT
);
CREATE UNIQUE INDEX doc_id ON doc (id, deleted, rev);
CREATE INDEX doc_atts ON doc (seq) WHERE atts IS NOT NULL;
CREATE TABLE rev (
    id TEXT NOT NULL,
    rev TEXT NOT NULL,
    deleted INTEGER NOT NULL,
    body BLOB NOT NULL,
    atts TEXT,
    PRIMARY KEY (id, rev)
) WITHOUT ROWID;
CREATE TABLE local (id TEXT PRIMARY KEY, rev INTEGER NOT NULL, body BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE chunk (
    blob INTEGER NOT NULL,
    part INTEGER NOT NULL,
    data BLOB NOT NULL,
    PRIMARY KEY (blob, part)
) WITHOUT ROWID;
CREATE TABLE purge (seq INTEGER PRIMARY KEY, uuid TEXT UNIQUE, id TEXT NOT NULL, revs TEXT NOT NULL);
CREATE TABLE state (
    update_seq INTEGER NOT NULL,
    doc_count INTEGER NOT NULL,
    doc_del_count INTEGER NOT NULL,
    purge_seq INTEGER NOT NULL,
    next_blob INTEGER NOT NULL
);
CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
INSERT INTO state VALUES (0, 0, 0, 0, 1);
"""


def create(path: Path, meta: dict[str, str]) -> None:
    """Make a new database file with the given settings; it appears under its name only when it is whole."""
    draft = path.with_suffix(".new")
    draft.unlink(missing_ok=True)
    connection = apsw.Connection(str(draft))
    try:
        connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
        connection.execute("PRAGMA synchronous = FULL")
        with connection:
            connection.execute(_SCHEMA)
            connection.execute(f"PRAGMA user_version = {FORMAT}")
            connection.executemany("INSERT INTO meta VALUES (?, ?)", meta.items())
        connection.execute("PRAGMA journal_mode = WAL")
    finally:
        connection.close()
    draft.rename(path)
    _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    """Have the folder's list of names reach the disk."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def connect(path: Path, *, write: bool) -> apsw.Connection:
    """A connection to an existing database file."""
    flags = apsw.SQLITE_OPEN_READWRITE if write else apsw.SQLITE_OPEN_READONLY
    connection = apsw.Connection(str(path), flags=flags, statementcachesize=200)
    connection.set_busy_timeout(BUSY_MS)
    if write:
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA wal_autocheckpoint = 2000")
        connection.execute("PRAGMA journal_size_limit = 67108864")
    return connection
