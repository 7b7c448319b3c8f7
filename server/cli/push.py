"""`crashfarm push`: databases and design documents."""

import typer

from crashfarm.console import progress, say
from server import dashboard, deploy
from server.cli import options


def register(app: typer.Typer) -> None:
    """Add the commands of this room."""
    app.command("push")(push)


def push(data: options.Data = None) -> None:
    """Create the farm's two databases and push the design documents that changed.

    New views are built beside the old ones and swapped in when they are ready, so that nobody waits for an index.
    """
    farm = options.reach(data)
    with progress("building views", None) as advance:
        pushed = deploy.push(farm, advance, fetch=deploy.fetch_charts)
    say(str(pushed))
    say(f"the dashboard is at {dashboard.address(farm)}")
    if dashboard.is_kept_from_running(farm):
        say(dashboard.KEPT)
