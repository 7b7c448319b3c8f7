"""Edits that share statements do what they would do one by one."""

from collections.abc import Callable, Iterator
from pathlib import Path

import apsw
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from server.store.database import edits, runs, schema
from server.store.database.drafts import Draft
from server.store.database.edits import State, Transaction
from server.store.errors import StoreError

NEWEST, OLDER, UNKNOWN = -1, -2, 0
#: One edit: id, which of the document's revisions so far it names, if any, a value, and whether it deletes.
Edit = tuple[str, int | None, int, bool]
Write = Callable[[Transaction, list[Draft]], list[str | StoreError]]

made_edits = st.tuples(
    st.sampled_from(["a", "b", "c", "_design/d"]),
    st.sampled_from([None, NEWEST, NEWEST, NEWEST, OLDER, UNKNOWN]),
    st.integers(0, 2),
    st.sampled_from([False, False, True]),
)


@pytest.fixture(scope="module")
def connection(tmp_path_factory: pytest.TempPathFactory) -> Iterator[apsw.Connection]:
    path: Path = tmp_path_factory.mktemp("runs") / "x.sqlite"
    schema.create(path, {})
    opened = schema.connect(path, write=True)
    yield opened
    opened.close()


def one_by_one(txn: Transaction, drafts: list[Draft]) -> list[str | StoreError]:
    return [edits.outcome(edits.edit, txn, draft) for draft in drafts]


def draft_of(edit: Edit, named: dict[str, list[str]]) -> Draft:
    doc_id, which, value, deleted = edit
    revs = ["1-x", *named.get(doc_id, [])]
    rev = None if which is None else revs[max(which, -len(revs))]
    return Draft(doc_id, b',"n":%d' % value, deleted, rev)


def after(connection: apsw.Connection, write: Write, bulks: list[list[Edit]]) -> object:
    """What becomes of bulks of edits, and of the database."""
    told: list[object] = []
    txn = Transaction(connection, State(0, 0, 0, 0, 1), 3)
    connection.execute("BEGIN")
    # One document has a conflict from the beginning.
    named = {"c": [edits.graft(txn, Draft("c", b"", revisions=(2, (name, name)))) for name in ("loser", "winner")]}
    for bulk in bulks:
        drafts = [draft_of(edit, named) for edit in bulk]
        for draft, result in zip(drafts, write(txn, drafts), strict=True):
            told.append(result if isinstance(result, str) else result.error)
            if isinstance(result, str):
                named.setdefault(draft.id, []).append(result)
    tables = [list(connection.execute("SELECT * FROM doc")), list(connection.execute("SELECT * FROM rev"))]
    connection.execute("ROLLBACK")
    return told, tables, txn.state.values(), txn.put_aside, txn.designs_changed


@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(bulks=st.lists(st.lists(made_edits, min_size=1, max_size=8), min_size=1, max_size=4))
def test_bulk_does_what_its_edits_do_one_by_one(connection: apsw.Connection, bulks: list[list[Edit]]) -> None:
    """Which of them share a statement is nobody's business: revisions, sequences and counts are the same."""
    assert after(connection, runs.edit_many, bulks) == after(connection, one_by_one, bulks)
