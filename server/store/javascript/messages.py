"""What the store and its JavaScript children say to each other: length-prefixed msgpack frames.

A *program* is the JavaScript that a call needs. It is sent with the first call that needs it; the child keeps the
latest few by their key, and answers ``unknown`` when it has forgotten one, upon which it is sent again.
"""

import struct

import msgspec

HEADER = struct.Struct(">I")


class Functions(msgspec.Struct, frozen=True, tag="functions"):
    """Map or reduce functions by their place; `lib` is JSON text of what their `require` reaches."""

    sources: tuple[str, ...]
    lib: str = "{}"
    collations: tuple[str | None, ...] = ()


class Design(msgspec.Struct, frozen=True, tag="design"):
    """A whole design document as JSON text, for validation, filters and updates."""

    ddoc: bytes


class Selector(msgspec.Struct, frozen=True, tag="selector"):
    """A selector as JSON text, whose regular expressions may take for ever."""

    selector: bytes


Program = Functions | Design | Selector


class Request(msgspec.Struct, frozen=True):
    """One call: the program's key, the program itself if the child may not have it, the operation and its texts."""

    key: bytes
    operation: str
    texts: tuple[bytes, ...] = ()
    ids: tuple[str, ...] = ()
    program: Program | None = None


#: Composite key bytes and the row as JSON text `{"id":…,"key":…,"value":…}`.
Row = tuple[bytes, bytes]


class Mapped(msgspec.Struct, frozen=True):
    """What a batch of documents emitted.

    `rows`: per function, sorted by key. `keys`: per document that emitted anything, its id and, per function, its keys
    in the order of emission.
    """

    rows: list[list[Row]]
    keys: list[tuple[str, list[list[bytes]]]]


class Reply(msgspec.Struct, frozen=True, omit_defaults=True):
    """The answer to one call: text, mapped, or refused (CouchDB's word and the reason); `busy` is a sign of life."""

    text: bytes | None = None
    mapped: Mapped | None = None
    refused: tuple[str, object] | None = None
    unknown: bool = False
    busy: bool = False
    logs: list[str] = []


def frame(message: Request | Reply) -> bytes:
    """The bytes that carry a message."""
    body = msgspec.msgpack.encode(message)
    return HEADER.pack(len(body)) + body
