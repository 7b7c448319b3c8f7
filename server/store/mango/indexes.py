"""JSON indexes: how they are written in design documents, and what a document's key is in one.

{"language": "query", "views": {NAME: {"map": {"fields": {"a": "asc"}, "partial_filter_selector": {}},
 "reduce": "_count", "options": {"def": {"fields": ["a"]}}}}}
"""

import hashlib
from collections.abc import Sequence
from typing import Any

import msgspec

from server.store.errors import BadRequest
from server.store.mango import fields
from server.store.mango.normal import Selector, normal, shown

_encode = msgspec.json.encode

#: Field and direction, "asc" or "desc".
Column = tuple[str, str]


class IndexDef(msgspec.Struct, frozen=True):
    """An index; without a design document it is the one over ids."""

    ddoc: str | None
    name: str
    columns: tuple[Column, ...]
    partial: Selector = {}

    @property
    def is_special(self) -> bool:
        """True for the index over ids, which every database has."""
        return self.ddoc is None

    def describe(self) -> dict[str, Any]:
        """What `_index` tells of it."""
        definition: dict[str, Any] = {"fields": [{name: order} for name, order in self.columns]}
        if self.is_special:
            return {"ddoc": None, "name": self.name, "type": "special", "def": definition}
        if self.partial:
            definition["partial_filter_selector"] = self.partial
        return {"ddoc": self.ddoc, "name": self.name, "type": "json", "partitioned": False, "def": definition}

    def view(self, asked: dict[str, Any]) -> dict[str, Any]:
        """The view that makes it; *asked* is how it was asked for."""
        body = {"fields": dict(self.columns), "partial_filter_selector": self.partial}
        return {"map": body, "reduce": "_count", "options": {"def": asked}}


ALL_DOCS = IndexDef(None, "_all_docs", (("_id", "asc"),))


def listed(ddocs: Sequence[bytes]) -> list[IndexDef]:
    """The indexes that design documents hold, after the one over ids."""
    found = [index for ddoc in ddocs for index in of_design(msgspec.json.decode(ddoc))]
    return [ALL_DOCS, *sorted(found, key=lambda index: (index.ddoc or "", index.name))]


def of_design(doc: dict[str, Any]) -> list[IndexDef]:
    """The indexes of one design document."""
    views = doc.get("views")
    if doc.get("language") != "query" or not isinstance(views, dict):
        return []
    return [
        IndexDef(doc["_id"], name, columns_of(view["map"]), partial_of(view["map"]))
        for name, view in views.items()
        if isinstance(view, dict) and isinstance(view.get("map"), dict)
    ]


def asked_for(index: dict[str, Any], ddoc: str | None, name: str | None) -> IndexDef:
    """The index that a request defines; without names they are made of the definition."""
    columns = parse_columns(index["fields"])
    partial = normal(index.get("partial_filter_selector") or {})
    digest = hashlib.sha1(_encode([columns, partial]), usedforsecurity=False).hexdigest()
    ddoc = ddoc or digest
    return IndexDef(ddoc if ddoc.startswith("_design/") else f"_design/{ddoc}", name or digest, columns, partial)


def parse_columns(spec: Any) -> tuple[Column, ...]:
    """Fields with directions, from a `sort` or the `fields` of an index. BadRequest for what cannot be one."""
    if not isinstance(spec, list):
        raise BadRequest(f"Sort must be an array of sort specs, not: {shown(spec)}", "invalid_sort_json")
    columns = tuple(_column(each) for each in spec)
    if len({order for _, order in columns}) > 1:
        raise BadRequest("Sorts currently only support a single direction for all fields.", "unsupported_mixed_sort")
    return columns


def _column(spec: Any) -> Column:
    if isinstance(spec, str):
        fields.parse(spec)
        return spec, "asc"
    if isinstance(spec, dict) and len(spec) == 1:
        [(name, order)] = spec.items()
        if order in ("asc", "desc"):
            fields.parse(name)
            return name, order
    raise BadRequest(f"Invalid sort field: {shown(spec)}", "invalid_sort_field")


def columns_of(view_map: dict[str, Any]) -> tuple[Column, ...]:
    """The fields of an index, from the map of its view."""
    spec = view_map.get("fields")
    return tuple((name, str(order)) for name, order in spec.items()) if isinstance(spec, dict) else ()


def partial_of(view_map: dict[str, Any]) -> Selector:
    """What a document must be to be in an index, from the map of its view."""
    return normal(view_map.get("partial_filter_selector") or {})
