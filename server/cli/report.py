"""`crashfarm report`: the static site."""

from pathlib import Path
from typing import Annotated

import typer

from crashfarm import console, times
from server.cli import options
from server.queries import moments
from server.report import write_report


def register(parent: typer.Typer) -> None:
    """Add the command."""
    parent.command("report")(report)


def report(
    out: Annotated[
        Path,
        typer.Argument(metavar="OUT", help="The folder to write. It may hold an earlier report, and nothing else."),
    ],
    since: Annotated[
        str | None,
        typer.Option(
            metavar="TIME",
            help="What was first seen since then counts as new: 2026-11-22, 3h, 2d, monday.",
            show_default="since the report that OUT holds",
        ),
    ] = None,
    url: Annotated[
        str, typer.Option(metavar="URL", help="Where OUT will be published, for the feed's links.", show_default=False)
    ] = "",
    data: options.Data = None,
) -> None:
    """Write the farm's report as a folder of plain files, and print the address of its first page.

    Example: crashfarm report public/ --since monday
    """
    now = times.utc_now()
    moment = None if since is None else moments.read_moment(since, now)
    farm = options.connect(data)
    with console.progress("report", None) as advance:
        summary = write_report(farm, out, now=now, since=moment, progress=advance, url=url)
    console.say(summary.line())
    console.tell(str(summary.index))
