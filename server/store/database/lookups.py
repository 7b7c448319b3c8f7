"""Reading documents of one database."""

from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import apsw
import msgspec

from server.store.database import blobs, render
from server.store.database.edits import Row, leaves
from server.store.database.readers import Readers
from server.store.database.stored import Change, Stored, stored_from
from server.store.revisions import Tree, decode, is_linear

_encode = msgspec.json.Encoder().encode
_ROW = "SELECT seq, id, rev, deleted, body, atts, tree FROM doc WHERE id = ?"
_WINNER = "SELECT id, rev, deleted, body, atts FROM doc WHERE id = ?"
_WINNERS = """SELECT id, rev, deleted, body, atts FROM doc
 WHERE id IN (SELECT value FROM json_each(?)) AND NOT deleted"""
_KEPT = "SELECT deleted, body, atts FROM rev WHERE id = ? AND rev = ?"
_DESIGN = "SELECT id, rev, deleted, body, atts FROM doc WHERE id >= '_design/' AND id < '_design0' AND NOT deleted"
_CHANGES = "SELECT seq, id, rev, deleted, body, atts, tree FROM doc WHERE seq > ? ORDER BY seq LIMIT ?"
_PURGED = "SELECT seq, id FROM purge WHERE seq > ? ORDER BY seq"


class Lookups:
    """What can be read of a database file. Safe to use from any thread."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._readers = Readers(path)

    def reader(self) -> AbstractContextManager[apsw.Connection]:
        """A connection for reading, for the time of a block."""
        return self._readers.one()

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
            rows = connection.execute(_WINNERS, (_encode(ids).decode(),))
            return {row[0]: render.plain(*row) for row in rows}

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


def _whole(doc_id: str, rev: str, deleted: int, body: bytes, atts: str | None, tree: str | None) -> bytes:
    if is_linear(tree):
        return render.plain(doc_id, rev, deleted, body, atts)
    losers = decode(rev, bool(deleted), tree)[1:]
    return render.document(doc_id, rev, deleted, body, render.conflicts(losers), render.stubs(atts))
