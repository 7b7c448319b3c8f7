"""`crashfarm export` and `crashfarm sql`: the record as tables."""

import hashlib
import itertools
from pathlib import Path
from typing import Annotated

import typer

from crashfarm import console, times
from crashfarm.errors import InputError
from crashfarm.settings import Farm
from server.cli import asking, caching, options
from server.cli.spreading import spread
from server.export import asking as sql_asking
from server.export import mirror, parquet
from server.report import publish


def register(parent: typer.Typer) -> None:
    """Add the commands."""
    parent.command("export")(export)
    parent.command("sql")(spread(sql))


def export(
    sqlite: Annotated[
        Path | None, typer.Option(metavar="FILE", help="A SQLite file to write, or to bring up to date.")
    ] = None,
    parquet_folder: Annotated[
        Path | None, typer.Option("--parquet", metavar="FOLDER", help="A folder for Parquet files.")
    ] = None,
    data: options.Data = None,
) -> None:
    """Copy the farm's record into tables: a SQLite file, a folder of Parquet files, or both.

    A file that is there already is brought up to date with what has changed since.

    Example: crashfarm export --sqlite farm.sqlite
    """
    if sqlite is None and parquet_folder is None:
        raise InputError("name what to write: --sqlite FILE, --parquet FOLDER, or both")
    farm = options.connect(data)
    source = sqlite or _cache(farm)
    _bring_up(farm, source)
    if sqlite is not None:
        console.tell(str(sqlite))
    if parquet_folder is not None:
        marker = publish.Marker(farm=farm.status.name, made_at=times.to_text(times.utc_now()))
        for path in parquet.write(source, parquet_folder, marker):
            console.tell(str(path))


def sql(
    question: Annotated[str, typer.Argument(metavar="SELECT", help="One SELECT over the tables of the export.")],
    source: Annotated[
        Path | None,
        typer.Option(
            "--on",
            metavar="FILE|FOLDER",
            help="An export to ask, by SQLite or DuckDB, as it is.",
            show_default="a copy of the farm that is brought up to date first",
        ),
    ] = None,
    *,
    form: asking.Form,
    data: options.Data = None,
) -> None:
    """Ask the farm's record in SQL.

    Example: crashfarm sql "SELECT branch, count(*) FROM result GROUP BY branch"
    """
    if source is None:
        farm = options.connect(data)
        source = _cache(farm)
        _bring_up(farm, source)
    with sql_asking.answer(source, question) as found:
        first = list(itertools.islice(found.rows, 1))
        if not first:
            console.say("nothing found")
        form.write(found.columns, itertools.chain(first, found.rows))


def _bring_up(farm: Farm, path: Path) -> None:
    with console.progress("reading changes", None) as advance:
        mirror.update(farm, path, advance)
    broken = mirror.unreadable(path)
    for document, reason in broken[:10]:
        console.say(f"left out {document}: {reason}")
    if len(broken) > 10:
        console.say(f"left out {len(broken) - 10} more documents that cannot be read")


def _cache(farm: Farm) -> Path:
    """This user's own copy of the farm; another version's is left alone."""
    return caching.folder() / f"{hashlib.sha256(farm.status.url.encode()).hexdigest()[:16]}-{mirror.VERSION}.sqlite"
