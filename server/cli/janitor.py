"""`crashfarm janitor`: keeping the farm in order."""

import random
import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from crashfarm import console, settings, times
from crashfarm.errors import DatabaseError, DatabaseUnavailable
from crashfarm.settings import Farm
from server import companions
from server.cli import options
from server.janitor import Done, Janitor, Keep


def register(parent: typer.Typer) -> None:
    """Add the command of this room."""
    parent.command("janitor")(janitor)


def janitor(
    every: Annotated[float, typer.Option(help="Seconds between two rounds.", min=0.1)] = 5.0,
    keep_jobs: Annotated[float, typer.Option(help="Days for which jobs that have ended are kept.", min=0.0)] = 14.0,
    keep_messages: Annotated[float, typer.Option(help="Days for which messages are kept.", min=0.0)] = 7.0,
    beside: Annotated[int, typer.Option(hidden=True)] = 0,
    data: options.Data = None,
) -> None:
    """Take back what silent workers hold, free what waits, settle conflicts, remove what is old; until it is ended.

    'crashfarm up' starts one with its store. Where none runs, the workers do the urgent part of it. Two do no harm.
    """
    keep = Keep(jobs=keep_jobs, messages=keep_messages)
    if beside:
        _attend(settings.data_folder(data), beside, keep, every)
    else:
        _keep_order(options.connect(data), keep, every, lambda: True, DatabaseUnavailable)


def _attend(folder: Path, beside: int, keep: Keep, every: float) -> None:
    """Keep order in the farm of a folder's store until that has ended; the farm may yet have to be made."""
    with companions.attending(folder, "janitor", beside) as found:
        if found:
            _keep_order(settings.connect(found), keep, every, lambda: companions.store_runs(folder), DatabaseError)


def _keep_order(farm: Farm, keep: Keep, every: float, wanted: Callable[[], bool], passing: type[DatabaseError]) -> None:
    """Round after round. A fault of the kind that passes is told once, until there is another one or none."""
    keeper = Janitor(farm, keep, times.utc_now)
    before = ""
    while wanted():
        fault = ""
        try:
            _tell(keeper.round(time.monotonic()))
        except passing as exc:
            fault = str(exc)
        if fault and fault != before:
            console.say(f"{fault}; trying again")
        before = fault
        time.sleep(every * random.uniform(0.8, 1.2))


def _tell(done: Done | None) -> None:
    """Say what was done, if anything was."""
    if done and done != Done():
        words = (f"{getattr(done, name)} {name.replace('_', ' ')}" for name in done.__struct_fields__)
        console.say(", ".join(words))
