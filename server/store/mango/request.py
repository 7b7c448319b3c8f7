"""The bodies of `_find`, `_explain` and `_index`, read and checked, with CouchDB's words for what is wrong."""

from collections.abc import Callable
from typing import Any

import msgspec

from server.store.errors import BadRequest
from server.store.mango.fields import Path
from server.store.mango.fields import parse as parse_path
from server.store.mango.indexes import Column, parse_columns
from server.store.mango.normal import Selector, normal, shown

DEFAULT_LIMIT = 25


class FindOptions(msgspec.Struct, frozen=True, kw_only=True):
    """A query. `use_index` is empty, or a design document's id and perhaps an index's name; no `fields` are all."""

    selector: Selector
    use_index: tuple[str, ...] = ()
    bookmark: str | None = None
    limit: int = DEFAULT_LIMIT
    skip: int = 0
    sort: tuple[Column, ...] = ()
    fields: tuple[str, ...] = ()
    partition: str = ""
    r: int = 1
    conflicts: bool = False
    update: bool = True
    stable: bool = False
    execution_stats: bool = False
    allow_fallback: bool = True

    @property
    def descending(self) -> bool:
        """True when the sort goes down."""
        return bool(self.sort) and self.sort[0][1] == "desc"

    def paths(self) -> list[Path]:
        """The members that the client wants; none are all."""
        return [parse_path(field) for field in self.fields]


class IndexRequest(msgspec.Struct, frozen=True, kw_only=True):
    """An index to be made: its definition as it was given, its type, and its names, if it is to have its own."""

    index: dict[str, Any]
    type: str = "json"
    name: str | None = None
    ddoc: str | None = None
    partitioned: bool = False


def parse_find(body: dict[str, Any]) -> FindOptions:
    """A query from a request's body."""
    return FindOptions(**_parse(body, _FIND, ("selector",)))


def parse_index(body: dict[str, Any]) -> IndexRequest:
    """A request for an index from its body."""
    asked = IndexRequest(**_parse(body, _INDEX, ("index",)))
    if asked.type not in ("json", "text", "special"):
        raise BadRequest(f"Invalid type for index: {asked.type}", "invalid_index")
    if asked.type == "json" and "fields" not in asked.index:
        raise _missing("fields")
    return asked


Read = Callable[[Any], Any]


def _parse(body: dict[str, Any], readers: dict[str, Read], required: tuple[str, ...]) -> dict[str, Any]:
    for name in required:
        if name not in body:
            raise _missing(name)
    for name in body:
        if name not in readers:
            raise BadRequest(f"Invalid key {name} for this request.", "invalid_key")
    return {name: readers[name](value) for name, value in body.items()}


def _missing(name: str) -> BadRequest:
    return BadRequest(f"Missing required key: {name}", "missing_required_key")


def _boolean(value: Any) -> bool:
    if not isinstance(value, bool):
        raise BadRequest(f"Invalid boolean: {shown(value)}", "invalid_boolean")
    return value


def _whole(value: Any) -> int:
    if type(value) is not int or value < 0:
        raise BadRequest(f"{shown(value)} is not an integer greater than or equal to zero", "invalid_non_neg_integer")
    return value


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise BadRequest(f"Invalid string: {shown(value)}", "invalid_string")
    return value


def _name(value: Any) -> str:
    if not _text(value):
        raise BadRequest("Index name or ddoc cannot be empty string", "invalid_empty_string")
    return str(value)


def _fields(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise BadRequest(f"Fields must be an array of strings, not: {shown(value)}", "invalid_fields")
    for field in value:
        if not isinstance(field, str) or not field:
            raise BadRequest(f"Invalid JSON for field spec: {shown(field)}", "invalid_field")
    return tuple(value)


def _use_index(value: Any) -> tuple[str, ...]:
    names = value if isinstance(value, list) else [value]
    if len(names) > 2 or not all(isinstance(name, str) for name in names):
        raise BadRequest(f"Invalid index name: {shown(value)}", "invalid_index_name")
    if not names or not names[0]:
        return ()
    ddoc = names[0] if names[0].startswith("_design/") else f"_design/{names[0]}"
    return (ddoc, *names[1:])


def _definition(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise BadRequest(f"JSON indexes must be an object, not: {shown(value)}", "invalid_index")
    return value


_FIND: dict[str, Read] = {
    "selector": normal,
    "use_index": _use_index,
    "bookmark": _text,
    "limit": _whole,
    "skip": _whole,
    "sort": parse_columns,
    "fields": _fields,
    "partition": _text,
    "r": _whole,
    "conflicts": _boolean,
    "update": _boolean,
    "stable": _boolean,
    "execution_stats": _boolean,
    "allow_fallback": _boolean,
}
_INDEX: dict[str, Read] = {
    "index": _definition,
    "type": _text,
    "name": _name,
    "ddoc": _name,
    "partitioned": _boolean,
}
