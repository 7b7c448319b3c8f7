"""Writing many documents: edits in a row that are alike go into the tables in one statement."""

from collections.abc import Sequence

from server.store.database.drafts import Draft
from server.store.database.edits import Replaced, Row, Transaction, edit, longer, outcome
from server.store.errors import StoreError
from server.store.revisions import is_linear, new_hash

#: A new document: id, revision, whether it is deleted, body.
New = tuple[str, str, bool, bytes]


def edit_many(txn: Transaction, drafts: Sequence[Draft]) -> list[str | StoreError]:
    """Write many edits in their order; the new revision, or what stands against it, for each."""
    known = txn.known([draft.id for draft in drafts if draft.rev is None])
    txn.read_ahead([draft.id for draft in drafts if draft.rev])
    run = _Run(txn)
    results: list[str | StoreError] = []
    for draft in drafts:
        results.append(run.add(draft, is_known=draft.id in known))
        known.add(draft.id)
    run.flush()
    return results


class _Run:
    """Edits that are decided but not written yet: some new documents and, after them, some others, each once."""

    def __init__(self, txn: Transaction) -> None:
        self._txn = txn
        self._new: list[New] = []
        self._replaced: dict[str, Replaced] = {}

    def add(self, draft: Draft, *, is_known: bool) -> str | StoreError:
        """The outcome of an edit, which may be written only when the run is flushed."""
        if draft.attachments or draft.refusal:
            return self._alone(draft)
        if draft.rev is None:
            return self._alone(draft) if is_known else self._add_new(draft)
        if draft.id in self._replaced:
            self.flush()
        row = self._txn.find(draft.id)
        if row is None or row.rev != draft.rev or not is_linear(row.tree):
            return self._alone(draft)
        return self._replace(draft, row)

    def flush(self) -> None:
        """Write what waits."""
        self._txn.insert_many(self._new)
        self._txn.replace_many(list(self._replaced.values()))
        self._new.clear()
        self._replaced.clear()

    def _alone(self, draft: Draft) -> str | StoreError:
        self.flush()
        return outcome(edit, self._txn, draft)

    def _add_new(self, draft: Draft) -> str:
        if self._replaced:
            self.flush()
        rev = "1-" + new_hash(draft.body, None, draft.deleted)
        self._new.append((draft.id, rev, draft.deleted, draft.body))
        return rev

    def _replace(self, draft: Draft, row: Row) -> str:
        pos = int(row.rev.partition("-")[0]) + 1
        rev = f"{pos}-{new_hash(draft.body, row.rev, draft.deleted)}"
        tree = longer(row, self._txn.revs_limit)
        self._replaced[draft.id] = Replaced(row, rev, draft.deleted, draft.body, tree)
        return rev
