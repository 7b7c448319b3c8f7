"""JSON indexes: how they are written in design documents, and what a document's key is in one.

{"language": "query", "views": {NAME: {"map": {"fields": {"a": "asc"}, "partial_filter_selector": {}},
 "reduce": "_count", "options": {"def": {"fields": ["a"]}}}}}
"""

import hashlib
from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from server.store.collation import encode
from server.store.errors import BadRequest
from server.store.javascript.messages import Mapped, Row
from server.store.javascript.rows import composite
from server.store.mango import fields
from server.store.mango.normal import Selector, normal, shown
from server.store.views.design import Group
from server.store.views.mapping import Source

_encode = msgspec.json.encode

#: Which documents, as JSON text, meet a selector.
Select = Callable[[Any, Sequence[bytes]], list[bool]]
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
        IndexDef(doc["_id"], name, _columns(view["map"]), _partial(view["map"]))
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


def _columns(view_map: dict[str, Any]) -> tuple[Column, ...]:
    spec = view_map.get("fields")
    return tuple((name, str(order)) for name, order in spec.items()) if isinstance(spec, dict) else ()


def _partial(view_map: dict[str, Any]) -> Selector:
    return normal(view_map.get("partial_filter_selector") or {})


class IndexMapper:
    """Makes the rows of a design document's indexes; documents that lack a field are in none that asks for it."""

    def __init__(self, group: Group, select: Select) -> None:
        maps = [msgspec.json.decode(one.source) for one in group.maps]
        self._paths = [[fields.parse(name) for name, _ in _columns(each)] for each in maps]
        self._partials = [_partial(each) for each in maps]
        self._select = select
        self._batch: Sequence[Source] = ()

    def begin(self, batch: Sequence[Source]) -> None:
        self._batch = batch

    def finish(self) -> Mapped:
        docs = [msgspec.json.decode(source.body) for source in self._batch]
        wanted = [self._wanted(partial) for partial in self._partials]
        rows: list[list[Row]] = [[] for _ in self._paths]
        keys = []
        for at, (source, doc) in enumerate(zip(self._batch, docs, strict=True)):
            chosen = [paths if each[at] else None for paths, each in zip(self._paths, wanted, strict=True)]
            found = [None if paths is None else _key(doc, paths) for paths in chosen]
            if any(found):
                keys.append((source.id, [[] if key is None else [encode(key)] for key in found]))
                _add(rows, source.id, found)
        for each in rows:
            each.sort()
        return Mapped(rows, keys)

    def _wanted(self, partial: Selector) -> list[bool]:
        if not partial:
            return [True] * len(self._batch)
        return self._select(partial, [source.body for source in self._batch])


def _key(doc: Any, paths: Sequence[fields.Path]) -> list[Any] | None:
    key = [fields.get(doc, path) for path in paths]
    return None if any(value is fields.MISSING for value in key) else key


def _add(rows: list[list[Row]], doc_id: str, keys: Sequence[list[Any] | None]) -> None:
    for found, key in zip(rows, keys, strict=True):
        if key is not None:
            row = b'{"id":%b,"key":%b,"value":null}' % (_encode(doc_id), _encode(key))
            found.append((composite(encode(key), doc_id.encode(), 0), row))
