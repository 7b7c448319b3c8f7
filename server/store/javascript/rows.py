"""From what map functions emitted, as JSON text, to rows that an index stores as they are."""

import json
import struct
from collections.abc import Sequence

import msgspec

from server.store import collation
from server.store.javascript.messages import Mapped, Row

Emitted = list[list[list[tuple[msgspec.Raw, msgspec.Raw]]]]

_decode_emitted = msgspec.json.Decoder(Emitted).decode
_decode_key = msgspec.json.Decoder().decode
_place = struct.Struct(">I")


def composite(key: bytes, doc_id: bytes, place: int) -> bytes:
    """The primary key of a row: key bytes, document id, and the row's place among what the document emitted."""
    return key + doc_id + b"\x00" + _place.pack(place)


def doc_id_of(row_key: bytes) -> str:
    """The document id inside a row's primary key."""
    return row_key[len(collation.whole_key(row_key)) : -5].decode()


def decode(text: bytes | str) -> Emitted:
    """Parse what a batch emitted; half surrogates, which no JSON store can keep, become U+FFFD."""
    try:
        return _decode_emitted(text)
    except msgspec.DecodeError:
        plain = json.dumps(json.loads(text), ensure_ascii=False)
        return _decode_emitted(plain.encode("utf-8", "replace"))


def mapped(emitted: Emitted, ids: Sequence[str], encoders: Sequence[collation.Encode]) -> Mapped:
    """Rows per function, sorted, and keys per document, from the emissions of each document."""
    rows: list[list[Row]] = [[] for _ in encoders]
    keys: list[tuple[str, list[list[bytes]]]] = []
    for doc_id, per_function in zip(ids, emitted, strict=True):
        if any(per_function):
            keys.append((doc_id, _add_rows(rows, doc_id, per_function, encoders)))
    for found in rows:
        found.sort()
    return Mapped(rows, keys)


def joined(parts: Sequence[Mapped], functions: int) -> Mapped:
    """Several batches as one."""
    rows = [sorted(row for part in parts for row in part.rows[at]) for at in range(functions)]
    return Mapped(rows, [item for part in parts for item in part.keys])


def _add_rows(
    rows: list[list[Row]],
    doc_id: str,
    per_function: list[list[tuple[msgspec.Raw, msgspec.Raw]]],
    encoders: Sequence[collation.Encode],
) -> list[list[bytes]]:
    raw_id = doc_id.encode()
    start = b'{"id":' + msgspec.json.encode(doc_id) + b',"key":'
    all_keys = []
    for found, pairs, encode in zip(rows, per_function, encoders, strict=True):
        keys = [encode(_decode_key(key)) for key, _ in pairs]
        for place, (key, value) in enumerate(pairs):
            row = b"".join((start, key, b',"value":', value, b"}"))
            found.append((composite(keys[place], raw_id, place), row))
        all_keys.append(keys)
    return all_keys
