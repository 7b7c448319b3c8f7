"""Paths to members of documents: `a.b`, `list.0`, and `a\\.b` for a member whose name has a dot."""

import functools
import re
from collections.abc import Sequence
from typing import Any

from server.store.errors import BadRequest

Path = tuple[str, ...]
_DOT = re.compile(r"(?<!\\)\.")


class _Missing:
    def __repr__(self) -> str:
        return "MISSING"


#: What a path that leads nowhere finds.
MISSING: Any = _Missing()


@functools.lru_cache(maxsize=1000)
def parse(field: str) -> Path:
    """The steps of a path. BadRequest for an empty one."""
    if not field:
        raise BadRequest("One or more conditions is missing a field name.", "invalid_selector")
    return tuple(step.replace("\\.", ".") for step in _DOT.split(field))


def join(outer: str, inner: str) -> str:
    """The path of a member of a member."""
    return f"{outer}.{inner}" if outer else inner


def get(value: Any, path: Path) -> Any:
    """What a path finds in a document, or MISSING."""
    for step in path:
        if isinstance(value, dict):
            value = value.get(step, MISSING)
        elif isinstance(value, list) and step.isascii() and step.isdigit() and int(step) < len(value):
            value = value[int(step)]
        else:
            return MISSING
        if value is MISSING:
            return MISSING
    return value


def project(doc: Any, paths: Sequence[Path]) -> dict[str, Any]:
    """A document with only the members at some paths, nested as they are in the whole."""
    made: dict[str, Any] = {}
    for path in paths:
        value = get(doc, path)
        if value is not MISSING:
            _put(made, path, value)
    return made


def _put(target: dict[str, Any], path: Path, value: Any) -> None:
    for step in path[:-1]:
        inner = target.setdefault(step, {})
        if not isinstance(inner, dict):
            return
        target = inner
    target[path[-1]] = value
