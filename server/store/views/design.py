"""What a design document asks to be indexed, as values; and what is wrong with it, in CouchDB's words."""

import hashlib
from typing import Any

import msgspec

from server.store.errors import BadRequest, NotFound

_encode = msgspec.json.encode


class MapFunction(msgspec.Struct, frozen=True):
    """One map function, the order of its keys, and the distinct reduces that views put on it."""

    source: str
    collation: str | None = None
    reduces: tuple[str, ...] = ()


class Place(msgspec.Struct, frozen=True):
    """Where a view's rows are: which map function, and which of its reduces (None: a view without)."""

    map: int
    reduce: int | None


class Group(msgspec.Struct, frozen=True):
    """All views of a design document: one index. Groups that ask for the same rows have the same signature."""

    signature: str
    language: str
    maps: tuple[MapFunction, ...]
    places: dict[str, Place]
    lib: str = "{}"
    include_design: bool = False
    local_seq: bool = False

    def place(self, view: str) -> Place:
        """The rows of a view; NotFound when the design document has no such view."""
        if view not in self.places:
            raise NotFound("missing_named_view")
        return self.places[view]


def parse(ddoc: bytes) -> Group:
    """The group of a design document, given as JSON text. Raises BadRequest when it is malformed."""
    doc = msgspec.json.decode(ddoc)
    views = {name: view for name, view in _object(doc, "views").items() if name != "lib"}
    options = _object(doc, "options")
    maps = _maps(views, options)
    keys = [(one.source, one.collation) for one in maps]
    places = {}
    for name, view in views.items():
        at = keys.index(_map_key(name, view, options))
        reduce = _reduce_source(view)
        places[name] = Place(at, None if reduce is None else maps[at].reduces.index(reduce))
    wanted = {
        "language": doc.get("language", "javascript"),
        "lib": _library(doc),
        "include_design": bool(options.get("include_design")),
        "local_seq": bool(options.get("local_seq")),
    }
    signature = hashlib.sha256(_encode([maps, sorted(wanted.items())])).hexdigest()[:32]
    return Group(signature=signature, maps=tuple(maps), places=places, **wanted)


def check(ddoc: bytes) -> Group:
    """Like `parse`; also refuses what CouchDB refuses when a design document is written."""
    doc = msgspec.json.decode(ddoc)
    for field, shape in _SHAPES.items():
        _require(doc, field, field, shape)
    for field in ("filters", "updates", "shows", "lists"):
        for name in _object(doc, field):
            _require(doc[field], name, f"{field}.{name}", "string or object")
    is_query = doc.get("language") == "query"
    for name, view in _object(doc, "views").items():
        _require(doc["views"], name, f"views.{name}", "object")
        if name != "lib":
            _require(view, "map", f"views.{name}.map", "object" if is_query else "string")
            _require(view, "reduce", f"views.{name}.reduce", "string")
    return parse(ddoc)


def invalid(reason: str) -> BadRequest:
    """The error for a design document of the wrong shape."""
    return BadRequest(reason, "invalid_design_doc")


_SHAPES = {
    "language": "string",
    "options": "object",
    "filters": "object",
    "updates": "object",
    "shows": "object",
    "lists": "object",
    "views": "object",
    "validate_doc_update": "string",
    "rewrites": "array or string",
}
_TYPES = {"string": str, "object": dict, "array": list}


def _require(owner: dict[str, Any], name: str, path: str, shape: str) -> None:
    kinds = tuple(_TYPES[word] for word in shape.split(" or "))
    if name in owner and not isinstance(owner[name], kinds):
        raise invalid(f"`{path}` field must have {shape} type")


def _object(doc: dict[str, Any], field: str) -> dict[str, Any]:
    _require(doc, field, field, "object")
    found: dict[str, Any] = doc.get(field, {})
    return found


def _library(doc: dict[str, Any]) -> str:
    lib = _object(doc, "views").get("lib")
    return _encode({"views": {"lib": lib}}).decode() if lib else "{}"


def _map_key(name: str, view: Any, options: dict[str, Any]) -> tuple[str, str | None]:
    """What makes a map function: its source and the order of its keys. A query's map is an object."""
    if not isinstance(view, dict):
        raise invalid(f"`views.{name}` field must have object type")
    if "map" not in view:
        raise invalid(f"View `{name}` must contain map function")
    source = view["map"]
    own = view.get("options")
    collation = (own if isinstance(own, dict) else {}).get("collation", options.get("collation"))
    text = source if isinstance(source, str) else _encode(source).decode()
    return text, "raw" if collation == "raw" else None


def _maps(views: dict[str, dict[str, Any]], options: dict[str, Any]) -> list[MapFunction]:
    found: dict[tuple[str, str | None], list[str]] = {}
    for name, view in views.items():
        reduces = found.setdefault(_map_key(name, view, options), [])
        reduce = _reduce_source(view)
        if reduce and reduce not in reduces:
            reduces.append(reduce)
    keys = sorted(found, key=str)
    return [MapFunction(source, order, tuple(sorted(found[source, order]))) for source, order in keys]


def _reduce_source(view: dict[str, Any]) -> str | None:
    """The reduce function's text; a file may end with a newline."""
    source = view.get("reduce")
    return source.strip() or None if isinstance(source, str) else None
