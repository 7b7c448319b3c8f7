"""What a client wants written: a document's JSON taken apart, its own members kept as the text that came in."""

import base64
import binascii
import re
from dataclasses import dataclass, field
from typing import Any

import msgspec

from server.store.database.blobs import Incoming, encode_incoming
from server.store.errors import BadRequest, StoreError
from server.store.revisions import parse_rev

_members = msgspec.json.Decoder(dict[str, msgspec.Raw])
_raw_list = msgspec.json.Decoder(list[msgspec.Raw])
_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.decode

_STRING = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"')
_ESCAPES = re.compile(rb"\\[u/]")
#: What may be a number beyond a double; full parsing tells. It is faster than the search, but takes more memory.
_HUGE = re.compile(rb"[eE]\+?[0-9]{3}")
_QUICKLY_PARSED = 8_000_000

_USUAL = ("_id", "_rev")
#: Members that a read adds and a write may carry back; they say nothing.
_IGNORED = frozenset({"_conflicts", "_deleted_conflicts", "_revs_info", "_local_seq"})
#: Members that the replicator keeps in its documents; they are theirs like any other.
_REPLICATION = frozenset(
    "_replication_" + name for name in ("id", "state", "state_reason", "state_time", "stats", "start_time")
)


@dataclass(slots=True)
class Draft:
    """One document as a client wants it written.

    `body` is the text of its own members, each with a leading comma. `rev` is the revision it was based on.
    `revisions` is the whole line of a replicated document, newest first, with the position of the first.
    """

    id: str
    body: bytes
    deleted: bool = False
    rev: str | None = None
    revisions: tuple[int, tuple[str, ...]] | None = None
    attachments: dict[str, Incoming] = field(default_factory=dict)
    refusal: StoreError | None = None


def minify(data: bytes) -> bytes:
    """The same JSON without white space between tokens, text as UTF-8; BadRequest when it is not JSON in UTF-8."""
    try:
        data.decode()
        text = msgspec.json.format(data, indent=-1)
        if b"\\" in text and _ESCAPES.search(text):
            text = _STRING.sub(_unescaped, text)
        if len(text) < _QUICKLY_PARSED or _HUGE.search(text):
            _decode(text)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        raise BadRequest("invalid UTF-8 JSON") from None
    return text


def _unescaped(match: re.Match[bytes]) -> bytes:
    """A string as CouchDB writes it: only what has to be escaped is."""
    return _encode(_decode(match[0])) if b"\\" in match[0] else match[0]


def split_members(text: bytes | msgspec.Raw) -> dict[str, msgspec.Raw]:
    """The members of a JSON object, values as text; BadRequest when it is not an object."""
    try:
        return _members.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise BadRequest("Document must be a JSON object") from None


def split_list(text: bytes | msgspec.Raw) -> list[msgspec.Raw] | None:
    """The items of a JSON list as text; None when it is not a list."""
    try:
        return _raw_list.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def parse(text: bytes | msgspec.Raw, doc_id: str | None = None) -> Draft:
    """Take minified JSON of a document apart. `doc_id` is the id in the URL, which goes before the member `_id`."""
    draft = Draft("", b"")
    members = split_members(text)
    for name in _special_names(bytes(text), members):
        _special(draft, name, members.pop(name))
    draft.body = b"," + _encode(members)[1:-1] if members else b""
    if draft.rev is None and draft.revisions and draft.revisions[1]:
        draft.rev = f"{draft.revisions[0]}-{draft.revisions[1][0]}"
    if doc_id is not None:
        draft.id = doc_id
    return draft


def _special_names(text: bytes, members: dict[str, msgspec.Raw]) -> list[str]:
    """The members that are not the document's own. Most documents have the two usual ones, and counting tells so."""
    usual = [name for name in _USUAL if name in members]
    if text.count(b'"_') == len(usual):
        return usual
    return [name for name in members if name[:1] == "_" and name not in _REPLICATION]


def _special(draft: Draft, name: str, raw: msgspec.Raw) -> None:
    if name == "_id":
        draft.id = _text_id(_decode(raw))
    elif name == "_rev":
        draft.rev = _rev(_decode(raw))
    elif name == "_deleted":
        draft.deleted = _boolean(name, raw)
    elif name == "_revisions":
        draft.revisions = _revisions(_decode(raw))
    elif name == "_attachments":
        draft.attachments = _attachments(_decode(raw))
    elif name not in _IGNORED:
        raise bad_member(name)


def _boolean(name: str, raw: msgspec.Raw) -> bool:
    value = _decode(raw)
    if not isinstance(value, bool):
        raise bad_member(name)
    return value


def bad_member(name: str) -> StoreError:
    """The error for a member that begins with an underscore and should not."""
    return StoreError(400, "doc_validation", f"Bad special document member: {name}")


def _text_id(value: Any) -> str:
    if not isinstance(value, str):
        raise BadRequest("Document id must be a string", "illegal_docid")
    if not value:
        raise BadRequest("Document id must not be empty", "illegal_docid")
    return value


def _rev(value: Any) -> str:
    if not isinstance(value, str):
        raise BadRequest("Invalid rev format")
    pos, name = parse_rev(value)
    return f"{pos}-{name}"


def _revisions(value: Any) -> tuple[int, tuple[str, ...]]:
    if not isinstance(value, dict):
        raise StoreError(400, "doc_validation", "_revisions isn't an object.")
    start, ids = value.get("start"), value.get("ids")
    if not isinstance(start, int) or isinstance(start, bool) or start < 0:
        raise StoreError(400, "doc_validation", "_revisions.start isn't an integer.")
    if not isinstance(ids, list):
        raise StoreError(400, "doc_validation", "_revisions.ids isn't a array.")
    if not all(isinstance(each, str) for each in ids):
        raise StoreError(400, "doc_validation", "RevId isn't a string")
    for each in ids:
        parse_rev(f"{start or 1}-{each}")
    return start, tuple(ids[: start or None])


def _attachments(value: Any) -> dict[str, Incoming]:
    if not isinstance(value, dict):
        raise bad_member("_attachments")
    return {name: _attachment(name, each) for name, each in value.items()}


def bad_name(name: str) -> BadRequest:
    """The error for an attachment whose name is reserved."""
    return BadRequest(f"Attachment name '{name}' starts with prohibited character '_'")


def _attachment(name: str, value: Any) -> Incoming:
    if name[:1] == "_":
        raise bad_name(name)
    if not isinstance(value, dict):
        raise BadRequest("Attachments must be a JSON object")
    kind = value.get("content_type", "application/octet-stream")
    revpos = value.get("revpos") if isinstance(value.get("revpos"), int) else None
    digest = value.get("digest") if isinstance(value.get("digest"), str) else None
    if value.get("stub") is True:
        return Incoming(str(kind), revpos=revpos, digest=digest)
    if value.get("follows") is True:
        length = value.get("encoded_length", value.get("length"))
        size = length if isinstance(length, int) else None
        return Incoming(str(kind), revpos=revpos, follows=True, length=size, encoding=value.get("encoding"))
    return encode_incoming(str(kind), _base64(name, value.get("data")), value.get("encoding"), revpos)


def _base64(name: str, value: Any) -> bytes:
    try:
        return base64.b64decode("".join(value.split()), validate=True)
    except (AttributeError, binascii.Error, ValueError):
        raise BadRequest(f"Invalid attachment data for {name}") from None
