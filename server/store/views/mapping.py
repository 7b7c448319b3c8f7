"""Documents in, rows out: the map functions of an index, run in a child process while the store writes other rows."""

import contextlib
from collections.abc import Iterator, Sequence
from typing import NamedTuple, Protocol

from server.store.javascript.messages import Functions, Mapped, Request
from server.store.javascript.pool import JavaScript, accepted, prepared, program_key
from server.store.javascript.process import Child
from server.store.views.design import Group


class Source(NamedTuple):
    """A document to be indexed: id and JSON text."""

    id: str
    body: bytes


class Mapper(Protocol):
    """Takes batches and gives back what they emitted, in turns: begin, finish, begin, finish …"""

    def begin(self, batch: Sequence[Source]) -> None:
        """Start on a batch."""

    def finish(self) -> Mapped:
        """The rows of the batch."""


class JavaScriptMapper:
    """The map functions of a design document, in a child process."""

    def __init__(self, child: Child, program: Functions, key: bytes) -> None:
        self._program = program
        self._key = key
        self._child = child
        self._request: Request | None = None

    def begin(self, batch: Sequence[Source]) -> None:
        docs = b"[" + b",".join([body for _, body in batch]) + b"]"
        self._request = Request(self._key, "map", (docs,), tuple([doc_id for doc_id, _ in batch]), self._program)
        self._child.send(prepared(self._child, self._request, self._program))

    def finish(self) -> Mapped:
        reply = self._child.receive()
        if reply.unknown and self._request:
            reply = self._child.ask(self._request)
        mapped = accepted(reply).mapped
        return mapped if mapped is not None else Mapped([], [])


@contextlib.contextmanager
def javascript_mapper(javascript: JavaScript, group: Group) -> Iterator[Mapper]:
    """A mapper with a child process of its own while the context lasts."""
    sources = tuple(one.source for one in group.maps)
    program = Functions(sources, group.lib, tuple(one.collation for one in group.maps))
    key = program_key(program)
    with javascript.builders.lend(key) as child:
        yield JavaScriptMapper(child, program, key)
