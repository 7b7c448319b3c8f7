"""`crashfarm janitor`: keeping the farm in order."""

import random
import time
from typing import Annotated

import typer

from crashfarm import console, times
from crashfarm.errors import DatabaseUnavailable
from server.cli import options
from server.janitor import Done, Janitor, Keep


def register(parent: typer.Typer) -> None:
    """Add the command of this room."""
    parent.command("janitor")(janitor)


def janitor(
    every: Annotated[float, typer.Option(help="Seconds between two rounds.", min=0.1)] = 5.0,
    keep_jobs: Annotated[float, typer.Option(help="Days for which jobs that have ended are kept.", min=0.0)] = 14.0,
    keep_messages: Annotated[float, typer.Option(help="Days for which messages are kept.", min=0.0)] = 7.0,
    data: options.Data = None,
) -> None:
    """Take back what silent workers hold, free what waits, settle conflicts, remove what is old; until it is ended.

    Where no janitor runs, the workers do the urgent part of it. Two janitors do no harm.
    """
    farm = options.connect(data)
    keeper = Janitor(farm, Keep(jobs=keep_jobs, messages=keep_messages), times.utc_now)
    while True:
        try:
            _tell(keeper.round(time.monotonic()))
        except DatabaseUnavailable as exc:
            console.say(f"{exc}; trying again")
        time.sleep(every * random.uniform(0.8, 1.2))


def _tell(done: Done | None) -> None:
    """Say what was done, if anything was."""
    if done and done != Done():
        words = (f"{getattr(done, name)} {name.replace('_', ' ')}" for name in done.__struct_fields__)
        console.say(", ".join(words))
