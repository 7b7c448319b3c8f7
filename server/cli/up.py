"""`crashfarm up` and `crashfarm down`: the embedded store, and what runs beside it."""

import os
import time
from pathlib import Path
from typing import Annotated

import typer

from crashfarm import settings
from crashfarm.console import say, tell
from crashfarm.errors import ConfigError
from server import companions, dashboard, deploy, embedded, fauxton
from server.cli.options import Data

START_SECONDS = 60.0
POLL_SECONDS = 0.2

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

    Prints the address, and those of the pages that it serves. Without --detach it serves until Ctrl-C or SIGTERM. The
    password is in admin-password in the folder. Beside it run 'crashfarm collect' and 'crashfarm janitor', which end
    with it; detached, they write collect.log and janitor.log in the folder.
    """
    folder = settings.data_folder(data)
    if found := embedded.running(folder):
        raise ConfigError(f"a store already runs on {folder}, at {found.url}: stop it with 'crashfarm down'")
    store = os.getpid()
    if detach:
        started = embedded.start(folder, port)
        store = settings.store_address(folder).pid
        tell(started.url)
        _tell_pages(folder)
    else:
        _tell_pages_later(folder)
    for command, wanted in (("collect", collect), ("janitor", janitor)):
        if wanted:
            companions.start(folder, command, store, detached=detach)
    if detach:
        return
    embedded.become(folder, port)


def _tell_pages_later(folder: Path) -> None:
    """Do it once the store runs that this process is to become, from a process that nobody has to wait for."""
    store, child = os.getpid(), os.fork()
    if child:
        os.waitpid(child, 0)
        return
    try:
        if os.fork() == 0 and _comes_up(folder, store):
            _tell_pages(folder)
    finally:
        os._exit(0)


def _comes_up(folder: Path, store: int) -> bool:
    end = time.monotonic() + START_SECONDS
    while not (found := embedded.running(folder)) and companions.is_alive(store) and time.monotonic() < end:
        time.sleep(POLL_SECONDS)
    return found is not None


def _tell_pages(folder: Path) -> None:
    """Say where the pages are that the store of a folder serves."""
    found = settings.load_from_folder(folder, os.environ.get("CRASHFARM_FARM", settings.DEFAULT_FARM))
    farm = settings.connect(found)
    pushed = farm.connection.exists(deploy.door(farm).name)
    when = "" if pushed else " after 'crashfarm push'"
    say(f"the dashboard is at {dashboard.address(farm)}{when}")
    if fauxton.is_installed(folder):
        say(f"Fauxton is at {found.url}/_utils/")


def down(data: Data = None) -> None:
    """Stop the embedded store that runs on a folder."""
    folder = settings.data_folder(data)
    companions.stop(folder)
    if not embedded.stop(folder):
        raise ConfigError(f"no store runs on {folder}")
    say(f"stopped the store on {folder}")
