"""CouchDB's order of JSON values, as bytes that memcmp puts in that order.

An encoded value is *prefix-free*: no encoding is the beginning of another one. So encodings can be joined (an array
is the joined encodings of its elements), and a document id may be appended to a key without disturbing the order.

Two orders exist: ``encode`` (null, false, true, numbers, strings by ICU, arrays, objects) and ``encode_raw``, which
a view asks for with ``"options": {"collation": "raw"}`` (numbers, false, null, true, objects, arrays, strings).
"""

import math
import struct
from collections.abc import Callable
from typing import Any

import icu

Encode = Callable[[Any], bytes]

#: Strings whose keys are kept: words repeat in keys, and looking them up takes a tenth of the time.
_SHORT, _MOST_KNOWN = 40, 20_000
_known: dict[str, bytes] = {}

END = b"\x00"  # ends an array or an object: lower than every tag, so that the shorter one sorts first
_NULL, _FALSE, _TRUE, _NUMBER, _STRING, _ARRAY, _OBJECT = (bytes([tag]) for tag in range(2, 9))
_RAW_NUMBER, _RAW_FALSE, _RAW_NULL, _RAW_TRUE, _RAW_OBJECT, _RAW_ARRAY, _RAW_STRING = (
    bytes([tag]) for tag in range(0x12, 0x19)
)
_NUMBERS = (_NUMBER, _RAW_NUMBER)
_ARRAYS = (_ARRAY, _RAW_ARRAY)
_OBJECTS = (_OBJECT, _RAW_OBJECT)

#: Higher than every encoded value, and than anything appended to one.
HIGHEST = b"\xff"

_pack = struct.Struct(">d").pack
_as_integer = struct.Struct(">Q")
_ZERO = b"\x80" + bytes(7)
_ALL = (1 << 64) - 1

_collator = icu.Collator.createInstance(icu.Locale.getRoot())
#: Which order ICU gives to strings; another one means other bytes.
VERSION = f"{icu.ICU_VERSION}/{icu.UNICODE_VERSION}"
#: The ICU sort key of a string: no zero byte but the last one. A half surrogate is sorted as an unassigned character.
sort_key: Callable[[str], bytes] = _collator.getSortKey


def encode(value: Any) -> bytes:
    """The key bytes of a JSON value (as Python's json or msgspec decode it) in CouchDB's order."""
    kind = type(value)
    if kind is str:
        return _known.get(value) or _string(value)
    if kind is list:
        return _ARRAY + b"".join(map(encode, value)) + END
    if value is None:
        return _NULL
    if kind is bool:
        return _TRUE if value else _FALSE
    if kind is dict:
        members = [encode(name) + encode(item) for name, item in value.items()]
        return _OBJECT + b"".join(members) + END
    return _NUMBER + number_key(value)


def encode_raw(value: Any) -> bytes:
    """The key bytes of a JSON value in the order of ``"collation": "raw"``."""
    kind = type(value)
    if kind is str:
        return _RAW_STRING + _string_bytes(value)
    if kind is list:
        return _RAW_ARRAY + b"".join([encode_raw(item) for item in value]) + END
    if value is None:
        return _RAW_NULL
    if kind is bool:
        return _RAW_TRUE if value else _RAW_FALSE
    if kind is dict:
        members = [_RAW_STRING + _string_bytes(name) + encode_raw(item) for name, item in value.items()]
        return _RAW_OBJECT + b"".join(members) + END
    return _RAW_NUMBER + number_key(value)


def encoder(name: str | None) -> Encode:
    """The encoder for a view's ``collation`` option: ``raw``, or ICU for anything else."""
    return encode_raw if name == "raw" else encode


def number_key(value: float) -> bytes:
    """Eight bytes that sort as the number does; an integer beyond the doubles sorts as infinity."""
    if value == 0:
        return _ZERO
    try:
        double = float(value)
    except OverflowError:
        double = math.inf if value > 0 else -math.inf
    if double > 0:
        return _pack(-double)  # of two positive doubles the larger one has the larger bytes; this sets the sign bit
    return _as_integer.pack(_as_integer.unpack(_pack(double))[0] ^ _ALL)


def _string(text: str) -> bytes:
    """The key of a string that is not among those met lately; keeps it, if it is short."""
    key = _STRING + sort_key(text)
    if len(text) <= _SHORT:
        if len(_known) >= _MOST_KNOWN:
            _known.clear()
        _known[text] = key
    return key


def array_prefix(key: bytes, length: int) -> bytes:
    """The part of an encoded key that all keys of its group share, at ``group_level`` *length* (at least 1).

    A key that is no array is its own group: its whole encoding comes back. What is appended to the key is left out.
    """
    if key[:1] not in _ARRAYS:
        return key[: _after(key, 0)]
    at = 1
    for _ in range(length):
        if key[at : at + 1] == END:
            return key[: at + 1]
        at = _after(key, at)
    return key[:at]


def whole_key(composite: bytes) -> bytes:
    """The encoded key at the beginning of bytes that something was appended to."""
    return composite[: _after(composite, 0)]


def _after(key: bytes, at: int) -> int:
    """Where the encoded value that begins at *at* ends."""
    tag = key[at : at + 1]
    if tag == _STRING:
        return key.index(b"\x00", at) + 1
    if tag == _RAW_STRING:
        return key.index(b"\x00\x00", at) + 2
    if tag in _NUMBERS:
        return at + 9
    at += 1
    if tag in _ARRAYS or tag in _OBJECTS:
        while key[at : at + 1] != END:
            at = _after(key, at)
        at += 1
    return at


def _string_bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass").replace(b"\x00", b"\x00\xff") + b"\x00\x00"
