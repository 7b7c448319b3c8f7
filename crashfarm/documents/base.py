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
        own: Json = msgspec.json.decode(msgspec.json.encode(self.evolve(origin={})))
        _overlay(self, own, self.origin)
        for name in (*_ENVELOPE, "_id", "_rev", "type"):
            own.pop(name, None)
        revision = {"_rev": self.rev} if self.rev else {}
        return {"_id": self.id, **revision, "type": self.TYPE} | own

    def evolve(self, **changes: Any) -> Self:
        """The same document with some fields changed."""
        return msgspec.structs.replace(self, **changes)


def _overlay(value: Any, plain: Any, origin: Any) -> None:
    """Put into `plain`, which is the value as JSON, the members of the origin that the value's type has no field for.

    It descends only where the origin has something to keep: documents are written far too often for more.
    """
    if isinstance(value, msgspec.Struct) and isinstance(origin, dict) and isinstance(plain, dict):
        fields = value.__struct_fields__
        for name, member in origin.items():
            if name not in fields:
                plain[name] = member
                continue
            if name not in plain:  # a default that our type leaves out, and the origin did not
                plain[name] = msgspec.json.decode(msgspec.json.encode(getattr(value, name)))
            if isinstance(member, dict | list):
                _overlay(getattr(value, name), plain[name], member)
    elif isinstance(value, dict) and isinstance(origin, dict):
        for name in value.keys() & origin.keys():
            _overlay(value[name], plain[name], origin[name])
    elif isinstance(value, tuple) and isinstance(origin, list):
        for item, as_json, before in zip(value, plain, origin, strict=False):
            _overlay(item, as_json, before)


def plain_name(document_id: str) -> str:
    """The part of an id behind its type: `worker:alpha` is `alpha`."""
    return document_id.partition(":")[2]
