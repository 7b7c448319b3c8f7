"""`crashfarm report`: the static site."""

import hashlib
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer

from crashfarm import console, times
from crashfarm.errors import InputError
from crashfarm.settings import Farm
from server.cli import asking, caching, options
from server.queries import moments
from server.report import bugs, publish, write_report
from server.report.collect import READ

KEPT = timedelta(days=30)
"""How long what a report goes on from is kept: whoever names a folder for each day never goes on from any."""


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
    anew: Annotated[
        bool, typer.Option("--anew", help="Read and write everything, not only what has changed since the last report.")
    ] = False,
    data: options.Data = None,
) -> None:
    """Write the farm's report as a folder of plain files, and print the address of its first page.

    Example: crashfarm report public/ --since monday
    """
    now = times.utc_now()
    moment = None if since is None else _past(since, now)
    if url and not (bugs.web_address(url) and url.isprintable() and " " not in url):
        raise InputError(f"--url takes the address of a web page, as in https://reports.example.org/farm; not {url!r}")
    farm = options.connect(data)
    for design, view in READ:
        asking.check_version(farm.history, design, view)
    caching.forget("report-*.sqlite", now - KEPT)
    with console.live_counts("report") as advance:
        summary = write_report(
            farm, out, now=now, since=moment, progress=advance, url=url, state=_state(farm, out), anew=anew
        )
    console.say(summary.line())
    console.tell(str(summary.index))


def _past(since: str, now: datetime) -> datetime:
    moment = moments.read_moment(since, now)
    if moment > now:
        raise InputError(f"{since!r} lies in the future: nothing can be new since then")
    return moment


def _state(farm: Farm, out: Path) -> Path:
    """The file in the user's cache that this report of this farm goes on from."""
    name = hashlib.sha256(f"{farm.history.url} {publish.place(out)}".encode()).hexdigest()[:16]
    return caching.folder() / f"report-{name}.sqlite"
