"""A farm's record as tables: making it, and asking it."""

from pathlib import Path
from typing import Any

from crashfarm.settings import Farm
from server.export import asking, mirror
from server.report import publish

MARKER = publish.Marker(farm="crashfarm", made_at="2026-11-22T12:00:00.000Z")


def update(farm: Farm, path: Path) -> int:
    """Bring a file up to date."""
    return mirror.update(farm, path, lambda done: None)


def rows(path: Path, question: str) -> list[tuple[Any, ...]]:
    """The answer to a question."""
    return asking.ask(path, question).rows


def every(table: str) -> str:
    """The question for all rows of a table."""
    return "SELECT * FROM " + table  # noqa: S608 names are ours


def put(farm: Farm, doc: dict[str, Any]) -> None:
    """Write a document into the farm's history."""
    farm.history.put(doc)
