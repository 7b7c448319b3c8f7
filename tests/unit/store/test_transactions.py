"""Writes that share a transaction: what was read of a document is good until it changes, and not longer."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import apsw
import msgspec
import pytest

from server.store.database import drafts, edits, schema
from server.store.database.edits import State, Transaction
from server.store.database.writes import CompactWrite, DocumentsWrite, PurgeWrite
from server.store.errors import Conflict, StoreError

IDS = ["a", "b", "c"]


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[apsw.Connection]:
    path = tmp_path / "x.sqlite"
    schema.create(path, {})
    opened = schema.connect(path, write=True)
    yield opened
    opened.close()


@pytest.fixture
def txn(connection: apsw.Connection) -> Transaction:
    return Transaction(connection, State(0, 0, 0, 0, 1), 1000)


def documents(*docs: dict[str, Any], replicated: bool = False) -> DocumentsWrite:
    user = {"db": "x", "name": "alice", "roles": []}
    return DocumentsWrite([drafts.parse(msgspec.json.encode(doc)) for doc in docs], replicated, user)


def written(txn: Transaction, *docs: dict[str, Any], replicated: bool = False) -> list[str | StoreError]:
    """What became of documents that pass the gate and are written, as a group's are."""
    write = documents(*docs, replicated=replicated)
    write.to_validate(txn)
    return write.apply(txn)


def revs(txn: Transaction) -> dict[str, Any]:
    rows = {doc_id: txn.find(doc_id) for doc_id in IDS}
    return {doc_id: row.rev for doc_id, row in rows.items() if row}


def assert_in_step(txn: Transaction) -> None:
    """What the transaction finds is what one that has read nothing yet finds."""
    other = Transaction(txn.connection, txn.state, txn.revs_limit)
    assert [txn.find(doc_id) for doc_id in IDS] == [other.find(doc_id) for doc_id in IDS]


def test_each_kind_of_write_sees_what_those_before_it_did(txn: Transaction) -> None:
    """Many writes go into one transaction, and a document may be in several of them."""
    written(txn, *({"_id": doc_id, "n": 1} for doc_id in IDS))
    assert_in_step(txn)
    written(txn, *({"_id": doc_id, "_rev": rev, "n": 2} for doc_id, rev in revs(txn).items()))
    assert_in_step(txn)
    written(txn, {"_id": "a", "_rev": "3-f", "_revisions": {"start": 3, "ids": ["f", "e", "d"]}}, replicated=True)
    assert_in_step(txn)
    txn.revs_limit = 2  # compaction cuts the branches
    CompactWrite(1000).apply(txn)
    assert_in_step(txn)
    written(txn, {"_id": "b", "_rev": revs(txn)["b"], "_deleted": True})
    assert_in_step(txn)
    PurgeWrite({"c": [revs(txn)["c"]]}, lambda: uuid4().hex).apply(txn)
    assert_in_step(txn)
    assert [rev.partition("-")[0] for rev in revs(txn).values()] == ["3", "3"]


def test_second_edit_of_a_document_in_one_bulk_is_a_conflict(txn: Transaction) -> None:
    """Both name the revision that the first one replaces."""
    written(txn, {"_id": "a", "n": 1}, {"_id": "b"})
    known = revs(txn)
    first, second, third = written(
        txn, {"_id": "a", "_rev": known["a"], "n": 2}, {"_id": "a", "_rev": known["a"], "n": 3}, {"_id": "a", "n": 4}
    )
    assert isinstance(second, Conflict)
    assert isinstance(third, Conflict)
    assert revs(txn) == {"a": first, "b": known["b"]}


def test_bulk_may_make_a_document_and_edit_another(txn: Transaction) -> None:
    """New documents and edits of old ones are looked up in different ways."""
    [old] = written(txn, {"_id": "a", "n": 1})
    results = written(txn, {"_id": "b"}, {"_id": "a", "_rev": old, "n": 2}, {"_id": "c", "_rev": "1-x"}, {"_id": "a"})
    assert [type(result) for result in results] == [str, str, Conflict, Conflict]
    assert_in_step(txn)


def test_large_bodies_are_not_held(txn: Transaction) -> None:
    """A bulk may replace more of them than fit into memory."""
    noise = "".join(uuid4().hex for _ in range(edits.HELD // 16))
    [small, large] = written(txn, {"_id": "a"}, {"_id": "b", "noise": noise})
    txn.read_ahead(["a", "b"])
    assert revs(txn) == {"a": small, "b": large}
    assert set(txn.held) == {"a"}
