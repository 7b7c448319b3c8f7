"""From what map functions emitted, as JSON text, to rows that an index stores as they are."""

import struct
from collections.abc import Sequence

import msgspec

from server.store import collation
from server.store.javascript.messages import Mapped, Row

Emitted = list[list[list[tuple[msgspec.Raw, msgspec.Raw]]]]

_decode_emitted = msgspec.json.Decoder(Emitted).decode
_decode_key = msgspec.json.Decoder().decode
_encode = msgspec.json.Encoder().encode
_place = struct.Struct(">xI").pack


def composite(key: bytes, doc_id: bytes, place: int) -> bytes:
    """The primary key of a row: key bytes, document id, and the row's place among what the document emitted."""
    return key + doc_id + _place(place)


def decode(text: bytes) -> Emitted:
    """Parse what a batch emitted."""
    return _decode_emitted(text)


def mapped(emitted: Emitted, ids: Sequence[str], encoders: Sequence[collation.Encode]) -> Mapped:
    """Rows per function, sorted, and keys per document, from the emissions of each document."""
    places: list[list[list[bytes]]] = [[[] for _ in encoders] for _ in ids]
    rows = []
    for at, encode in enumerate(encoders):
        found: list[Row] = []
        for doc_id, per_function, keys in zip(ids, emitted, places, strict=True):
            if per_function[at]:
                keys[at] = _add_rows(found, doc_id, per_function[at], encode)
        found.sort()
        rows.append(found)
    return Mapped(rows, [(doc_id, keys) for doc_id, keys in zip(ids, places, strict=True) if any(keys)])


def _add_rows(
    found: list[Row], doc_id: str, pairs: list[tuple[msgspec.Raw, msgspec.Raw]], encode: collation.Encode
) -> list[bytes]:
    raw_id, quoted = doc_id.encode(), _encode(doc_id)
    keys = []
    for place, (key, value) in enumerate(pairs):
        encoded = encode(_decode_key(key))
        keys.append(encoded)
        found.append((composite(encoded, raw_id, place), b'{"id":%b,"key":%b,"value":%b}' % (quoted, key, value)))
    return keys


def joined(parts: Sequence[Mapped], functions: int) -> Mapped:
    """Several batches as one."""
    rows = [sorted(row for part in parts for row in part.rows[at]) for at in range(functions)]
    return Mapped(rows, [item for part in parts for item in part.keys])
