"""What feeds are filtered by, and an index that finds the filters which a document may pass."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from server.store.collation import encode
from server.store.database.feed import Filter
from server.store.mango import fields
from server.store.mango.normal import Selector
from server.store.mango.selector import Predicate

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Condition:
    """What every document has that passes a filter: at a path one of these simple values, encoded for comparison."""

    path: fields.Path
    values: frozenset[bytes]


@dataclass(frozen=True, slots=True)
class Rule:
    """A filter. Those with equal keys say the same of every revision of every document.

    `wanted` says which of many documents pass. `test` says it of one, decoded, at once: a rule without it takes
    threads, and a child process. The rule without a `wanted` lets everything pass.
    """

    key: bytes
    wanted: Filter | None
    test: Predicate | None = None
    conditions: tuple[Condition, ...] = ()


EVERYTHING = Rule(b"", None)


def conditions_of(selector: Selector) -> tuple[Condition, ...]:
    """What has to be equal to something in every document that meets a selector, given in its explicit form."""
    if not selector:
        return ()
    [(name, item)] = selector.items()
    if name == "$and":
        return tuple(found for part in item for found in conditions_of(part))
    if name.startswith("$"):
        return ()
    [(operator, argument)] = item.items()
    if operator != "$eq" or not _is_simple(argument):
        return ()
    return (Condition(fields.parse(name), frozenset((encode(argument),))),)


def condition_on_ids(ids: Iterable[str]) -> Condition:
    """That a document has one of these ids."""
    return Condition(("_id",), frozenset(map(encode, ids)))


class Index(Generic[T]):
    """Things that have rules, found by the documents that may pass them."""

    def __init__(self, conditions: Callable[[T], tuple[Condition, ...]]) -> None:
        self._conditions = conditions
        self._places: dict[T, Condition | None] = {}
        self._by_value: dict[fields.Path, dict[bytes, set[T]]] = {}
        self._others: set[T] = set()

    def __len__(self) -> int:
        return len(self._places)

    def __iter__(self) -> Iterator[T]:
        return iter(tuple(self._places))

    def add(self, thing: T) -> None:
        """Take it in, under that condition of its rule which it shares with the fewest."""
        conditions = self._conditions(thing)
        place = min(conditions, key=self._crowd) if conditions else None
        self._places[thing] = place
        if place is None:
            self._others.add(thing)
            return
        values = self._by_value.setdefault(place.path, {})
        for value in place.values:
            values.setdefault(value, set()).add(thing)

    def remove(self, thing: T) -> None:
        """Forget it."""
        place = self._places.pop(thing)
        if place is None:
            self._others.discard(thing)
            return
        values = self._by_value[place.path]
        for value in place.values:
            values[value].discard(thing)
            if not values[value]:
                del values[value]
        if not values:
            del self._by_value[place.path]

    def candidates(self, doc: Any) -> set[T]:
        """All whose rule a document may pass; of the others it is sure that it does not."""
        found = set(self._others)
        for path, values in self._by_value.items():
            value = fields.get(doc, path)
            if value is not fields.MISSING and _is_simple(value):
                found |= values.get(encode(value), set())
        return found

    def _crowd(self, condition: Condition) -> int:
        values = self._by_value.get(condition.path, {})
        return max((len(values.get(value, ())) for value in condition.values), default=0)


def _is_simple(value: Any) -> bool:
    return not isinstance(value, list | dict)
