"""`crashfarm collect`: doing what new and changed documents ask for."""

import logging
import random
import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from crashfarm import console, settings, times
from server import companions
from server.cli import options
from server.collector import Collector, roster


def register(parent: typer.Typer) -> None:
    """Add the command of this room."""
    parent.command("collect")(collect)


def collect(
    every: Annotated[float, typer.Option(help="Seconds between two rounds.", min=0.1)] = 2.0,
    once: Annotated[bool, typer.Option("--once", help="End when nothing is left to do.")] = False,
    beside: Annotated[int, typer.Option(hidden=True)] = 0,
    data: options.Data = None,
) -> None:
    """Follow the farm: name the known bugs of what was found, have new findings reproduced; until it is ended.

    'crashfarm up' starts one with its store. Where COUCHDB_URL names the farm, run one somewhere. Two do no harm.
    """
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    if beside:
        _attend(settings.data_folder(data), beside, every)
        return
    farm = options.connect(data)
    collector = Collector(farm, roster.duties(farm, times.utc_now), times.utc_now)
    if once:
        while done := {name: count for name, count in collector.round(_raise).items() if count}:
            console.say(_words(done))
        return
    _follow(collector, every, lambda: True)


def _attend(folder: Path, beside: int, every: float) -> None:
    """Collect for the store of a folder until that has ended."""
    with companions.attending(folder, "collect", beside) as found:
        if found:
            farm = settings.connect(found)
            collector = Collector(farm, roster.duties(farm, times.utc_now), times.utc_now)
            _follow(collector, every, lambda: companions.store_runs(folder))


def _follow(collector: Collector, every: float, wanted: Callable[[], bool]) -> None:
    """Round after round; a fault is told once, until there is another one or none."""
    before: dict[str, str] = {}
    while wanted():
        faults = _round(collector)
        for name, fault in faults.items() - before.items():
            console.say(f"{name}: {fault}; trying again")
        before = faults
        time.sleep(every * random.uniform(0.8, 1.2))


def _round(collector: Collector) -> dict[str, str]:
    """One round; why duties have to try again, by their names."""
    faults: dict[str, str] = {}
    collector.round(lambda name, fault: faults.update({name: str(fault)}))
    return faults


def _raise(name: str, fault: Exception) -> None:
    raise fault


def _words(done: dict[str, int]) -> str:
    return ", ".join(f"{name}: {count}" for name, count in done.items())
