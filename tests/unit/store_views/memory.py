"""A database in memory, with just what indexes ask of one."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple


class Change(NamedTuple):
    """The latest state of one document."""

    seq: int
    id: str
    rev: str
    deleted: bool
    body: bytes


@dataclass
class MemoryDatabase:
    """Documents by id, each with the sequence of its last change."""

    name: str = "memory"
    uuid: str = "0123"
    changes: dict[str, Change] = field(default_factory=dict)
    purges: list[tuple[int, str]] = field(default_factory=list)
    seq: int = 0

    def put(self, doc_id: str, **members: Any) -> None:
        """Store a document."""
        self._change(doc_id, False, json.dumps({"_id": doc_id, "_rev": "1-a", **members}).encode())

    def delete(self, doc_id: str) -> None:
        """Mark a document as deleted."""
        self._change(doc_id, True, json.dumps({"_id": doc_id, "_rev": "2-b", "_deleted": True}).encode())

    def purge(self, doc_id: str) -> None:
        """Forget a document without a trace in the changes."""
        del self.changes[doc_id]
        self.purges.append((len(self.purges) + 1, doc_id))

    def update_seq(self) -> int:
        return self.seq

    def purge_seq(self) -> int:
        return len(self.purges)

    def purged_since(self, seq: int) -> list[tuple[int, str]]:
        return [purge for purge in self.purges if purge[0] > seq]

    def changes_since(self, since: int, limit: int) -> list[Change]:
        return sorted(change for change in self.changes.values() if change.seq > since)[:limit]

    def get_winner(self, doc_id: str) -> bytes | None:
        change = self.changes.get(doc_id)
        return None if change is None or change.deleted else change.body

    def winner(self, doc_id: str) -> Change | None:
        return self.changes.get(doc_id)

    def design_docs(self) -> list[bytes]:
        return [one.body for one in self.changes.values() if one.id.startswith("_design/") and not one.deleted]

    def seq_text(self, seq: int) -> str:
        return f"{seq}-x"

    def _change(self, doc_id: str, deleted: bool, body: bytes) -> None:
        self.seq += 1
        self.changes[doc_id] = Change(self.seq, doc_id, "1-a", deleted, body)


@dataclass
class MemoryCatalog:
    """Tells where indexes are kept."""

    folder: Path

    def views_folder(self, uuid: str) -> Path:
        return self.folder / uuid
