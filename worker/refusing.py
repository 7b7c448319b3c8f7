"""What is wrong with a setting, in words: its name, its value, and what it may be."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, get_args, get_type_hints

import msgspec
from msgspec import Meta

_AT = re.compile(r" - at `\$\.([a-z_.]+)")
_UNKNOWN = re.compile(r"unknown field `(.*?)`")

_TYPES = {int: "a whole number", float: "a number", str: "a text", bool: "true or false"}

_BOUNDS = (("gt", "more than"), ("ge", "at least"), ("lt", "less than"), ("le", "at most"))


def words(cls: type[msgspec.Struct], settings: Mapping[str, Any], said: str) -> str:
    """The fault of settings that are no `cls`, from what msgspec says of it."""
    at = _AT.search(said)
    path = at[1].split(".") if at else []
    if unknown := _UNKNOWN.search(said):
        known = get_type_hints(_kind(cls, path))
        return f"there is no setting {'.'.join([*path, unknown[1]])!r}; those there are: {', '.join(known)}"
    if not path:
        return said
    found: Any = settings
    for name in path:
        found = found[name]
    hints = get_type_hints(_kind(cls, path[:-1]), include_extras=True)
    return f"{'.'.join(path)} is {found!r}, but must be {_allowed(hints[path[-1]])}"


def _kind(cls: Any, path: Sequence[str]) -> Any:
    for name in path:
        cls = get_type_hints(cls)[name]
    return cls


def _allowed(hint: Any) -> str:
    kind, *notes = (getattr(hint, "__metadata__", None) and get_args(hint)) or (hint,)
    meta = next((note for note in notes if isinstance(note, Meta)), Meta())
    if meta.pattern is not None:
        return meta.description or f"a text like {meta.pattern}"
    bounds = [f"{said} {bound:g}" for name, said in _BOUNDS if (bound := getattr(meta, name)) is not None]
    what = _TYPES.get(kind) or ("a list of texts" if get_args(kind) else "a table of settings")
    told = " ".join([what, " and ".join(bounds)]).strip()
    return f"{told}: {meta.description}" if meta.description else told
