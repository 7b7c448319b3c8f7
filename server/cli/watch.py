"""`crashfarm watch`: what happens on the farm, live."""

import sys
from typing import Annotated

import msgspec
import typer

from crashfarm import console
from crashfarm.settings import Farm, Settings
from server import watch as events
from server.cli import options

QUIET_SIGNS = 3
"""So many signs of life in a row, from two feeds, mean that what led to an empty queue has been told too."""

UntilEmpty = Annotated[bool, typer.Option("--until-empty", help="End when no job is pending or running.")]


def register(app: typer.Typer) -> None:
    """Add the commands of this room."""
    app.command("watch")(watch)


def watch(until_empty: UntilEmpty = False, data: options.Data = None, as_json: options.AsJson = False) -> None:
    """Print what happens on the farm as it happens: jobs, workers, findings. Ctrl-C ends it.

    With --json, one object a line.
    """
    found = options.load(data)
    farm = options.connect(data)
    _follow(found, farm, until_empty, as_json)
    now = events.counts(farm.status)
    console.say(f"{now.pending} pending, {now.running} running, {now.completed} completed, {now.aborted} aborted")


def _follow(found: Settings, farm: Farm, until_empty: bool, as_json: bool) -> None:
    with events.following(found, farm) as happenings:
        console.say("watching" if until_empty else "watching; Ctrl-C ends it")
        quiet = 0
        for event in happenings:
            if event is not None:
                _print(event, as_json)
                quiet = 0
            elif until_empty and events.counts(farm.status).empty:
                quiet += 1
                if quiet == QUIET_SIGNS:
                    return


def _print(event: events.Event, as_json: bool) -> None:
    if as_json:
        sys.stdout.write(msgspec.json.encode(event).decode() + "\n")
    else:
        mark = "new " if event.new and event.kind == "finding" else ""
        console.tell(f"{event.when}  {mark}{event.kind}  {event.id}  {event.what}")
    sys.stdout.flush()
