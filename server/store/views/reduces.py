"""Reduce functions: CouchDB's built-in ones, in Python, and JavaScript's.

A reducer works on many groups at once, because JavaScript is a process away. Its partial results are JSON values that
can be stored, and reduced again with others.
"""

import functools
from collections.abc import Sequence
from typing import Any, Protocol

import msgspec

from server.store.errors import BadRequest, StoreError
from server.store.views import distinct
from server.store.views.numbers import add_up, is_error, statistics


class IndexRow(msgspec.Struct, frozen=True):
    """A row as it is stored: the emitting document's id, key and value."""

    id: str
    key: Any
    value: Any


class Reducer(Protocol):
    """Makes partial results of rows, partial results of those, and the answer of the last one."""

    def reduce(self, groups: Sequence[Sequence[IndexRow]]) -> list[Any]:
        """One partial result for each group of rows."""

    def rereduce(self, groups: Sequence[Sequence[Any]]) -> list[Any]:
        """One partial result for each group of partial results."""

    def answer(self, partial: Any) -> Any:
        """What the client sees."""


class Count:
    """`_count`: how many rows."""

    def reduce(self, groups: Sequence[Sequence[IndexRow]]) -> list[Any]:
        return [len(group) for group in groups]

    def rereduce(self, groups: Sequence[Sequence[Any]]) -> list[Any]:
        return [sum(group) for group in groups]

    def answer(self, partial: Any) -> Any:
        return partial


class Sum:
    """`_sum`: of numbers, arrays of numbers, or objects of such."""

    def reduce(self, groups: Sequence[Sequence[IndexRow]]) -> list[Any]:
        return [add_up([row.value for row in group]) for group in groups]

    def rereduce(self, groups: Sequence[Sequence[Any]]) -> list[Any]:
        return [add_up(group) for group in groups]

    def answer(self, partial: Any) -> Any:
        return partial


class Stats:
    """`_stats`: sum, count, min, max and sum of squares."""

    def reduce(self, groups: Sequence[Sequence[IndexRow]]) -> list[Any]:
        return [statistics([row.value for row in group]) for group in groups]

    def rereduce(self, groups: Sequence[Sequence[Any]]) -> list[Any]:
        return [statistics(group) for group in groups]

    def answer(self, partial: Any) -> Any:
        """The statistics; StoreError (500, as CouchDB answers) when a value is none of which there are some."""
        if is_error(partial):
            raise StoreError(500, partial["error"], partial["reason"])
        return partial


class ApproximateCountDistinct:
    """`_approx_count_distinct`: about how many different keys."""

    def reduce(self, groups: Sequence[Sequence[IndexRow]]) -> list[Any]:
        return [distinct.sketch([row.key for row in group]) for group in groups]

    def rereduce(self, groups: Sequence[Sequence[Any]]) -> list[Any]:
        return [distinct.union(group) for group in groups]

    def answer(self, partial: Any) -> Any:
        return distinct.estimate(partial)


class JavaScriptReduce:
    """A reduce function of the design document."""

    def __init__(self, source: str, call: "Call") -> None:
        self._call = functools.partial(call, source)

    def reduce(self, groups: Sequence[Sequence[IndexRow]]) -> list[Any]:
        if not groups:
            return []
        asked = [([(row.key, row.id) for row in group], [row.value for row in group]) for group in groups]
        return self._call(msgspec.json.encode(asked), False)

    def rereduce(self, groups: Sequence[Sequence[Any]]) -> list[Any]:
        if not groups:
            return []
        return self._call(msgspec.json.encode([(None, group) for group in groups]), True)

    def answer(self, partial: Any) -> Any:
        return partial


class Call(Protocol):
    """Runs a JavaScript reduce: its source, the groups as JSON text, whether it is a rereduce."""

    def __call__(self, source: str, groups: bytes, rereduce: bool, /) -> list[Any]: ...


_BUILT_IN: dict[str, type[Count | Sum | Stats | ApproximateCountDistinct]] = {
    "_count": Count,
    "_sum": Sum,
    "_stats": Stats,
    "_approx_count_distinct": ApproximateCountDistinct,
}


def reducer(source: str, call: Call) -> Reducer:
    """The reducer for a reduce function's source. BadRequest for a built-in that does not exist."""
    if source in _BUILT_IN:
        return _BUILT_IN[source]()
    if source.startswith("_"):
        raise BadRequest(f"`{source}` is not a supported reduce function.", "invalid_design_doc")
    return JavaScriptReduce(source, call)
