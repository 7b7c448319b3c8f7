"""The command `crashfarm`: what analysts, admins and reporters type."""

from typing import Annotated

import typer

import crashfarm
from crashfarm import console
from server.cli import branches, crashes, demo, export, janitor, jobs, push, report, up, watch, worker

app = typer.Typer(
    name="crashfarm",
    help="A crash-hunting farm whose whole state is documents in Apache CouchDB.",
    epilog="The store is the one that COUCHDB_URL names (http://user@host:5984/, the password in "
    "COUCHDB_PASSWORD or COUCHDB_PASSWORD_FILE), else the embedded one that 'crashfarm up' starts.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for room in (up, push, branches, jobs, worker, janitor, watch, crashes, report, export, demo):
    room.register(app)


@app.callback()
def main_options(
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Say more, and show where an error arose.")] = False,
) -> None:
    """A crash-hunting farm whose whole state is documents in Apache CouchDB."""
    console.be_verbose(verbose)


@app.command()
def version() -> None:
    """Print the version."""
    console.tell(f"crashfarm {crashfarm.__version__}")


def main() -> None:
    """The entry point."""
    console.run(app, "crashfarm")
