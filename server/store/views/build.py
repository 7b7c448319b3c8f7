"""Bringing an index up to date: changed documents are mapped and their rows replaced, transaction by transaction.

A transaction carries the sequence up to which it indexed, so whatever ends the process leaves a consistent index of an
earlier state, and the next build goes on from there.
"""

from collections.abc import Iterator, Sequence
from typing import Protocol

import apsw
import msgspec

from server.store.javascript.messages import Mapped, Row
from server.store.javascript.rows import composite
from server.store.views import tables
from server.store.views.mapping import Mapper, Source
from server.store.views.tree import Tree

#: Documents that are mapped in one call, and that one transaction covers at most.
BATCH_DOCS = 1_000
TRANSACTION_DOCS = 100_000
#: A call carries fewer documents when they are large; bytes.
BATCH_BYTES = 4 << 20

_pack = msgspec.msgpack.encode
_unpack_keys = msgspec.msgpack.Decoder(list[list[bytes]]).decode


class Change(Protocol):
    """The latest state of one document."""

    @property
    def seq(self) -> int: ...
    @property
    def id(self) -> str: ...
    @property
    def deleted(self) -> bool: ...
    @property
    def body(self) -> bytes: ...


class Documents(Protocol):
    """What a build needs of a database."""

    @property
    def name(self) -> str: ...
    @property
    def uuid(self) -> str: ...
    def update_seq(self) -> int: ...
    def changes_since(self, since: int, limit: int) -> Sequence[Change]: ...
    def get_winner(self, doc_id: str, /) -> bytes | None: ...
    def purge_seq(self) -> int: ...
    def purged_since(self, seq: int, /) -> Sequence[tuple[int, str]]: ...
    def seq_text(self, seq: int, /) -> str: ...


class Report(Protocol):
    """Is told how a build goes; may raise to end it."""

    def mapped(self, docs: int, /) -> None:
        """So many more documents are in the transaction under way."""

    def committed(self, seq: int, /) -> None:
        """The index holds everything up to a sequence."""


class Prepared(Protocol):
    """Which changes are indexed, and as what text."""

    def __call__(self, change: Change, /) -> Source | None: ...


