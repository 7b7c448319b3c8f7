"""One database: its file, its readers, its writer, and what the rest of the store asks of it."""

import asyncio
import threading
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, suppress
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import apsw
import msgspec

from server.store.database import blobs, render, schema
from server.store.database.blobs import Kept
from server.store.database.drafts import Draft
from server.store.database.edits import Row, State, Transaction, leaves
from server.store.database.packing import unpack
from server.store.database.readers import Readers
from server.store.database.writer import Write, Writer
from server.store.database.writes import CompactWrite, DocumentsWrite, SettingWrite
from server.store.errors import BadRequest, StoreError
from server.store.revisions import Tree, decode, is_linear

DEFAULT_REVS_LIMIT = 1000
DEFAULT_PURGED_LIMIT = 1000
#: So many replaced bodies, and half as many as there are documents, are forgotten without being asked.
_MUCH_PUT_ASIDE = 20_000
_ROW = "SELECT seq, id, rev, deleted, body, atts, tree FROM doc WHERE id = ?"
_WINNER = "SELECT id, rev, deleted, body, atts FROM doc WHERE id = ?"
_KEPT = "SELECT deleted, body, atts FROM rev WHERE id = ? AND rev = ?"
_DESIGN = "SELECT id, rev, deleted, body, atts FROM doc WHERE id >= '_design/' AND id < '_design0' AND NOT deleted"
_CHANGES = "SELECT seq, id, rev, deleted, body, atts, tree FROM doc WHERE seq > ? ORDER BY seq LIMIT ?"


_PURGED = "SELECT seq, id FROM purge WHERE seq > ? ORDER BY seq"


class Change(NamedTuple):
    """The latest state of one document, as a feed or an index sees it."""

    seq: int
    id: str
    rev: str
    deleted: bool
    body: bytes


class Stored(NamedTuple):
    """One revision of one document with its body."""

    id: str
    rev: str
    deleted: bool
    body: bytes
    atts: str | None

    def json(self) -> bytes:
        """The document with stubs."""
        return render.plain(self.id, self.rev, self.deleted, self.body, self.atts)

    def kept(self) -> dict[str, Kept]:
        """Its attachments."""
        return blobs.decode_kept(self.atts)


def stored_from(doc_id: str, rev: str, deleted: int, body: bytes, atts: str | None) -> Stored:
    """A revision from its row."""
    return Stored(doc_id, rev, bool(deleted), unpack(body), atts)


class Validator(Protocol):
    """Runs validation functions, many documents at a time."""

    def validate_many(
        self,
        ddocs: list[bytes],
        calls: list[tuple[bytes, bytes | None]],
        user_ctx: dict[str, Any],
        sec_obj: dict[str, Any],
    ) -> Sequence[StoreError | None]:
        """A refusal, or None, for each call."""


#: A rule of the store itself: sees the new and the old document and the user, and raises what it has against it.
Rule = Callable[[dict[str, Any], dict[str, Any] | None, dict[str, Any]], None]


def parse_seq(text: str | int) -> int:
    """The number of a sequence as clients hand it back; BadRequest for anything else."""
    if isinstance(text, int):
        return text
    number, dash, rest = text.strip('"').partition("-")
    if number.isascii() and number.isdigit() and len(number) < 19 and bool(dash) == bool(rest):
        return int(number)
    raise BadRequest("Malformed sequence supplied in 'since' parameter.")


