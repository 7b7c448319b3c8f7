"""What all documents share: an id, a revision, and members that others added and that survive a rewrite."""

from collections.abc import Callable
from functools import cache
from itertools import compress
from operator import is_not
from typing import Any, ClassVar, Literal, Self, TypeVar, get_args, get_origin

import msgspec
from msgspec.structs import astuple

from crashfarm.errors import InvalidDocument

Json = dict[str, Any]

D = TypeVar("D", bound="Document")

_ENVELOPE = ("id", "rev", "origin")

_EXACT = 2.0**53
"""From here on floats stand for several whole numbers."""


class Document(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A document of the farm.

    `origin` is the document as it was read. Members of it that this version has no field for, on any level, are
    written back as they were: an admin's note, a newer version's field, CouchDB's own `_attachments`.

    Documents hold nothing that holds them, so Python's search for cycles passes them over: many are read at a time.
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
            read = _convert(doc | {"id": doc["_id"], "rev": doc.get("_rev"), "origin": {}}, cls)
        except (msgspec.ValidationError, KeyError) as exc:
            raise InvalidDocument(f"{doc.get('_id')}: {exc}") from exc
        return read.evolve(origin=_Origin(doc, read))

    @classmethod
    def read(cls, raw: bytes | msgspec.Raw) -> Self:
        """Read a document that is JSON, to be looked at and not to be written again: in half the time.

        Raises InvalidDocument as `from_doc` does, and for what is no JSON.
        """
        try:
            read: Self = _reader(cls).decode(raw)
        except (msgspec.DecodeError, UnicodeDecodeError):
            read = cls.from_doc(_json(raw))
        return read

    def to_doc(self) -> Json:
        """The document as CouchDB takes it: plain JSON values, members that we do not know included."""
        if isinstance(self.origin, _Origin):
            return _patched(self, self.origin)
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


@cache
def _reader(cls: type[D]) -> msgspec.json.Decoder[D]:
    """Reads documents of one type, which is checked, with CouchDB's names for id and revision."""
    envelope: list[Any] = [("id", str), ("rev", str | None, None), ("type", Literal[cls.TYPE])]
    options: Json = {"frozen": True, "kw_only": True, "gc": False}
    read = msgspec.defstruct(cls.__name__, envelope, bases=(cls,), rename={"id": "_id", "rev": "_rev"}, **options)
    return msgspec.json.Decoder(read)


def _json(raw: bytes | msgspec.Raw) -> Json:
    try:
        return msgspec.json.decode(raw, type=Json)
    except (msgspec.DecodeError, UnicodeDecodeError) as exc:
        raise InvalidDocument(f"a document cannot be read: {exc}") from exc


def _convert(content: Json, cls: type[D]) -> D:
    """The content as a document. Where a whole number is meant, 2.0 is one, too: to JavaScript they are the same."""
    try:
        return msgspec.convert(content, cls)
    except msgspec.ValidationError:
        return msgspec.convert(_whole(content), cls)


def _whole(value: Any) -> Any:
    """A JSON value with integers in the place of floats that are whole and stand for no other number."""
    if isinstance(value, float) and value.is_integer() and abs(value) < _EXACT:
        return int(value)
    if isinstance(value, dict):
        return {name: _whole(item) for name, item in value.items()}
    return [_whole(item) for item in value] if isinstance(value, list) else value


class _Origin(Json):
    """A document as it was read, and what was read out of it: who writes it again converts only what has changed."""

    __slots__ = ("_lacking", "read")

    def __init__(self, doc: Json, read: Document) -> None:
        super().__init__(doc)
        self.read = read
        self._lacking: frozenset[str] | None = None

    def lacking(self, names: frozenset[str]) -> frozenset[str]:
        """Which of these members it has not: it was written by hand, or by an older version."""
        if self._lacking is None:
            self._lacking = names.difference(self)
        return self._lacking


def _patched(now: Document, origin: _Origin) -> Json:
    """The origin with what has changed since, what could be changed in place, and what it lacks."""
    doc, plan = dict(origin), _plan(type(now))
    changed = {*compress(plan.fields, map(is_not, astuple(now), astuple(origin.read)))}
    names = changed.difference(_ENVELOPE) | plan.mutable | origin.lacking(plan.own)
    fresh = _plain({name: getattr(now, name) for name in names})
    for name in names.intersection(plan.deep):
        if before := origin.get(name):
            _descend(getattr(now, name), fresh[name], before)
    doc.update(fresh)
    doc["_id"], doc["_rev"], doc["type"] = now.id, now.rev, now.TYPE
    if not now.rev:
        del doc["_rev"]
    return doc


class _Plan(msgspec.Struct, frozen=True):
    """What is to be known of a type of structs.

    All its members, in their order too; those that are not of the envelope; those that may hold structs themselves;
    those whose values can be changed in place.
    """

    fields: tuple[str, ...]
    members: frozenset[str]
    own: frozenset[str]
    deep: tuple[str, ...]
    mutable: frozenset[str]
    may_omit: bool


@cache
def _plan(cls: type[msgspec.Struct]) -> _Plan:
    fields = [field for field in msgspec.structs.fields(cls) if field.name not in _ENVELOPE]
    return _Plan(
        fields=cls.__struct_fields__,
        members=frozenset(cls.__struct_fields__),
        own=frozenset(field.name for field in fields),
        deep=tuple(field.name for field in fields if _holds(field.type, _is_struct)),
        mutable=frozenset(field.name for field in fields if _holds(field.type, _is_mutable)),
        may_omit=cls.__struct_config__.omit_defaults,
    )


def _holds(kind: Any, is_it: Callable[[Any], bool]) -> bool:
    """Whether values of a type may be of such a kind, or hold some."""
    return is_it(kind) or any(_holds(part, is_it) for part in get_args(kind))


def _is_struct(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, msgspec.Struct)


def _is_mutable(kind: Any) -> bool:
    if _is_struct(kind):
        return any(_holds(field.type, _is_mutable) for field in msgspec.structs.fields(kind))
    return kind is Any or (get_origin(kind) or kind) in (dict, list)


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
