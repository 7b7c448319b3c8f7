"""One replication from its checkpoint to the end of the source's changes, and on if it is continuous."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from email.utils import formatdate
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from server.store.errors import StoreError
from server.store.replication.task import Task

if TYPE_CHECKING:
    from server.store.replication.peer import Peer

VERSION = 4
BATCH = 500
FETCH = 100
POLL_MILLISECONDS = 5000
CHECKPOINT_SECONDS = 5.0
_HISTORY = 50


@dataclass(slots=True)
class Stats:
    """What has been done so far."""

    revisions_checked: int = 0
    missing_revisions_found: int = 0
    docs_read: int = 0
    docs_written: int = 0
    doc_write_failures: int = 0
    changes_pending: int | None = None
    checkpointed_source_seq: Any = 0
    source_seq: Any = 0
    started: float = field(default_factory=time.time)
    updated: float = field(default_factory=time.time)

    def shown(self) -> dict[str, Any]:
        """As `_scheduler` shows it."""
        return {
            "revisions_checked": self.revisions_checked,
            "missing_revisions_found": self.missing_revisions_found,
            "docs_read": self.docs_read,
            "docs_written": self.docs_written,
            "changes_pending": self.changes_pending,
            "doc_write_failures": self.doc_write_failures,
            "checkpointed_source_seq": self.checkpointed_source_seq,
            "source_seq": self.source_seq,
            "through_seq": self.source_seq,
        }


class Run:
    """A replication at work. `work` blocks; `stop` ends it from another thread."""

    def __init__(self, task: Task, name: str, now: Callable[[], float] = time.monotonic) -> None:
        self.task = task
        self.stats = Stats()
        self._name = name
        self._now = now
        self._stopped = threading.Event()
        self._session_id = uuid4().hex
        self._history: list[dict[str, Any]] = []
        self._revs: dict[str, str | None] = {}
        self._started_seq: Any = 0

    def stop(self) -> None:
        """End soon, after a last checkpoint."""
        self._stopped.set()

    def work(self) -> dict[str, Any]:
        """Replicate; what `_replicate` answers. Raises Unreachable or StoreError."""
        # Its library takes a tenth of a second and some megabytes: only stores that replicate pay for it.
        from server.store.replication.peer import Peer

        source, target = Peer(self.task.source), Peer(self.task.target)
        try:
            _require(source, "source")
            if self.task.create_target:
                target.create()
            _require(target, "target")
            self._find_start(source, target)
            self._follow(source, target)
            return self._answer()
        finally:
            source.close()
            target.close()

    def _follow(self, source: "Peer", target: "Peer") -> None:
        saved = self._now()
        while not self._stopped.is_set():
            found = source.changes(*self._question())
            rows = found["results"]
            self.stats.changes_pending = found.get("pending", 0)
            if rows:
                self._copy(source, target, rows)
            self.stats.source_seq = found["last_seq"]
            self.stats.updated = time.time()
            done = not rows and not found.get("pending")
            if done or self._now() - saved > CHECKPOINT_SECONDS:
                self._save(source, target)
                saved = self._now()
            if done and not self.task.continuous:
                return
        self._save(source, target)

    def _copy(self, source: "Peer", target: "Peer", rows: list[dict[str, Any]]) -> None:
        revs = {row["id"]: [change["rev"] for change in row["changes"]] for row in rows}
        self.stats.revisions_checked += sum(map(len, revs.values()))
        missing = {doc_id: each["missing"] for doc_id, each in target.revs_diff(revs).items()}
        self.stats.missing_revisions_found += sum(map(len, missing.values()))
        ids = list(missing)
        for first in range(0, len(ids), FETCH):
            found = source.fetch({doc_id: missing[doc_id] for doc_id in ids[first : first + FETCH]})
            self._count(len(found.docs), len(target.write(found.docs)) if found.docs else 0)
            for doc_id, rev in found.heavy:
                self._count(1, 0 if source.carry(doc_id, rev, target) else 1)

    def _count(self, read: int, refused: int) -> None:
        self.stats.docs_read += read
        self.stats.doc_write_failures += refused
        self.stats.docs_written += read - refused

    def _question(self) -> tuple[dict[str, Any], dict[str, Any] | None]:
        """Options and body of the next request for changes."""
        task = self.task
        params: dict[str, Any] = {"style": "all_docs", "since": self.stats.source_seq, "limit": BATCH}
        if task.continuous:
            params |= {"feed": "longpoll", "timeout": POLL_MILLISECONDS}
        if task.doc_ids is not None:
            return params | {"filter": "_doc_ids"}, {"doc_ids": task.doc_ids}
        if task.selector is not None:
            return params | {"filter": "_selector"}, {"selector": task.selector}
        if task.filter is not None:
            return params | task.query_params | {"filter": task.filter}, None
        return params, None

    def _find_start(self, source: "Peer", target: "Peer") -> None:
        """The newest position that both sides know of."""
        ours, theirs = source.checkpoint(self._name), target.checkpoint(self._name)
        self._revs = {source.url: ours.get("_rev"), target.url: theirs.get("_rev")}
        common = _common_seq(ours, theirs)
        if common is not None:
            self._history = ours.get("history", [])
        self._started_seq = self.task.since_seq or common or 0
        self.stats.source_seq = self.stats.checkpointed_source_seq = self._started_seq

    def _save(self, source: "Peer", target: "Peer") -> None:
        if self.stats.source_seq == self.stats.checkpointed_source_seq:
            return
        target.commit()
        history = [self._entry(), *self._history][:_HISTORY]
        doc = {
            "session_id": self._session_id,
            "source_last_seq": self.stats.source_seq,
            "replication_id_version": VERSION,
            "history": history,
        }
        for peer in (source, target):
            rev = self._revs[peer.url]
            self._revs[peer.url] = peer.save_checkpoint(self._name, doc | ({"_rev": rev} if rev else {}))
        self.stats.checkpointed_source_seq = self.stats.source_seq

    def _entry(self) -> dict[str, Any]:
        return {
            "session_id": self._session_id,
            "start_time": formatdate(self.stats.started, usegmt=True),
            "end_time": formatdate(usegmt=True),
            "start_last_seq": self._started_seq,
            "end_last_seq": self.stats.source_seq,
            "recorded_seq": self.stats.source_seq,
            "missing_checked": self.stats.revisions_checked,
            "missing_found": self.stats.missing_revisions_found,
            "docs_read": self.stats.docs_read,
            "docs_written": self.stats.docs_written,
            "doc_write_failures": self.stats.doc_write_failures,
        }

    def _answer(self) -> dict[str, Any]:
        nothing = self.stats.source_seq == self._started_seq
        answer = {
            "ok": True,
            "session_id": self._session_id,
            "source_last_seq": self.stats.source_seq,
            "replication_id_version": VERSION,
            "history": self._history if nothing else [self._entry(), *self._history],
        }
        return {"no_changes": True, **answer} if nothing else answer


def _require(peer: "Peer", side: str) -> None:
    if not peer.exists():
        raise StoreError(404, "db_not_found", f"could not open {side} {peer.url}")


def _common_seq(ours: dict[str, Any], theirs: dict[str, Any]) -> Any:
    """The position of the newest session that both checkpoints tell of; None when there is none."""
    if ours.get("session_id") is not None and ours.get("session_id") == theirs.get("session_id"):
        return ours.get("source_last_seq")
    known = {entry.get("session_id"): entry.get("recorded_seq") for entry in theirs.get("history", [])}
    for entry in ours.get("history", []):
        if entry.get("session_id") in known:
            return entry.get("recorded_seq")
    return None