class Database:
    """An open database. Safe to use from any thread."""

    def __init__(self, path: Path, name: str, validator: Validator | None = None) -> None:
        self.path = path
        self.name = name
        self.rules: list[Rule] = []
        self._validator = validator
        self._readers = Readers(path)
        self._functions: list[bytes] | None = None
        self._listeners: list[Callable[[], None]] = []
        with self.reader() as connection:
            self._meta = {key: value for key, value in connection.execute("SELECT name, value FROM meta")}
            self._state = State(*next(iter(connection.execute("SELECT * FROM state"))))
        self.uuid = self._meta["uuid"]
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

    # Readers

    def reader(self) -> AbstractContextManager[apsw.Connection]:
        """A connection for reading, for the time of a block."""
        return self._readers.one()

    def close(self) -> None:
        """Let go of the file; what is queued for writing is finished first."""
        self._writer.close()
        self._readers.close()
        self._wake()

    def rest(self) -> None:
        """Close connections that nobody uses now; they are opened again when needed."""
        self._readers.rest()

    @property
    def used(self) -> float:
        """When it was last read, by the monotonic clock."""
        return self._readers.used

    @property
    def closed(self) -> bool:
        """True once the database is deleted or the store stops."""
        return self._readers.closed

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

    def find(self, doc_id: str) -> Row | None:
        """A document's row with its revision tree; None when there never was one."""
        with self.reader() as connection:
            for row in connection.execute(_ROW, (doc_id,)):
                return Row(*row)
        return None

    def winner(self, doc_id: str) -> Stored | None:
        """The winning revision, deleted or not; None when there never was one."""
        with self.reader() as connection:
            for row in connection.execute(_WINNER, (doc_id,)):
                return stored_from(*row)
        return None

    def stored(self, doc_id: str, rev: str) -> Stored | None:
        """A given revision; None when its body is not there."""
        winner = self.winner(doc_id)
        if winner is None or winner.rev == rev:
            return winner
        with self.reader() as connection:
            for row in connection.execute(_KEPT, (doc_id, rev)):
                return stored_from(doc_id, rev, *row)
        return None

    def tree(self, doc_id: str) -> Tree:
        """The revision tree, winner first; empty when there never was such a document."""
        row = self.find(doc_id)
        return leaves(row) if row else ()

    def get_winner(self, doc_id: str) -> bytes | None:
        """The document as JSON; None when it is missing or deleted."""
        found = self.winner(doc_id)
        return found.json() if found and not found.deleted else None

    def get_winners(self, ids: list[str]) -> dict[str, bytes]:
        """Those of the documents that are there, as JSON."""
        with self.reader() as connection:
            rows = (row for doc_id in ids for row in connection.execute(_WINNER, (doc_id,)))
            return {row[0]: render.plain(*row) for row in rows if not row[2]}

    def get_rev(self, doc_id: str, rev: str) -> bytes | None:
        """A given revision as JSON; None when its body is not there."""
        found = self.stored(doc_id, rev)
        return found.json() if found else None

    def design_docs(self) -> list[bytes]:
        """All living design documents as JSON."""
        with self.reader() as connection:
            return [render.plain(*row) for row in connection.execute(_DESIGN)]

    def changes_since(self, since: int, limit: int) -> list[Change]:
        """Documents that changed after a sequence number, each once, oldest change first.

        Their bodies have `_conflicts` and `_deleted_conflicts` where there are some.
        """
        with self.reader() as connection:
            rows: list[Any] = connection.execute(_CHANGES, (since, limit)).fetchall()
        return [
            Change(seq, doc_id, rev, bool(deleted), _whole(doc_id, rev, deleted, body, atts, tree))
            for seq, doc_id, rev, deleted, body, atts, tree in rows
        ]

    def purged_since(self, seq: int) -> list[tuple[int, str]]:
        """(number, document id) of the purges after a number."""
        with self.reader() as connection:
            rows: list[Any] = connection.execute(_PURGED, (seq,)).fetchall()
        return rows

    def blob(self, number: int) -> bytes:
        """An attachment's content as it is kept."""
        with self.reader() as connection:
            return blobs.load(connection, number)

    def chunk(self, number: int, part: int) -> bytes:
        """A part of an attachment's content as it is kept."""
        query = "SELECT data FROM chunk WHERE blob = ? AND part = ?"
        with self.reader() as connection:
            for (data,) in connection.execute(query, (number, part)):
                return bytes(data)
        return b""

    def local(self, doc_id: str) -> tuple[int, bytes] | None:
        """(revision number, body) of a local document."""
        with self.reader() as connection:
            for rev, body in connection.execute("SELECT rev, body FROM local WHERE id = ?", (doc_id,)):
                return rev, body
        return None

    def sizes(self) -> dict[str, int]:
        """Bytes: `file` on disk, `active` without free pages, `external` as JSON (estimated from `active`)."""
        with self.reader() as connection:
            page = connection.pragma("page_size")
            pages, free = connection.pragma("page_count"), connection.pragma("freelist_count")
        side = sum(each.stat().st_size for each in (self.path, Path(f"{self.path}-wal")) if each.exists())
        return {"file": side, "external": page * (pages - free), "active": page * (pages - free)}

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
        """Run the rules and validation functions over what the group wants to write."""
        if self._functions is None:
            self._functions = [text for text in _living_designs(txn) if b'"validate_doc_update":' in text]
        if not self._functions and not self.rules:
            return
        for write in writes:
            if isinstance(write, DocumentsWrite) and write.user is not None:
                self._validate(txn, write, write.user)

    def committed(self, txn: Transaction) -> None:
        """Publish the counters of a commit, wake who waits for changes, compact when there is much to forget."""
        moved = txn.state.update_seq != self._state.update_seq
        self._state = txn.state
        if txn.designs_changed:
            self._functions = None
        if moved:
            self._wake()
        self._put_aside += txn.put_aside
        if self._put_aside > max(_MUCH_PUT_ASIDE, txn.state.doc_count // 2) and self.begin_compaction():
            self._put_aside = 0
            threading.Thread(target=self._compact_by_itself, name=f"compact {self.name}", daemon=True).start()

    def _compact_by_itself(self) -> None:
        with suppress(StoreError):
            self.compact_now()

    def _validate(self, txn: Transaction, write: DocumentsWrite, user: dict[str, Any]) -> None:
        calls = write.to_validate(txn)
        for draft, new, old in calls if self.rules else ():
            draft.refusal = self._against(new, old, user)
        calls = [call for call in calls if call[0].refusal is None]
        if not calls or not self._functions:
            return
        if self._validator is None:
            raise StoreError(500, "internal_server_error", "No JavaScript is there to validate with.")
        pairs = [(new, old) for _, new, old in calls]
        refusals = self._validator.validate_many(self._functions, pairs, user, self._security)
        for (draft, _, _), refusal in zip(calls, refusals, strict=True):
            draft.refusal = refusal

    def _against(self, new: bytes, old: bytes | None, user: dict[str, Any]) -> StoreError | None:
        try:
            for rule in self.rules:
                rule(msgspec.json.decode(new), msgspec.json.decode(old) if old else None, user)
        except StoreError as error:
            return error
        return None


def _whole(doc_id: str, rev: str, deleted: int, body: bytes, atts: str | None, tree: str | None) -> bytes:
    if is_linear(tree):
        return render.plain(doc_id, rev, deleted, body, atts)
    losers = decode(rev, bool(deleted), tree)[1:]
    return render.document(doc_id, rev, deleted, body, render.conflicts(losers), render.stubs(atts))


class _Shrink:
    """Give free pages back. A transaction of its own, for the pages are free only after the one that freed them."""

    def apply(self, txn: Transaction) -> None:
        """Release every free page."""
        txn.connection.execute("PRAGMA incremental_vacuum").fetchall()


def _living_designs(txn: Transaction) -> list[bytes]:
    return [render.plain(*row) for row in txn.connection.execute(_DESIGN)]
