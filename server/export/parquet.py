"""Tables of an export as Parquet files, one for each table, written by DuckDB."""

import sqlite3
import tempfile
from contextlib import closing
from pathlib import Path

import duckdb
import msgspec

from crashfarm.errors import ConfigError
from server.report import publish

TABLES = ("branch", "worker", "job", "result", "finding", "frame", "tuple", "place", "bug", "explains", "note")

VIEWS = ("signature", "standing", "matrix")
"""What is summed up from the tables has files, too: nothing but the files is at hand where they are read."""

HOLDS = "folder of tables"

_TYPES = {"TEXT": "VARCHAR", "INTEGER": "BIGINT"}

MAX_ROW_BYTES = 64 * 1024 * 1024


def write(source: Path, out: Path, marker: publish.Marker) -> list[Path]:
    """Write the tables of the export `source` into the folder `out`, in whose place a complete new one is put.

    All are of one moment of it, whoever brings it up meanwhile. Raises InputError if `out` holds something else than
    such files, ConfigError if it cannot be written.
    """
    out = out.resolve()
    publish.previous(out, HOLDS)
    reading = sqlite3.connect(f"{source.absolute().as_uri()}?mode=ro", uri=True)
    try:
        with closing(reading) as sql, publish.writing(out, msgspec.structs.replace(marker, holds=HOLDS)) as folder:
            sql.execute("BEGIN")
            for table in TABLES:
                _write_table(sql, table, folder / f"{table}.parquet")
            _write_views(sql, folder)
    except duckdb.IOException as exc:
        raise ConfigError(f"cannot write {out}: {str(exc).splitlines()[0]}") from exc
    return [out / f"{table}.parquet" for table in (*TABLES, *VIEWS)]


def load(duck: duckdb.DuckDBPyConnection, folder: Path) -> list[str]:
    """Make tables of the Parquet files of a folder; their names. An export of another version may have others."""
    found = sorted(path for path in folder.glob("*.parquet") if path.stem in (*TABLES, *VIEWS))
    for path in found:
        quoted = str(path).replace("'", "''")
        duck.execute(f"CREATE TABLE {path.stem} AS SELECT * FROM read_parquet('{quoted}')")  # noqa: S608
    return [path.stem for path in found]


def _write_views(sql: sqlite3.Connection, folder: Path) -> None:
    """By DuckDB from the files that are there already, in the words of the schema: it knows the types."""
    with duckdb.connect() as duck:
        load(duck, folder)
        for view in VIEWS:
            (words,) = sql.execute("SELECT sql FROM sqlite_schema WHERE name = ?", (view,)).fetchone()
            duck.execute(words)
            duck.view(view).write_parquet(str(folder / f"{view}.parquet"), compression="zstd")


def _write_table(sql: sqlite3.Connection, table: str, path: Path) -> None:
    """By way of a file of JSON lines: DuckDB's own way into SQLite is not part of it."""
    columns = {name: _TYPES[kind] for _, name, kind, *_ in sql.execute(f"PRAGMA table_info({table})")}
    with tempfile.NamedTemporaryFile(suffix=".json") as between, duckdb.connect() as duck:
        for row in sql.execute(f"SELECT * FROM {table}"):  # noqa: S608 names are ours
            between.write(msgspec.json.encode(dict(zip(columns, row, strict=True))) + b"\n")
        between.flush()
        found = duck.read_json(
            between.name, columns=columns, format="newline_delimited", maximum_object_size=MAX_ROW_BYTES
        )
        found.write_parquet(str(path), compression="zstd")
