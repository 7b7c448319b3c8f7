"""Options that many commands share, so that they are called the same everywhere."""

from pathlib import Path
from typing import Annotated

import typer

from crashfarm import settings
from crashfarm.errors import ConfigError
from crashfarm.settings import Farm, Settings
from server.cli import completing

Data = Annotated[
    Path | None,
    typer.Option(
        "--data",
        metavar="FOLDER",
        help="The embedded store's folder. Not used when COUCHDB_URL is set.",
        envvar="CRASHFARM_DATA",
        show_default="~/.local/share/crashfarm",
    ),
]

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]

JobId = Annotated[str, typer.Argument(metavar="JOB", help="A job's id, job:…", show_default=False)]

JobIds = Annotated[list[str], typer.Argument(metavar="JOB…", help="Jobs' ids, job:…", show_default=False)]

ResultId = Annotated[
    str, typer.Argument(metavar="RESULT", help="A result's id, result:…, or its job's.", show_default=False)
]

OfSignature = Annotated[
    str,
    typer.Option(
        "--signature", metavar="DIGITS", help="Which of the result's findings.", show_default="the gravest one"
    ),
]

WorkerNames = Annotated[
    list[str],
    typer.Argument(metavar="WORKER…", help="Workers' names.", show_default=False, autocompletion=completing.workers),
]

OfWorker = Annotated[
    str | None,
    typer.Option("--worker", metavar="NAME", help="Only of this worker.", autocompletion=completing.workers),
]


def load(data: Path | None) -> Settings:
    """The settings in force."""
    return settings.load(data)


def connect(data: Path | None) -> Farm:
    """The farm that the settings in force name.

    Raises an error, before anything is done, if the server does not answer or the farm is not set up on it.
    """
    farm = reach(data)
    if not farm.connection.exists(farm.status.name):
        raise ConfigError(f"there is no farm {farm.status.name!r} on {farm.connection.url}: run 'crashfarm push'")
    return farm


def reach(data: Path | None) -> Farm:
    """The farm that the settings in force name, set up or not. Raises an error if the server does not answer."""
    farm = settings.connect(settings.load(data))
    farm.connection.info()
    return farm
