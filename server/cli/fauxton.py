"""`crashfarm fauxton`: CouchDB's administration pages for the embedded store."""

import typer

from crashfarm import settings
from crashfarm.console import say, tell
from server import embedded, fauxton
from server.cli.options import Data


def register(app: typer.Typer) -> None:
    """Add the commands of this room."""
    app.command("fauxton")(install)


def install(data: Data = None) -> None:
    """Install Fauxton, CouchDB's administration pages, which the embedded store then serves at /_utils.

    Takes the package `fauxton` from npm's registry and checks it against a known hash. Prints the address of the pages
    if the store runs; it need not be started again.
    """
    folder = settings.data_folder(data)
    if fauxton.is_installed(folder):
        say(f"Fauxton {fauxton.VERSION} is installed already")
    else:
        fauxton.install(folder)
        say(f"installed Fauxton {fauxton.VERSION}")
    store = embedded.running(folder)
    if store is None:
        say("'crashfarm up' starts the store that serves it, at /_utils")
    else:
        tell(f"{store.url}/_utils/")
