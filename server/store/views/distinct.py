"""HyperLogLog sketches of keys: how many different ones there are, within about two per cent.

A sketch is stored as bytes: its 2,048 registers, or, while few are used, each used register as two bytes of place and
one of rank, in the order of their places.
"""

import hashlib
import math
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

_BITS = 11
_SIZE = 1 << _BITS
_SPARSE = _SIZE // 4
_ALPHA = 0.7213 / (1 + 1.079 / _SIZE)
_HASH_BITS = 64

_encode = msgspec.json.encode


def sketch(keys: Sequence[Any]) -> bytes:
    """The sketch of some keys, JSON values; 1 and 1.0 are the same key."""
    registers: dict[int, int] = {}
    for key in keys:
        place, rank = _hash(_encode(_canonical(key)))
        if rank > registers.get(place, 0):
            registers[place] = rank
    return _pack(registers)


def union(sketches: Iterable[bytes]) -> bytes:
    """The sketch of all keys of some sketches."""
    registers: dict[int, int] = {}
    for one in sketches:
        for place, rank in _unpack(one).items():
            if rank > registers.get(place, 0):
                registers[place] = rank
    return _pack(registers)


def estimate(one: bytes) -> int:
    """About how many different keys a sketch has seen."""
    registers = _unpack(one)
    empty = _SIZE - len(registers)
    weight = empty + sum(2.0**-rank for rank in registers.values())
    raw = _ALPHA * _SIZE * _SIZE / weight
    if raw <= 2.5 * _SIZE and empty:
        raw = _SIZE * math.log(_SIZE / empty)
    return round(raw)


def _canonical(key: Any) -> Any:
    if isinstance(key, float) and key.is_integer():
        return int(key)
    if isinstance(key, list):
        return [_canonical(item) for item in key]
    return key


def _hash(text: bytes) -> tuple[int, int]:
    number = int.from_bytes(hashlib.blake2b(text, digest_size=_HASH_BITS // 8).digest(), "big")
    rest = number >> _BITS
    return number & (_SIZE - 1), _HASH_BITS - _BITS - rest.bit_length() + 1


def _pack(registers: dict[int, int]) -> bytes:
    if len(registers) < _SPARSE:
        return b"".join([place.to_bytes(2, "big") + bytes([rank]) for place, rank in sorted(registers.items())])
    return bytes([registers.get(place, 0) for place in range(_SIZE)])


def _unpack(packed: bytes) -> dict[int, int]:
    if len(packed) == _SIZE:
        return {place: rank for place, rank in enumerate(packed) if rank}
    triples = range(0, len(packed), 3)
    return {int.from_bytes(packed[at : at + 2], "big"): packed[at + 2] for at in triples}
