"""Matching documents against selectors.

Values compare in the order of CouchDB's collation, across types. A condition on a member that a document does not have
is false, whatever the operator, but for `{"$exists": false}`.
"""

import re
from collections.abc import Callable, Iterator
from typing import Any

from server.store.collation import encode
from server.store.mango import fields
from server.store.mango.normal import Selector, normal

Predicate = Callable[[Any], bool]


def matches(selector: Any, doc: Any) -> bool:
    """True when a document (as decoded from JSON) meets a selector. BadRequest for a selector that makes no sense."""
    return compile_selector(selector)(doc)


def compile_selector(selector: Any) -> Predicate:
    """The test that a selector is. BadRequest for a selector that makes no sense."""
    return compile_normal(normal(selector))


def compile_normal(selector: Selector) -> Predicate:
    """The test for a selector in its explicit form."""
    if not selector:
        return _always
    [(name, item)] = selector.items()
    if name in ("$and", "$or"):
        return _combined(name, [compile_normal(each) for each in item])
    if not name.startswith("$"):
        return _on_field(fields.parse(name), item)
    return _condition(name, item)


def has_pattern(selector: Any) -> bool:
    """True when matching runs regular expressions, which may take for ever."""
    if isinstance(selector, dict):
        return "$regex" in selector or any(map(has_pattern, selector.values()))
    return isinstance(selector, list) and any(map(has_pattern, selector))


def _always(_value: Any) -> bool:
    return True


def _never(_value: Any) -> bool:
    return False


def _combined(name: str, parts: list[Predicate]) -> Predicate:
    if not parts:
        return _never
    if name == "$and":
        return lambda value: all(part(value) for part in parts)
    return lambda value: any(part(value) for part in parts)


def _on_field(path: fields.Path, condition: Selector) -> Predicate:
    [(operator, argument)] = condition.items()
    if operator == "$exists":
        wanted = bool(argument)
        return lambda doc: (fields.get(doc, path) is not fields.MISSING) == wanted
    test = _condition(operator, argument)

    def on_field(doc: Any) -> bool:
        value = fields.get(doc, path)
        return value is not fields.MISSING and test(value)

    return on_field


def _condition(operator: str, argument: Any) -> Predicate:
    return _CONDITIONS[operator](argument)


def _equal(argument: Any) -> Predicate:
    key = encode(argument)
    return lambda value: encode(value) == key


def _unequal(argument: Any) -> Predicate:
    key = encode(argument)
    return lambda value: encode(value) != key


def _less(argument: Any) -> Predicate:
    key = encode(argument)
    return lambda value: encode(value) < key


def _at_most(argument: Any) -> Predicate:
    key = encode(argument)
    return lambda value: encode(value) <= key


def _greater(argument: Any) -> Predicate:
    key = encode(argument)
    return lambda value: encode(value) > key


def _at_least(argument: Any) -> Predicate:
    key = encode(argument)
    return lambda value: encode(value) >= key


def _candidates(value: Any) -> Iterator[bytes]:
    """What `$in` looks for: the value, and the members of a list."""
    yield encode(value)
    if isinstance(value, list):
        yield from map(encode, value)


def _one_of(argument: list[Any]) -> Predicate:
    keys = frozenset(map(encode, argument))
    return lambda value: any(key in keys for key in _candidates(value))


def _none_of(argument: list[Any]) -> Predicate:
    keys = frozenset(map(encode, argument))
    return lambda value: all(key not in keys for key in _candidates(value))


def _exists(argument: bool) -> Predicate:
    return _always if argument else _never


def _type(argument: str) -> Predicate:
    return lambda value: _type_name(value) == argument


def _type_name(value: Any) -> str:
    if value is None:
        return "null"
    names = {bool: "boolean", int: "number", float: "number", str: "string", list: "array", dict: "object"}
    return names.get(type(value), "")


def _size(argument: int) -> Predicate:
    return lambda value: isinstance(value, list) and len(value) == argument


def _remainder(argument: list[int]) -> Predicate:
    divisor, remainder = argument
    return lambda value: type(value) is int and value - divisor * _quotient(value, divisor) == remainder


def _quotient(value: int, divisor: int) -> int:
    """The quotient rounded towards zero, so that the remainder has the value's sign."""
    quotient = abs(value) // abs(divisor)
    return quotient if (value < 0) == (divisor < 0) else -quotient


def _pattern(argument: str) -> Predicate:
    search = re.compile(argument).search
    return lambda value: isinstance(value, str) and search(value) is not None


def _beginning(argument: str) -> Predicate:
    return lambda value: isinstance(value, str) and value.startswith(argument)


def _all(argument: list[Any]) -> Predicate:
    keys = frozenset(map(encode, argument))
    if not keys:
        return _never

    def contains_all(value: Any) -> bool:
        if not isinstance(value, list):
            return False
        return keys == {encode(value)} or keys.issubset(map(encode, value))

    return contains_all


def _any_element(argument: Selector) -> Predicate:
    test = compile_normal(argument)
    return lambda value: isinstance(value, list) and any(map(test, value))


def _each_element(argument: Selector) -> Predicate:
    test = compile_normal(argument)
    return lambda value: isinstance(value, list) and bool(value) and all(map(test, value))


def _any_name(argument: Selector) -> Predicate:
    test = compile_normal(argument)
    return lambda value: isinstance(value, dict) and any(map(test, value))


def _not(argument: Selector) -> Predicate:
    test = compile_normal(argument)
    return lambda value: not test(value)


_CONDITIONS: dict[str, Callable[[Any], Predicate]] = {
    "$eq": _equal,
    "$ne": _unequal,
    "$lt": _less,
    "$lte": _at_most,
    "$gt": _greater,
    "$gte": _at_least,
    "$in": _one_of,
    "$nin": _none_of,
    "$exists": _exists,
    "$type": _type,
    "$size": _size,
    "$mod": _remainder,
    "$regex": _pattern,
    "$beginsWith": _beginning,
    "$all": _all,
    "$elemMatch": _any_element,
    "$allMatch": _each_element,
    "$keyMapMatch": _any_name,
    "$not": _not,
}
