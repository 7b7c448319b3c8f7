"""`crashfarm explain`: what a log says, and how its signature came about."""

import sys
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from crashfarm import console
from crashfarm.errors import InputError
from crashfarm.understand import describe, explain
from server.cli import options

MAX_BYTES = 256 * 1024 * 1024
"""A longer log is read up to here."""


def register(app: typer.Typer) -> None:
    """Add the commands of this room."""
    app.command("explain")(explain_log)


def explain_log(
    log: Annotated[str, typer.Argument(metavar="LOG", help="A file, or - for standard input.")],
    status: Annotated[int | None, typer.Option(help="The exit status that the program ended with.", min=0)] = None,
    signal: Annotated[int | None, typer.Option(help="The number of the signal that ended it.", min=1, max=64)] = None,
    timed_out: Annotated[bool, typer.Option("--timed-out", help="A time limit ended it.")] = False,
    as_json: options.AsJson = False,
) -> None:
    """Say what a log shows: the findings, what matched, which frames were dropped from each signature, and why.

    Needs no farm. Example: crashfarm explain crash.log --signal 11
    """
    told = explain(exit_status=status, signal=signal, timed_out=timed_out, output=_read(log))
    if as_json:
        sys.stdout.write(msgspec.json.format(msgspec.json.encode(told.understanding.findings)).decode() + "\n")
        return
    for line in describe(told):
        console.tell(line)


def _read(log: str) -> bytes:
    if log == "-":
        return sys.stdin.buffer.read(MAX_BYTES)
    try:
        with Path(log).open("rb") as file:
            return file.read(MAX_BYTES)
    except OSError as exc:
        raise InputError(f"cannot read {log}: {exc.strerror}") from exc
