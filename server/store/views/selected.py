"""The rows of JSON indexes: a document's key is the list of its members at the index's fields."""

from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from server.store.collation import encode
from server.store.javascript.messages import Mapped, Row
from server.store.javascript.rows import composite
from server.store.mango import fields, indexes
from server.store.mango.normal import Selector
from server.store.views.design import Group
from server.store.views.mapping import Source

_encode = msgspec.json.encode

#: Which documents, as JSON text, meet a selector.
Select = Callable[[Any, Sequence[bytes]], list[bool]]


class IndexMapper:
    """Makes the rows of a design document's indexes; documents that lack a field are in none that asks for it."""

    def __init__(self, group: Group, select: Select) -> None:
        maps = [msgspec.json.decode(one.source) for one in group.maps]
        self._paths = [[fields.parse(name) for name, _ in indexes.columns_of(each)] for each in maps]
        self._partials = [indexes.partial_of(each) for each in maps]
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
