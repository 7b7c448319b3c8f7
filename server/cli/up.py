"""`crashfarm up` and `crashfarm down`: the embedded store, and what runs beside it."""

import os
from typing import Annotated

import typer

from crashfarm import settings
from crashfarm.console import say, tell
from crashfarm.errors import ConfigError
from server import companions, dashboard, embedded
from server.cli.options import Data

Port = Annotated[int, typer.Option(help="The loopback port to serve on; 0 takes a free one.", min=0, max=65535)]
Collect = Annotated[bool, typer.Option("--collect/--no-collect", help="Run a collector beside it, too.")]
Janitor = Annotated[bool, typer.Option("--janitor/--no-janitor", help="Run a janitor beside it, too.")]
Detach = Annotated[bool, typer.Option("--detach", "-d", help="Return as soon as the store answers.")]


def register(app: typer.Typer) -> None:
    """Add the commands of this room."""
    app.command("up")(up)
    app.command("down")(down)


def up(
    data: Data = None, port: Port = 0, detach: Detach = False, collect: Collect = True, janitor: Janitor = True
) -> None:
    """Start the embedded store on a folder, with an admin whose password only you can read.

    Prints the address. Without --detach it serves until Ctrl-C or SIGTERM. The password is in admin-password in the
    folder. Beside it run 'crashfarm collect' and 'crashfarm janitor', which end with it; detached, they write
    collect.log and janitor.log in the folder.
    """
    folder = settings.data_folder(data)
    if found := embedded.running(folder):
        raise ConfigError(f"a store already runs on {folder}, at {found.url}: stop it with 'crashfarm down'")
    store = os.getpid()
    if detach:
        started = embedded.start(folder, port)
        store = settings.store_address(folder).pid
        tell(started.url)
        say(f"the dashboard is at {dashboard.address(settings.connect(started))} after 'crashfarm push'")
    for command, wanted in (("collect", collect), ("janitor", janitor)):
        if wanted:
            companions.start(folder, command, store, detached=detach)
    if detach:
        return
    embedded.become(folder, port)


def down(data: Data = None) -> None:
    """Stop the embedded store that runs on a folder."""
    folder = settings.data_folder(data)
    companions.stop(folder)
    if not embedded.stop(folder):
        raise ConfigError(f"no store runs on {folder}")
    say(f"stopped the store on {folder}")
