"""One database: its file, its readers, its writer, and what the rest of the store asks of it."""

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import apsw
import msgspec

from server.store.database import schema
from server.store.database.drafts import Draft
from server.store.database.edits import State, Transaction
from server.store.database.gate import Gate, Validator
from server.store.database.lookups import Lookups
from server.store.database.ranks import Ranks
from server.store.database.writer import Write, Writer
from server.store.database.writes import CompactWrite, DocumentsWrite, SettingWrite
from server.store.errors import StoreError

DEFAULT_REVS_LIMIT = 1000
DEFAULT_PURGED_LIMIT = 1000
#: So many replaced bodies, and half as many as there are documents, are forgotten without being asked.
_MUCH_PUT_ASIDE = 20_000


class Database(Lookups):
    """An open database. Safe to use from any thread."""

    def __init__(self, path: Path, name: str, validator: Validator | None = None) -> None:
        super().__init__(path)
        self.name = name
        self.gate = Gate(validator)
        self.ranks = Ranks()
        self._listeners: list[Callable[[], None]] = []
        with self.reader() as connection:
            self._meta = {key: value for key, value in connection.execute("SELECT name, value FROM meta")}
            self._state = State(*next(iter(connection.execute("SELECT * FROM state"))))
        self.uuid = str(self._meta["uuid"])
        #: When it was made, in seconds since 1970, as text; "0" where an older store did not note it.
        self.created = self._meta.get("created", "0")
        self._security: dict[str, Any] = msgspec.json.decode(self._meta["security"])
        self._revs_limit = int(self._meta.get("revs_limit", DEFAULT_REVS_LIMIT))
        self._purged_limit = int(self._meta.get("purged_limit", DEFAULT_PURGED_LIMIT))
        self._writer = Writer(self, name)
        self._compaction = threading.Lock()
        self._put_aside = 0

    def __repr__(self) -> str:
        return f"Database({self.name!r}, seq={self._state.update_seq})"

    def close(self) -> None:
        """Let go of the file; what is queued for writing is finished first."""
        self._writer.close()
        self._readers.close()
        self._wake()

    # What it holds

    def update_seq(self) -> int:
        """The last committed sequence number."""
        return self._state.update_seq

    def purge_seq(self) -> int:
        """The number of the last purge."""
        return self._state.purge_seq

    def doc_count(self) -> int:
        """Living documents, design documents among them."""
        return self._state.doc_count

    def del_count(self) -> int:
        """Deleted documents that are still known."""
        return self._state.del_count

    def seq_text(self, seq: int) -> str:
        """A sequence number as clients see it."""
        return f"{seq}-{self.uuid}"

    def revs_limit(self) -> int:
        """How many revisions a branch keeps."""
        return self._revs_limit

    def purged_limit(self) -> int:
        """How many purges compaction leaves remembered."""
        return self._purged_limit

    def security(self) -> dict[str, Any]:
        """The security object: who administers and who may read."""
        return self._security

    # Writing

    def write(self, write: Write) -> "asyncio.Future[Any]":
        """Queue a write; the future has its answer once it is on disk. From the event loop only."""
        return self._writer.submit(write)

    def write_now(self, write: Write) -> Any:
        """Do a write and wait for the disk. Never from the event loop."""
        return self._writer.run(write)

    def put_now(self, drafts: list[Draft]) -> list[str | StoreError]:
        """Write documents of the store's own; nobody validates them."""
        results: list[str | StoreError] = self.write_now(DocumentsWrite(drafts))
        return results

    def set_security_now(self, value: dict[str, Any]) -> None:
        """Change the security object."""
        self.write_now(SettingWrite("security", msgspec.json.encode(value).decode()))
        self._security = value

    def set_revs_limit_now(self, limit: int) -> None:
        """Change how many revisions a branch keeps."""
        self.write_now(SettingWrite("revs_limit", str(limit)))
        self._revs_limit = limit

    def set_purged_limit_now(self, limit: int) -> None:
        """Change how many purges are remembered."""
        self.write_now(SettingWrite("purged_limit", str(limit)))
        self._purged_limit = limit

    def begin_compaction(self) -> bool:
        """Say that a compaction is to run; False when one does already. Who hears True calls `compact_now`."""
        return self._compaction.acquire(blocking=False)

    def compact_now(self) -> None:
        """Forget old bodies, and give the space back to the file system. After `begin_compaction`."""
        try:
            self.write_now(CompactWrite(self._purged_limit))
            self.write_now(_Shrink())
        finally:
            self._compaction.release()

    def compacting(self) -> bool:
        """True while a compaction runs."""
        return self._compaction.locked()

    # Being told

    def listen(self, listener: Callable[[], None]) -> Callable[[], None]:
        """Call `listener` after each commit, in the writer's thread; the returned function ends that."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def _wake(self) -> None:
        for listener in tuple(self._listeners):
            listener()

    # What the writer asks

    def open_writer(self) -> tuple[apsw.Connection, State]:
        """A connection that may write, and the counters."""
        connection = schema.connect(self.path, write=True)
        return connection, State(*next(iter(connection.execute("SELECT * FROM state"))))

    def before_group(self, txn: Transaction, writes: list[Any]) -> None:
        """Have the group pass the gate."""
        self.gate.check(txn, writes, self._security)

    def committing(self, txn: Transaction) -> None:
        """Have nobody remember what is counted meanwhile."""
        if txn.counted:
            self.ranks.committing()

    def committed(self, txn: Transaction) -> None:
        """Publish the counters of a commit, wake who waits for changes, compact when there is much to forget."""
        moved = txn.state.update_seq != self._state.update_seq
        self._state = txn.state
        if txn.counted:
            self.ranks.committed(txn.counted)
        if txn.designs_changed:
            self.gate.forget()
        if moved:
            self._wake()
        self._put_aside += txn.put_aside
        if self._put_aside > max(_MUCH_PUT_ASIDE, txn.state.doc_count // 2) and self.begin_compaction():
            self._put_aside = 0
            threading.Thread(target=self._compact_by_itself, name=f"compact {self.name}", daemon=True).start()

    def _compact_by_itself(self) -> None:
        with suppress(StoreError):
            self.compact_now()


class _Shrink:
    """Give free pages back. A transaction of its own, for the pages are free only after the one that freed them."""

    def apply(self, txn: Transaction) -> None:
        """Release every free page."""
        txn.connection.execute("PRAGMA incremental_vacuum").fetchall()
