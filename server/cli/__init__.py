"""The command `crashfarm`: what analysts, admins and reporters type."""

import importlib
import os
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated

import typer

import crashfarm
from crashfarm import console

ROOMS: dict[str, tuple[str, ...]] = {
    "up": ("up", "down"),
    "push": ("push",),
    "branches": ("branch",),
    "jobs": ("job",),
    "worker": ("worker",),
    "janitor": ("janitor",),
    "collect": ("collect",),
    "bugs": ("bug",),
    "watch": ("watch",),
    "crashes": ("crashes",),
    "results": ("results",),
    "jobs_asked": ("jobs",),
    "workers_asked": ("workers",),
    "diff": ("diff",),
    "report": ("report",),
    "explain": ("explain",),
    "reproduce": ("reproduce",),
    "reduce": ("reduce",),
    "ranges": ("range",),
    "reprocess": ("reprocess",),
    "variants": ("variants",),
    "export": ("export", "sql"),
    "fauxton": ("fauxton",),
    "dashboard": ("dashboard",),
    "demo": ("demo",),
}
"""The modules of this package and the commands that each adds: only the one that is asked for is imported.

Plotting, SQL and HTML take longer to import than most commands take to answer.
"""


_WORD = re.compile(r"\S+\s?")


PANELS: dict[str, tuple[str, ...]] = {
    "Set up": ("up", "down", "push", "branch", "fauxton", "dashboard", "demo"),
    "Run": ("job", "worker", "watch", "janitor", "collect"),
    "Ask": ("crashes", "results", "jobs", "workers", "diff", "sql"),
    "Publish": ("report", "export"),
    "Understand": ("explain", "reproduce", "reduce", "range", "variants", "bug", "reprocess"),
}
"""How the commands are listed to those who ask for help. What is in none comes first."""


def main_options(
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Say more, and show where an error arose.")] = False,
) -> None:
    """A crash-hunting farm whose whole state is documents in Apache CouchDB."""
    console.be_verbose(verbose)


def version() -> None:
    """Print the version."""
    console.tell(f"crashfarm {crashfarm.__version__}")


def build(rooms: Iterable[str] = ROOMS) -> typer.Typer:
    """The command line with the commands of these rooms."""
    app = typer.Typer(
        name="crashfarm",
        help="A crash-hunting farm whose whole state is documents in Apache CouchDB.",
        epilog="The store is the one that COUCHDB_URL names (http://user@host:5984/, the password in "
        "COUCHDB_PASSWORD or COUCHDB_PASSWORD_FILE), else the embedded one that 'crashfarm up' starts.",
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(main_options)
    for room in rooms:
        importlib.import_module(f"server.cli.{room}").register(app)
    app.command()(version)
    for command in app.registered_commands:
        command.rich_help_panel = _panel(command.name)
    for group in app.registered_groups:
        group.rich_help_panel = _panel(group.name)
    return app


def _panel(name: str | None) -> str | None:
    return next((panel for panel, names in PANELS.items() if name in names), None)


def rooms_for(arguments: Sequence[str], environ: Mapping[str, str] = os.environ) -> list[str]:
    """The rooms that a command line needs: one, if its first word is a command; all, to list or complete them.

    A shell that wants a word completed tells the line that it has so far in a variable.
    """
    if "_CRASHFARM_COMPLETE" in environ:
        line = environ.get("COMP_WORDS") or environ.get("_TYPER_COMPLETE_ARGS") or ""
        # The last word is the one to complete, unless a space follows it.
        arguments = [word.strip() for word in _WORD.findall(line)[1:] if word[-1].isspace()]
    word = next((argument for argument in arguments if not argument.startswith("-")), "")
    needed = [room for room, commands in ROOMS.items() if word in commands]
    return needed or list(ROOMS)


def main() -> None:
    """The entry point."""
    console.run(lambda: build(rooms_for(sys.argv[1:]))(), "crashfarm")
