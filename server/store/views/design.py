"""What a design document asks to be indexed, as values; and what is wrong with it, in CouchDB's words."""

import hashlib
from typing import Any

import msgspec

from server.store.errors import BadRequest, NotFound

_encode = msgspec.json.encode


class MapFunction(msgspec.Struct, frozen=True):
    """One map function and the distinct reduces that views put on it."""

    source: str
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
    collation: str | None = None
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
    views = _views(doc)
    options = doc.get("options") or {}
    lib = _library(doc)
    maps = _maps(views)
    places = {name: Place(_index_of(maps, view["map"]), _reduce_place(maps, view)) for name, view in views.items()}
    wanted = {
        "language": doc.get("language", "javascript"),
        "lib": lib,
        "collation": options.get("collation"),
        "include_design": bool(options.get("include_design")),
        "local_seq": bool(options.get("local_seq")),
    }
    signature = hashlib.sha256(_encode([maps, sorted(wanted.items())])).hexdigest()[:32]
    return Group(signature=signature, maps=tuple(maps), places=places, **wanted)


def check(ddoc: bytes) -> Group:
    """Like `parse`; also refuses what CouchDB refuses when a design document is written."""
    doc = msgspec.json.decode(ddoc)
    for field in ("options", "filters", "updates", "shows", "lists", "views"):
        if not isinstance(doc.get(field, {}), dict):
            raise invalid(f"`{field}` parameter must be an object.")
    if not isinstance(doc.get("language", ""), str):
        raise invalid("`language` must be a string.")
    return parse(ddoc)


def invalid(reason: str) -> BadRequest:
    """The error for a design document of the wrong shape."""
    return BadRequest(reason, "invalid_design_doc")


def _views(doc: dict[str, Any]) -> dict[str, dict[str, Any]]:
    views = doc.get("views") or {}
    if not isinstance(views, dict):
        raise invalid("`views` parameter must be an object.")
    named = {name: view for name, view in views.items() if name != "lib"}
    for name, view in named.items():
        _check_view(doc, name, view)
    return named


def _check_view(doc: dict[str, Any], name: str, view: Any) -> None:
    if not isinstance(view, dict) or "map" not in view:
        raise invalid(f"View definition of `{name}` must be an object with a `map` function.")
    if doc.get("language", "javascript") == "javascript" and not isinstance(view["map"], str):
        raise invalid(f"`map` in {name} must be a string")
    if not isinstance(view.get("reduce", ""), str):
        raise invalid(f"`reduce` in {name} must be a string")


def _library(doc: dict[str, Any]) -> str:
    lib = (doc.get("views") or {}).get("lib")
    return _encode({"views": {"lib": lib}}).decode() if lib else "{}"


def _source(view_map: Any) -> str:
    return view_map if isinstance(view_map, str) else _encode(view_map).decode()


def _maps(views: dict[str, dict[str, Any]]) -> list[MapFunction]:
    found: dict[str, list[str]] = {}
    for view in views.values():
        reduces = found.setdefault(_source(view["map"]), [])
        reduce = _reduce_source(view)
        if reduce and reduce not in reduces:
            reduces.append(reduce)
    return [MapFunction(source, tuple(sorted(reduces))) for source, reduces in sorted(found.items())]


def _reduce_source(view: dict[str, Any]) -> str | None:
    """Built-in reduces count as what they begin with, as in CouchDB; a file may end with a newline."""
    source = view.get("reduce")
    return source.strip() or None if isinstance(source, str) else None


def _index_of(maps: list[MapFunction], view_map: Any) -> int:
    return [one.source for one in maps].index(_source(view_map))


def _reduce_place(maps: list[MapFunction], view: dict[str, Any]) -> int | None:
    reduce = _reduce_source(view)
    return None if reduce is None else maps[_index_of(maps, view["map"])].reduces.index(reduce)
