"""What all documents share: an id, a revision, and members that others added and that survive a rewrite."""

from typing import Any, ClassVar, Self

import msgspec

from crashfarm.errors import InvalidDocument

Json = dict[str, Any]

_ENVELOPE = ("id", "rev", "origin")


class Document(msgspec.Struct, frozen=True, kw_only=True):
    """A document of the farm.

    `origin` is the document as it was read. Members of it that this version has no field for, on any level, are
    written back as they were: an admin's note, a newer version's field, CouchDB's own `_attachments`.
    """

    TYPE: ClassVar[str] = ""

    id: str
    rev: str | None = None
    origin: Json = {}

    @classmethod
    def from_doc(cls, doc: Json) -> Self:
        """Read a document as CouchDB gives it. Raises InvalidDocument, naming the field and the reason."""
        if doc.get("type") != cls.TYPE:
            raise InvalidDocument(f"{doc.get('_id')}: type is {doc.get('type')!r}, not {cls.TYPE!r}")
        fields = {name: value for name, value in doc.items() if name not in _ENVELOPE}
        try:
            return msgspec.convert(fields | {"id": doc["_id"], "rev": doc.get("_rev"), "origin": doc}, cls)
        except (msgspec.ValidationError, KeyError) as exc:
            raise InvalidDocument(f"{doc.get('_id')}: {exc}") from exc

    def to_doc(self) -> Json:
        """The document as CouchDB takes it: plain JSON values, members that we do not know included."""
        own: Json = _overlay(self, self.origin)
        for name in (*_ENVELOPE, "_id", "_rev", "type"):
            own.pop(name, None)
        revision = {"_rev": self.rev} if self.rev else {}
        return {"_id": self.id, **revision, "type": self.TYPE} | own

    def evolve(self, **changes: Any) -> Self:
        """The same document with some fields changed."""
        return msgspec.structs.replace(self, **changes)


def _overlay(value: Any, origin: Any) -> Any:
    """The value as JSON, with the members of the original object that its type has no field for."""
    if isinstance(value, msgspec.Struct):
        before = origin if isinstance(origin, dict) else {}
        fields = value.__struct_fields__
        unknown = {name: member for name, member in before.items() if name not in fields}
        return unknown | {name: _overlay(getattr(value, name), before.get(name)) for name in fields}
    if isinstance(value, dict):
        before = origin if isinstance(origin, dict) else {}
        return {name: _overlay(member, before.get(name)) for name, member in value.items()}
    if isinstance(value, tuple):
        items = origin if isinstance(origin, list) else []
        return [_overlay(item, items[at] if at < len(items) else None) for at, item in enumerate(value)]
    return msgspec.to_builtins(value)


def plain_name(document_id: str) -> str:
    """The part of an id behind its type: `worker:alpha` is `alpha`."""
    return document_id.partition(":")[2]
