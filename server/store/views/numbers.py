"""The arithmetic of `_sum` and `_stats`, with CouchDB's rules for what may be added to what."""

from collections.abc import Sequence
from typing import Any

import msgspec

SUM_REASON = (
    "The _sum function requires that map values be numbers, arrays of numbers, or objects. Objects cannot be "
    "mixed with other data structures. Objects can be arbitrarily nested, provided that the values for all fields "
    "are themselves numbers, arrays of numbers, or objects."
)
_STATS_FIELDS = ("sum", "count", "min", "max", "sumsqr")
_NUMBERS = frozenset((int, float))


class Invalid(Exception):
    """A value that cannot be reduced: the reason, and the value."""


def add_up(values: Sequence[Any]) -> Any:
    """The sum, or CouchDB's error object when the values cannot be added."""
    if _NUMBERS.issuperset(map(type, values)):
        return sum(values)
    total: Any = 0
    try:
        for value in values:
            if is_error(value):
                return value
            total = _plus(total, value)
    except Invalid as exc:
        return error("builtin_reduce_error", *exc.args)
    return total


def statistics(values: Sequence[Any]) -> Any:
    """The statistics of numbers, of arrays of numbers by place, or of statistics; or CouchDB's error object."""
    if values and _NUMBERS.issuperset(map(type, values)):
        return _of_numbers(values)
    parts = []
    try:
        for value in values:
            if is_error(value):
                return value
            parts.append(_stats_of(value))
    except Invalid as exc:
        return error("invalid_value", *exc.args)
    return _merge(parts)


def error(word: str, reason: str, cause: Any) -> dict[str, Any]:
    """What stands in the place of a result that cannot be."""
    return {"error": word, "reason": reason, "caused_by": cause}


def is_error(value: Any) -> bool:
    """True for what `error` makes."""
    return isinstance(value, dict) and value.get("error") in ("builtin_reduce_error", "invalid_value")


def _is_number(value: Any) -> bool:
    return type(value) in _NUMBERS


def _plus(total: Any, value: Any) -> Any:
    if _is_number(total) and _is_number(value):
        return total + value
    if isinstance(value, dict) and (isinstance(total, dict) or total == 0):
        return _plus_objects(total if isinstance(total, dict) else {}, value)
    if isinstance(value, list) and not isinstance(total, dict):
        return _plus_arrays(total if isinstance(total, list) else [total], value)
    if isinstance(total, list) and _is_number(value):
        return _plus_arrays(total, [value])
    raise Invalid(SUM_REASON, value)


def _plus_objects(total: dict[str, Any], value: dict[str, Any]) -> dict[str, Any]:
    added = dict(total)
    for name, item in value.items():
        added[name] = _plus(added[name], item) if name in added else _plus(0, item)
    return added


def _plus_arrays(total: list[Any], value: list[Any]) -> list[Any]:
    if not all(_is_number(item) for item in (*total, *value)):
        raise Invalid(SUM_REASON, value)
    shared = min(len(total), len(value))
    return [one + other for one, other in zip(total, value, strict=False)] + total[shared:] + value[shared:]


def _of_numbers(values: Sequence[Any]) -> dict[str, Any]:
    return {
        "sum": sum(values),
        "count": len(values),
        "min": min(values),
        "max": max(values),
        "sumsqr": sum(value * value for value in values),
    }


def _stats_of(value: Any) -> Any:
    if _is_number(value):
        return _of_numbers([value])
    if isinstance(value, list):
        return [_stats_of(item) for item in value]
    if isinstance(value, dict) and all(_is_number(value.get(field)) for field in _STATS_FIELDS):
        return {field: value[field] for field in _STATS_FIELDS}
    shown = value if isinstance(value, str) else msgspec.json.encode(value).decode()
    raise Invalid(f"The _stats function requires that map values be numbers or arrays of numbers, not '{shown}'", value)


def _merge(parts: list[Any]) -> Any:
    if not parts:
        return {"sum": 0, "count": 0, "min": 0, "max": 0, "sumsqr": 0}
    if isinstance(parts[0], list):
        return [_merge(list(column)) for column in zip(*parts, strict=True)]
    return {
        "sum": sum(part["sum"] for part in parts),
        "count": sum(part["count"] for part in parts),
        "min": min(part["min"] for part in parts),
        "max": max(part["max"] for part in parts),
        "sumsqr": sum(part["sumsqr"] for part in parts),
    }
