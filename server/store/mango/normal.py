"""Selectors made explicit: every condition is one operator on one field, negations stand as far inside as they go.

`{"a": {"b": 1, "c": {"$gt": 2}}}` becomes `{"$and": [{"a.b": {"$eq": 1}}, {"a.c": {"$gt": 2}}]}`.
"""

import re
from collections.abc import Callable
from typing import Any

import msgspec

from server.store.errors import BadRequest
from server.store.mango import fields

Selector = dict[str, Any]

_COMPARISONS = ("$lt", "$lte", "$eq", "$ne", "$gte", "$gt")
_INNER = ("$elemMatch", "$allMatch", "$keyMapMatch")
_COMBINATIONS = ("$and", "$or", "$nor")
_OPPOSITE = {
    "$lt": "$gte",
    "$gte": "$lt",
    "$gt": "$lte",
    "$lte": "$gt",
    "$eq": "$ne",
    "$ne": "$eq",
    "$in": "$nin",
    "$nin": "$in",
}


def normal(selector: Any) -> Selector:
    """The explicit form. BadRequest, in CouchDB's words, for what makes no sense."""
    if not isinstance(selector, dict):
        raise BadRequest(f"Selector must be a JSON object, not: {shown(selector)}", "invalid_selector_json")
    try:
        return _negations(_conditions(selector, "")) if selector else {}
    except RecursionError:
        raise BadRequest("The selector is nested too deeply.", "invalid_selector") from None


def shown(value: Any) -> str:
    """A value as messages show it."""
    return msgspec.json.encode(value).decode()


def _conditions(value: Any, field: str) -> Selector:
    """The explicit form of what stands under a field (or under none)."""
    if not isinstance(value, dict) or (not value and field):
        return _on(field, {"$eq": value})
    parts = [_member(name, item, field) for name, item in value.items()]
    return parts[0] if len(parts) == 1 else {"$and": parts}


def _member(name: str, item: Any, field: str) -> Selector:
    if name.startswith("$"):
        return _operator(name, item, field)
    fields.parse(name)
    return _conditions(item, fields.join(field, name))


def _operator(name: str, item: Any, field: str) -> Selector:
    if name in _COMBINATIONS:
        if not isinstance(item, list):
            raise _bad_argument(name, item)
        return {name: [_conditions(each, field) for each in item]}
    if name == "$not":
        if not isinstance(item, dict):
            raise _bad_argument(name, item)
        return {"$not": _conditions(item, field)}
    if name in _INNER:
        if not isinstance(item, dict):
            raise _bad_argument(name, item)
        return _on(field, {name: _negations(_conditions(item, "")) if item else {"$eq": {}}})
    if name == "$text":
        raise BadRequest("This store has no text indexes, so the operator $text has nothing to search.", "text_search")
    if name in _COMPARISONS:
        return _on(field, {name: item})
    check = _CHECKS.get(name)
    if check is None:
        raise _unknown(name)
    check(name, item)
    return _on(field, {name: item})


def _on(field: str, condition: Selector) -> Selector:
    return {field: condition} if field else condition


def _unknown(name: str) -> BadRequest:
    return BadRequest(f"Invalid operator: {name}", "invalid_operator")


def _bad_argument(name: str, item: Any) -> BadRequest:
    return BadRequest(f"Bad argument for operator {name}: {shown(item)}", "bad_arg")


def _must_be(test: Callable[[Any], bool]) -> Callable[[str, Any], None]:
    def check(name: str, item: Any) -> None:
        if not test(item):
            raise _bad_argument(name, item)

    return check


def _must_be_text(name: str, item: Any) -> None:
    if not isinstance(item, str):
        raise _unknown(name)


def _is_modulus(item: Any) -> bool:
    return isinstance(item, list) and len(item) == 2 and all(type(each) is int for each in item) and item[0] != 0


def _must_be_pattern(name: str, item: Any) -> None:
    _must_be_text(name, item)
    try:
        re.compile(item)
    except (re.error, RecursionError, OverflowError):
        raise _bad_argument(name, item) from None


_CHECKS: dict[str, Callable[[str, Any], None]] = {
    "$in": _must_be(lambda item: isinstance(item, list)),
    "$nin": _must_be(lambda item: isinstance(item, list)),
    "$all": _must_be(lambda item: isinstance(item, list)),
    "$exists": _must_be(lambda item: isinstance(item, bool)),
    "$type": _must_be(lambda item: isinstance(item, str)),
    "$size": _must_be(lambda item: type(item) is int and item >= 0),
    "$mod": _must_be(_is_modulus),
    "$regex": _must_be_pattern,
    "$beginsWith": _must_be_text,
}


def _negations(selector: Selector) -> Selector:
    """Move `$not` and `$nor` inwards until they disappear or meet an operator without an opposite."""
    [(name, item)] = selector.items()
    if name == "$not":
        if not isinstance(item, dict):
            raise _bad_argument(name, item)
        return _negated(item)
    if name == "$nor":
        return _together("$and", [_negated(each) for each in item])
    if name in ("$and", "$or"):
        return _together(name, [_negations(each) for each in item])
    return selector


def _negated(selector: Selector) -> Selector:
    [(name, item)] = selector.items()
    if name == "$not":
        if not isinstance(item, dict):
            raise _bad_argument(name, item)
        return _negations(item)
    if name == "$nor":
        return _together("$or", [_negations(each) for each in item])
    if name in ("$and", "$or"):
        return _together("$or" if name == "$and" else "$and", [_negated(each) for each in item])
    if not name.startswith("$"):
        return {name: _negated_condition(item)}
    return _negated_condition(selector)


def _negated_condition(condition: Selector) -> Selector:
    [(operator, argument)] = condition.items()
    if operator in _OPPOSITE:
        return {_OPPOSITE[operator]: argument}
    if operator == "$exists":
        return {"$exists": not argument}
    return {"$not": condition}


def _together(name: str, parts: list[Selector]) -> Selector:
    return parts[0] if len(parts) == 1 else {name: parts}
