"""What all documents share: an id, a revision, and members that others added and that survive a rewrite."""

from functools import cache
from typing import Any, ClassVar, Self, get_args

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
        try:
            return msgspec.convert(doc | {"id": doc["_id"], "rev": doc.get("_rev"), "origin": doc}, cls)
        except (msgspec.ValidationError, KeyError) as exc:
            raise InvalidDocument(f"{doc.get('_id')}: {exc}") from exc

    def to_doc(self) -> Json:
        """The document as CouchDB takes it: plain JSON values, members that we do not know included."""
        own: Json = _plain(self.evolve(origin={}))
        for name in _ENVELOPE:
            del own[name]
        if self.origin:
            _overlay(self, own, self.origin)
            for name in (*_ENVELOPE, "_id", "_rev", "type"):
                own.pop(name, None)
        revision = {"_rev": self.rev} if self.rev else {}
        return {"_id": self.id, **revision, "type": self.TYPE} | own

    def evolve(self, **changes: Any) -> Self:
        """The same document with some fields changed."""
        return msgspec.structs.replace(self, **changes)


class _Plan(msgspec.Struct, frozen=True):
    """What is to be known of a type of structs: its members, and those that may hold structs themselves."""

    members: frozenset[str]
    deep: tuple[str, ...]
    may_omit: bool


@cache
def _plan(cls: type[msgspec.Struct]) -> _Plan:
    fields = msgspec.structs.fields(cls)
    deep = tuple(field.name for field in fields if field.name not in _ENVELOPE and _holds_structs(field.type))
    return _Plan(frozenset(cls.__struct_fields__), deep, cls.__struct_config__.omit_defaults)


def _holds_structs(kind: Any) -> bool:
    """Whether values of a type may be structs, or hold some."""
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        return True
    return any(map(_holds_structs, get_args(kind)))


def _overlay(value: msgspec.Struct, plain: Json, origin: Json) -> None:
    """Put into `plain`, which is the value as JSON, the members of the origin that the value's type has no field for.

    It descends only where there may be any: documents are written far too often for more.
    """
    plan = _plan(type(value))
    for name in origin.keys() - plan.members:
        plain[name] = origin[name]
    if plan.may_omit:  # a default that our type leaves out, and the origin did not
        for name in (origin.keys() & plan.members) - plain.keys():
            plain[name] = _plain(getattr(value, name))
    for name in plan.deep:
        if name in plain and origin.get(name):
            _descend(getattr(value, name), plain[name], origin[name])


def _plain(value: Any) -> Any:
    """A value as JSON has it: lists, not tuples."""
    return msgspec.json.decode(msgspec.json.encode(value))


def _descend(value: Any, plain: Any, origin: Any) -> None:
    if isinstance(value, msgspec.Struct):
        if isinstance(origin, dict):
            _overlay(value, plain, origin)
    elif isinstance(value, dict) and isinstance(origin, dict):
        for name in value.keys() & origin.keys():
            _descend(value[name], plain[name], origin[name])
    elif isinstance(value, tuple) and isinstance(origin, list):
        for item, as_json, before in zip(value, plain, origin, strict=False):
            _descend(item, as_json, before)


def plain_name(document_id: str) -> str:
    """The part of an id behind its type: `worker:alpha` is `alpha`."""
    return document_id.partition(":")[2]
