"""The SQLite file of one index: how it is opened, and the statements for its tables.

meta             name, value        database's uuid, the sequence and the purge that are indexed, layout
docs             id, keys           per document that emitted: msgpack, per map function a list of key bytes
rows_<i>         k, row             map function i: composite key bytes, and the row as JSON text
nodes_<i>        level, lo, …       the tree of counts and partial reductions over rows_<i> (see tree.py)
"""

from collections.abc import Sequence
from pathlib import Path

import apsw

from server.store import collation, memory

#: An index of another layout, or sorted by another ICU, is made anew.
LAYOUT = f"1 {collation.VERSION}"
PAGE_BYTES = 8192
#: What a builder may hold of an index while it writes; a long build gives it back at its end.
CACHE_KIB = 256 * 1024
BUSY_MS = 10_000
#: What the write-ahead log keeps on disk once its contents are in the file.
LOG_BYTES = 4 << 20

_META = """
CREATE TABLE meta(name TEXT PRIMARY KEY, value) WITHOUT ROWID;
CREATE TABLE docs(id TEXT PRIMARY KEY, keys BLOB NOT NULL) WITHOUT ROWID;
"""
_VIEW = """
CREATE TABLE rows_{i}(k BLOB PRIMARY KEY, row BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE nodes_{i}(
    level INTEGER, lo BLOB, n INTEGER NOT NULL, kids INTEGER NOT NULL, red BLOB, PRIMARY KEY(level, lo)
) WITHOUT ROWID;
INSERT INTO nodes_{i} VALUES(0, x'', 0, 0, NULL);
"""
_MISSING = "CREATE INDEX missing_{i} ON nodes_{i}(level, lo) WHERE red IS NULL AND n>0"


def connect(path: Path, write: bool) -> apsw.Connection:
    """A connection to an index file that exists, or, for writing, that is made."""
    flags = apsw.SQLITE_OPEN_READWRITE | (apsw.SQLITE_OPEN_CREATE if write else 0)
    connection = apsw.Connection(str(path), flags=flags, statementcachesize=100)
    connection.set_busy_timeout(BUSY_MS)
    # All rows are fetched: a statement that gives one holds up those behind it.
    connection.execute(
        f"PRAGMA page_size={PAGE_BYTES}; PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;"
        f"PRAGMA journal_size_limit={LOG_BYTES}; PRAGMA temp_store=MEMORY;"
        f"PRAGMA cache_size=-{CACHE_KIB if write else CACHE_KIB // 64}"
    ).fetchall()
    if not write:
        connection.execute("PRAGMA query_only=1")
    return connection


def tidy(connection: apsw.Connection) -> None:
    """After much writing: move the log into the file as far as readers let it, and shrink the cache."""
    connection.execute("PRAGMA wal_checkpoint(PASSIVE); PRAGMA shrink_memory").fetchall()
    memory.give_back()


def is_current(connection: apsw.Connection, uuid: str, update_seq: int) -> bool:
    """True when the file is an index of this layout, of this very database, and not ahead of it."""
    if not connection.table_exists("main", "meta"):
        return False
    meta = read_meta(connection)
    return (meta.get("layout"), meta.get("uuid")) == (LAYOUT, uuid) and int(meta["seq"]) <= update_seq


def create(connection: apsw.Connection, uuid: str, reduced: Sequence[bool], purge_seq: int) -> None:
    """Make the tables of an empty index; `reduced` tells of each map function whether reductions are stored."""
    with connection:
        connection.execute(_META)
        for place, stores in enumerate(reduced):
            connection.execute(_VIEW.format(i=place))
            if stores:
                connection.execute(_MISSING.format(i=place))
        write_meta(connection, layout=LAYOUT, uuid=uuid, seq=0, purge_seq=purge_seq)


def read_meta(connection: apsw.Connection) -> dict[str, str | int]:
    """What the index knows of itself."""
    return {str(name): value for name, value in connection.execute("SELECT name, value FROM meta")}


def write_meta(connection: apsw.Connection, **values: str | int) -> None:
    """Record what the index knows of itself, in the transaction under way."""
    connection.executemany("INSERT OR REPLACE INTO meta VALUES(?, ?)", values.items())