class Build:
    """One run of a build, from what the index holds to the database's state when it began."""

    def __init__(self, connection: apsw.Connection, functions: int, docs: Documents, prepare: Prepared) -> None:
        self._connection = connection
        self._docs = docs
        self._prepare = prepare
        self._trees = [Tree(connection, place) for place in range(functions)]
        self._changed: list[dict[bytes, int]] = [{} for _ in range(functions)]
        meta = tables.read_meta(connection)
        self.seq = int(meta["seq"])
        self._purge_seq = int(meta["purge_seq"])
        self.target = docs.update_seq()
        self._first = self.seq == 0

    def run(self, mapper: Mapper, report: Report) -> None:
        """Index everything. Ends with what `report` raises, at the state of the last transaction."""
        self._forget_purged(mapper)
        batches = self._batches()
        batch = next(batches, None)
        if batch is not None:
            mapper.begin(self._sources(batch))
        done = 0
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            while batch is not None:
                mapped, following = mapper.finish(), next(batches, None)
                if following is not None:
                    mapper.begin(self._sources(following))
                self._replace([] if self._is_new(batch) else [change.id for change in batch], mapped)
                report.mapped(len(batch))
                self.seq, done, batch = batch[-1].seq, done + len(batch), following
                if done >= TRANSACTION_DOCS and batch is not None:
                    self._commit(report)
                    done = 0
                    self._connection.execute("BEGIN IMMEDIATE")
            self.seq = max(self.seq, self.target)
            self._commit(report)
        except BaseException:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            raise

    def _batches(self) -> Iterator[Sequence[Change]]:
        seq = self.seq
        while seq < self.target:
            changes = self._docs.changes_since(seq, BATCH_DOCS)
            yield from _by_size(changes)
            if not changes:
                return
            seq = changes[-1].seq

    def _is_new(self, batch: Sequence[Change]) -> bool:
        """True in a first build for documents that did not change since it began: none of them was seen before."""
        return self._first and batch[-1].seq <= self.target

    def _sources(self, batch: Sequence[Change]) -> list[Source]:
        return [source for source in map(self._prepare, batch) if source is not None]

    def _forget_purged(self, mapper: Mapper) -> None:
        """Purged documents lose their rows; what is left of one that was purged in part is mapped again."""
        current = self._docs.purge_seq()
        if current == self._purge_seq:
            return
        purged = self._docs.purged_since(self._purge_seq)
        ids = sorted({doc_id for _, doc_id in purged})
        bodies = [(doc_id, self._docs.get_winner(doc_id)) for doc_id in ids]
        changes = [_Left(0, doc_id, body is None, body or b"{}") for doc_id, body in bodies]
        mapper.begin(self._sources(changes))
        mapped = mapper.finish()
        with self._connection:
            self._replace(ids, mapped)
            self._account()
            self._purge_seq = current
            tables.write_meta(self._connection, purge_seq=current)

    def _replace(self, ids: Sequence[str], mapped: Mapped) -> None:
        """Put the rows that documents emitted in the place of those that the documents `ids` emitted before."""
        new = dict(mapped.keys)
        old = self._emitted(ids)
        for place, rows in enumerate(mapped.rows):
            changed = self._changed[place]
            if old:
                self._remove_stale(place, _composites(old, place), rows)
                changed.update((key, changed.get(key, 0) + 1) for key, _ in rows)
            else:
                changed.update(dict.fromkeys([key for key, _ in rows], 1))
            if rows:
                self._connection.executemany(f"INSERT OR REPLACE INTO rows_{place} VALUES(?, ?)", rows)
        gone = [(doc_id,) for doc_id in old if doc_id not in new]
        self._connection.executemany("DELETE FROM docs WHERE id=?", gone)
        packed = [(doc_id, _pack(keys)) for doc_id, keys in mapped.keys]
        self._connection.executemany("INSERT OR REPLACE INTO docs VALUES(?, ?)", packed)

    def _emitted(self, ids: Sequence[str]) -> dict[str, list[list[bytes]]]:
        """The keys that documents emitted when they were last indexed."""
        query = "SELECT id, keys FROM docs WHERE id IN (SELECT value FROM json_each(?))"
        found = self._connection.execute(query, (msgspec.json.encode(ids).decode(),))
        return {doc_id: _unpack_keys(keys) for doc_id, keys in found}

    def _remove_stale(self, place: int, old: set[bytes], rows: Sequence[Row]) -> None:
        """Delete those rows of documents that these new rows of theirs do not replace."""
        changed = self._changed[place]
        changed.update([(key, changed.get(key, 0) - 1) for key in old])
        gone = sorted(old.difference([key for key, _ in rows]))
        if gone:
            query = f"DELETE FROM rows_{place} WHERE k=?"  # noqa: S608 - built of a number
            self._connection.executemany(query, [(key,) for key in gone])

    def _account(self) -> None:
        for tree, changed in zip(self._trees, self._changed, strict=True):
            keys = sorted(changed)
            tree.apply(keys, list(map(changed.__getitem__, keys)))
            changed.clear()

    def _commit(self, report: Report) -> None:
        self._account()
        tables.write_meta(self._connection, seq=self.seq)
        self._connection.execute("COMMIT")
        report.committed(self.seq)


class _Left(msgspec.Struct, frozen=True):
    """What a purge left of a document."""

    seq: int
    id: str
    deleted: bool
    body: bytes


def _composites(emitted: dict[str, list[list[bytes]]], place: int) -> set[bytes]:
    """The keys of the rows that documents emitted from one map function."""
    return {
        composite(key, doc_id.encode(), at) for doc_id, keys in emitted.items() for at, key in enumerate(keys[place])
    }


def _by_size(changes: Sequence[Change]) -> Iterator[Sequence[Change]]:
    start = size = 0
    for at, change in enumerate(changes):
        size += len(change.body)
        if size > BATCH_BYTES:
            yield changes[start : at + 1]
            start, size = at + 1, 0
    if start < len(changes):
        yield changes[start:]
