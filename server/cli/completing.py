"""What a shell can complete of a farm: names that are on it. A farm that cannot be asked has none to offer."""

from collections.abc import Callable, Iterable

import typer

from crashfarm import settings
from crashfarm.errors import CrashfarmError
from crashfarm.settings import Farm
from server.queries import known, machines

SECONDS = 2.0
"""Nobody waits longer for a completion."""

Complete = Callable[..., list[str]]


def of_part(name: str) -> Complete:
    """Completes a part of the key by the values that results have."""
    return lambda ctx, incomplete: _names(ctx, incomplete, lambda farm: known.values(farm.history, name))


def of_words(words: Iterable[str]) -> Complete:
    """Completes one of these words."""
    return lambda incomplete: [word for word in words if word.startswith(incomplete)]


def workers(context: typer.Context, begun: str) -> list[str]:
    """Completes a worker's name."""
    return _names(context, begun, lambda farm: machines.worker_names(farm.status))


def _names(context: typer.Context, begun: str, find: Callable[[Farm], Iterable[str]]) -> list[str]:
    try:
        farm = settings.connect(settings.load(context.params.get("data")), SECONDS)
        return [name for name in find(farm) if name.startswith(begun)]
    except CrashfarmError:
        return []
