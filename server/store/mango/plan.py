"""Which index a query uses, and which range of it."""

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from server.store.collation import HIGHEST, encode
from server.store.errors import BadRequest
from server.store.mango.fields import MISSING
from server.store.mango.indexes import ALL_DOCS, IndexDef
from server.store.mango.normal import Selector
from server.store.mango.request import FindOptions
from server.store.views.ranges import Range

NO_INDEX = "No matching index found, create an index to optimize query time."

#: (field, operator, argument) of something that must hold.
Condition = tuple[str, str, Any]

#: What begins the key bytes of an array.
_ARRAY = encode([])[:1]


class Bounds(msgspec.Struct, frozen=True):
    """What conditions that must all hold say about one field; MISSING is no bound."""

    low: Any = MISSING
    high: Any = MISSING
    low_open: bool = False
    high_open: bool = False

    @property
    def is_exact(self) -> bool:
        """True when only one value will do."""
        if self.low is MISSING or self.high is MISSING or self.low_open or self.high_open:
            return False
        return encode(self.low) == encode(self.high)


class Plan(msgspec.Struct, frozen=True):
    """The chosen index, what is known of its leading columns, and what the client should be told."""

    index: IndexDef
    bounds: tuple[Bounds, ...]
    warnings: tuple[str, ...] = ()

    def range(self) -> Range:
        """The composite keys of a JSON index."""
        prefix = _ARRAY
        for bounds in self.bounds:
            if not bounds.is_exact:
                return _range(prefix, bounds)
            prefix += encode(bounds.low)
        return Range(prefix, prefix + HIGHEST)

    def start_key(self) -> list[Any]:
        """The first key, as `_explain` shows it."""
        return [bounds.low for bounds in self.bounds if bounds.low is not MISSING]

    def end_key(self) -> list[Any]:
        """The last key, as `_explain` shows it."""
        return [*(bounds.high for bounds in self.bounds if bounds.high is not MISSING), "<MAX>"]


def choose(options: FindOptions, indexes: Sequence[IndexDef]) -> Plan:
    """The best index for a query. BadRequest when the query insists on one that cannot be."""
    conditions = list(conjuncts(options.selector))
    fields = required(options.selector)
    usable = [index for index in indexes if is_usable(index, options, conditions, fields)]
    named = [index for index in usable if is_named(index, options.use_index)]
    if options.use_index and not named and not options.allow_fallback:
        shown = ", ".join(options.use_index)
        raise BadRequest(f"{shown} specified by `use_index` could not be found or it is not suitable.", "invalid_index")
    candidates = named or [index for index in usable if not index.partial]
    if not candidates:
        if options.sort:
            reason = "No index exists for this sort, try indexing by the sort fields."
            raise BadRequest(reason, "no_usable_index")
        candidates = [ALL_DOCS]
    plans = [Plan(index, leading(index, conditions)) for index in candidates]
    best = min(plans, key=rank)
    if best.index.is_special and not options.allow_fallback:
        raise BadRequest("You must specify an index with the `use_index` parameter.", "invalid_index")
    return msgspec.structs.replace(best, warnings=tuple(_warnings(best, options, bool(named))))


def bounds_of(field: str, conditions: Sequence[Condition]) -> Bounds:
    """What the conditions say about a field."""
    bounds = Bounds()
    for name, operator, value in conditions:
        if name == field:
            bounds = _tightened(bounds, operator, value)
    return bounds


def conjuncts(selector: Selector) -> Iterator[Condition]:
    """(field, operator, argument) of every condition that must hold."""
    for name, item in selector.items():
        if name == "$and":
            for each in item:
                yield from conjuncts(each)
        elif not name.startswith("$"):
            [(operator, argument)] = item.items()
            yield name, operator, argument


def required(selector: Selector) -> set[str]:
    """The fields that every match has."""
    found: set[str] = set()
    for name, item in selector.items():
        if name == "$and":
            found.update(*map(required, item))
        elif name == "$or":
            found |= set.intersection(*map(required, item)) if item else set()
        elif not name.startswith("$") and item != {"$exists": False}:
            found.add(name)
    return found


def is_usable(index: IndexDef, options: FindOptions, conditions: Sequence[Condition], fields: set[str]) -> bool:
    """True when an index holds every match, in the order that is asked for."""
    columns = [name for name, _ in index.columns]
    sorted_by = [name for name, _ in options.sort]
    if index.is_special and sorted_by and "_id" not in fields:
        return False
    if not columns or not fields.issuperset(set(columns) - set(sorted_by)):
        return False
    return keeps_order(columns, sorted_by, conditions)


def keeps_order(columns: Sequence[str], sorted_by: Sequence[str], conditions: Sequence[Condition]) -> bool:
    """True when the index is in the order asked for; leading columns of one value only do not matter."""
    rest = list(columns)
    while rest[: len(sorted_by)] != list(sorted_by):
        if not rest or not bounds_of(rest[0], conditions).is_exact:
            return False
        rest.pop(0)
    return True


def is_named(index: IndexDef, use_index: tuple[str, ...]) -> bool:
    """True when a query asks for this index."""
    if not use_index:
        return False
    return index.ddoc == use_index[0] and use_index[1:] in ((), (index.name,))


def leading(index: IndexDef, conditions: Sequence[Condition]) -> tuple[Bounds, ...]:
    """The bounds of the columns that narrow the range: those of one value, and the first that is none."""
    found = []
    for name, _ in index.columns:
        bounds = bounds_of(name, conditions)
        found.append(bounds)
        if not bounds.is_exact:
            break
    return tuple(found)


def rank(plan: Plan) -> tuple[bool, int, int, str, str]:
    """Low is good: an index at all, many columns narrowed, few columns, then by name."""
    narrowed = sum(
        2 if each.is_exact else 1 for each in plan.bounds if each.low is not MISSING or each.high is not MISSING
    )
    index = plan.index
    return index.is_special, -narrowed, len(index.columns), index.ddoc or "", index.name


def _warnings(plan: Plan, options: FindOptions, named: bool) -> Iterator[str]:
    if options.use_index and not named:
        why = "it is not a valid index" if options.use_index[1:] else "it does not contain a valid index"
        yield f"{', '.join(options.use_index)} was not used because {why} for this query."
    if plan.index.is_special:
        yield NO_INDEX


def _tightened(bounds: Bounds, operator: str, value: Any) -> Bounds:
    if operator in ("$eq", "$gt", "$gte"):
        bounds = _raised(bounds, value, operator == "$gt")
    if operator in ("$eq", "$lt", "$lte"):
        bounds = _lowered(bounds, value, operator == "$lt")
    return bounds


def _raised(bounds: Bounds, value: Any, is_open: bool) -> Bounds:
    if bounds.low is not MISSING and (encode(value), is_open) <= (encode(bounds.low), bounds.low_open):
        return bounds
    return msgspec.structs.replace(bounds, low=value, low_open=is_open)


def _lowered(bounds: Bounds, value: Any, is_open: bool) -> Bounds:
    if bounds.high is not MISSING and (encode(value), not is_open) >= (encode(bounds.high), not bounds.high_open):
        return bounds
    return msgspec.structs.replace(bounds, high=value, high_open=is_open)


def _range(prefix: bytes, bounds: Bounds) -> Range:
    start, end = prefix, prefix + HIGHEST
    if bounds.low is not MISSING:
        start = prefix + encode(bounds.low) + (HIGHEST if bounds.low_open else b"")
    if bounds.high is not MISSING:
        end = prefix + encode(bounds.high) + (b"" if bounds.high_open else HIGHEST)
    return Range(start, end)
