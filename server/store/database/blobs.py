"""Attachments: what comes in, what is kept, and the text that a document shows of them.

Contents are kept in chunks, apart from documents; a revision's `atts` column says which content each name has.
"""

import base64
import gzip
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from hashlib import md5
from typing import Protocol

import apsw
import msgspec

from server.store.errors import BadRequest

CHUNK = 256 * 1024
COMPRESSIBLE = ("text/", "application/javascript", "application/json", "application/xml")
GZIP_LEVEL = 8


class Chunked(Protocol):
    """Bytes that are read in chunks, as often as needed."""

    def __len__(self) -> int: ...
    def chunks(self) -> Iterator[bytes]:
        """All of it, in pieces of CHUNK bytes."""


Contents = bytes | Chunked


class Kept(msgspec.Struct, frozen=True, omit_defaults=True):
    """One attachment of one revision. Bytes: `length` plain, `stored` on disk."""

    content_type: str
    revpos: int
    digest: str
    length: int
    stored: int
    blob: int
    encoding: str | None = None


@dataclass(slots=True)
class Incoming:
    """An attachment as it arrives: with `data` (encoded for keeping), or as a stub, or following in a multipart."""

    content_type: str
    data: Contents | None = None
    encoding: str | None = None
    length: int | None = None
    digest: str | None = None
    revpos: int | None = None
    follows: bool = False


_decoder = msgspec.json.Decoder(dict[str, Kept])
_encode = msgspec.json.Encoder().encode


def decode_kept(text: str | None) -> dict[str, Kept]:
    """The attachments in an `atts` column."""
    return _decoder.decode(text) if text else {}


def encode_kept(kept: dict[str, Kept]) -> str | None:
    """The `atts` column of a revision with these attachments."""
    return _encode(kept).decode() if kept else None


def encode_incoming(kind: str, data: bytes, encoding: str | None = None, revpos: int | None = None) -> Incoming:
    """Get bytes ready for keeping: text is compressed, bytes that come compressed stay as they are."""
    if encoding == "gzip":
        return Incoming(kind, data, "gzip", _plain_length(data), _digest(data), revpos)
    if kind.lower().startswith(COMPRESSIBLE):
        packed = gzip.compress(data, GZIP_LEVEL, mtime=0)
        return Incoming(kind, packed, "gzip", len(data), _digest(packed), revpos)
    return Incoming(kind, data, None, len(data), _digest(data), revpos)


def plain(data: bytes, encoding: str | None) -> bytes:
    """The bytes as they were uploaded."""
    return gzip.decompress(data) if encoding == "gzip" else data


def stubs(kept: dict[str, Kept], *, encoding_info: bool = False) -> bytes:
    """The member `_attachments` with stubs, and the comma before it."""
    items = (b'%s:{%s,"stub":true}' % (_encode(name), head(each, encoding_info)) for name, each in kept.items())
    return b',"_attachments":{' + b",".join(items) + b"}"


def inline(kept: dict[str, Kept], bodies: dict[str, bytes]) -> bytes:
    """The member `_attachments` with contents in base64 where `bodies` has them, stubs elsewhere."""
    items = []
    for name, each in kept.items():
        rest = b'"stub":true'
        lead = head(each, False)
        if name in bodies:
            data = plain(bodies[name], each.encoding)
            lead = lead[: lead.index(b',"length":')]
            rest = b'"data":"' + base64.b64encode(data) + b'"'
        items.append(b"%s:{%s,%s}" % (_encode(name), lead, rest))
    return b',"_attachments":{' + b",".join(items) + b"}"


def head(each: Kept, encoding_info: bool) -> bytes:
    """The members that stand in front of `stub`, `data` or `follows`."""
    text = b'"content_type":%s,"revpos":%d,"digest":"%s","length":%d' % (
        _encode(each.content_type),
        each.revpos,
        each.digest.encode(),
        each.length,
    )
    if encoding_info and each.encoding:
        text += b',"encoding":"%s","encoded_length":%d' % (each.encoding.encode(), each.stored)
    return text


def store(connection: apsw.Connection, blob: int, data: Contents) -> None:
    """Keep a content under a number."""
    pieces = _cut(data) if isinstance(data, bytes) else data.chunks()
    connection.executemany("INSERT INTO chunk VALUES (?, ?, ?)", ((blob, n, piece) for n, piece in enumerate(pieces)))


def _cut(data: bytes) -> Iterator[bytes]:
    return (data[at : at + CHUNK] for at in range(0, len(data), CHUNK))


def load(connection: apsw.Connection, blob: int) -> bytes:
    """A whole content as it is kept."""
    return b"".join(parts(connection, blob))


def parts(connection: apsw.Connection, blob: int) -> Iterator[bytes]:
    """A content as it is kept, in pieces of at most CHUNK bytes."""
    for (data,) in connection.execute("SELECT data FROM chunk WHERE blob = ? ORDER BY part", (blob,)):
        yield data


def collect(connection: apsw.Connection, used: Iterable[int]) -> None:
    """Forget every content that is not used any more."""
    connection.execute("CREATE TEMP TABLE IF NOT EXISTS used (blob INTEGER PRIMARY KEY)")
    connection.execute("DELETE FROM temp.used")
    connection.executemany("INSERT OR IGNORE INTO temp.used VALUES (?)", ((blob,) for blob in used))
    connection.execute("DELETE FROM chunk WHERE blob NOT IN (SELECT blob FROM temp.used)")


def _digest(data: bytes) -> str:
    return "md5-" + base64.b64encode(md5(data, usedforsecurity=False).digest()).decode()


def _plain_length(data: bytes) -> int:
    engine = zlib.decompressobj(wbits=31)
    length, rest = 0, data
    try:
        while rest and not engine.eof:
            length += len(engine.decompress(rest, CHUNK))
            rest = engine.unconsumed_tail
    except zlib.error:
        raise BadRequest("Invalid attachment data") from None
    return length
