"""What the gate asks validation functions, and whom it tells what they said."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import apsw
import pytest

from server.store.database import schema
from server.store.database.drafts import Draft
from server.store.database.edits import State, Transaction
from server.store.database.gate import MANY, Gate
from server.store.database.writes import DocumentsWrite, LocalWrite
from server.store.errors import Forbidden, StoreError

ALICE, BOB = ({"db": "x", "name": name, "roles": ["crashfarm"]} for name in ("alice", "bob"))


class Recording:
    """Refuses documents that say "bad", and remembers who asked about how many."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, int]] = []

    def validate_many(
        self,
        ddocs: list[bytes],
        calls: list[tuple[bytes, bytes | None]],
        user_ctx: dict[str, Any],
        sec_obj: dict[str, Any],
    ) -> Sequence[StoreError | None]:
        """A call is remembered as the user's name and the number of documents."""
        self.asked.append((user_ctx["name"], len(calls)))
        return [Forbidden(f"no, {user_ctx['name']}") if b"bad" in new else None for new, _ in calls]


@pytest.fixture
def txn(tmp_path: Path) -> Iterator[Transaction]:
    schema.create(tmp_path / "x.sqlite", {})
    connection: apsw.Connection = schema.connect(tmp_path / "x.sqlite", write=True)
    transaction = Transaction(connection, State(0, 0, 0, 0, 1), 1000)
    DocumentsWrite([Draft("_design/v", b',"validate_doc_update":"function () {}"')]).apply(transaction)
    yield transaction
    connection.close()


def drafts(*ids: str) -> list[Draft]:
    return [Draft(doc_id, b',"n":1') for doc_id in ids]


def test_writes_of_one_user_are_validated_together(txn: Transaction) -> None:
    """A call takes longer than a document, and a busy store has many writes in a group; but users are told apart."""
    asked = Recording()
    writes = [
        DocumentsWrite(drafts("a", "bad-1"), user=ALICE),
        DocumentsWrite(drafts("bad-2", "b"), user=BOB),
        DocumentsWrite(drafts("c", "bad-3"), user=ALICE),
        DocumentsWrite(drafts("bad-4"), user=None),
    ]
    Gate(asked).check(txn, [LocalWrite("l", b"", None), *writes], {})
    told = {each.id: str(each.refusal.reason) for write in writes for each in write.drafts if each.refusal}
    assert sorted(asked.asked) == [("alice", 4), ("bob", 2)]
    assert told == {"bad-1": "no, alice", "bad-2": "no, bob", "bad-3": "no, alice"}


def test_many_documents_are_validated_in_several_calls(txn: Transaction) -> None:
    """A call has one limit of time, and holds all its documents in memory."""
    asked = Recording()
    size = MANY // 2 + 1
    writes = [DocumentsWrite(drafts(*(f"{n}-{at}" for at in range(size))), user=ALICE) for n in range(5)]
    Gate(asked).check(txn, list(writes), {})
    assert asked.asked == [("alice", 2 * size), ("alice", 2 * size), ("alice", size)]
