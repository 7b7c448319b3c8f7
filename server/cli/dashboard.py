"""`crashfarm dashboard`: where the farm's dashboard is."""

import webbrowser
from typing import Annotated

import typer

from crashfarm.console import say, tell
from server import dashboard
from server.cli import options


def register(app: typer.Typer) -> None:
    """Add the commands of this room."""
    app.command("dashboard")(show)


def show(
    data: options.Data = None,
    open_it: Annotated[bool, typer.Option("--open", help="Open it in this machine's browser.")] = False,
    allow: Annotated[
        bool, typer.Option("--allow", help="Let Apache CouchDB run its pages, which it does not by itself.")
    ] = False,
    server: Annotated[
        str, typer.Option(metavar="URL", help="CouchDB's address as browsers have it, where it is another.")
    ] = "",
    report: Annotated[
        str | None, typer.Option(metavar="URL", help="Where the report is published, to link to its pages.")
    ] = None,
) -> None:
    """Print the address of the dashboard, which is inside CouchDB and needs nothing but a user of it.

    The embedded store runs its pages at once. Apache CouchDB has to be allowed to, on each node, with --allow; that
    changes its setting csp/attachments_header_value.
    """
    farm = options.connect(data)
    if report is not None:
        dashboard.set_report(farm, report)
        say(f"the dashboard links to the report at {report}" if report else "the dashboard links to no report")
    if allow:
        say(f"CouchDB sends attachments with this policy from now on: {dashboard.allow(farm, server)}")
    if dashboard.is_kept_from_running(farm):
        say(dashboard.KEPT)
    tell(dashboard.address(farm, server))
    if open_it:
        webbrowser.open(dashboard.address(farm, server))
