"""What is read of a database: the latest changes, and single revisions."""

from typing import NamedTuple

from server.store.database import blobs, render
from server.store.database.blobs import Kept
from server.store.database.packing import unpack
from server.store.errors import BadRequest


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


def parse_seq(text: str | int) -> int:
    """The number of a sequence as clients hand it back; BadRequest for anything else."""
    if isinstance(text, int):
        return text
    number, dash, rest = text.strip('"').partition("-")
    if number.isascii() and number.isdigit() and len(number) < 19 and bool(dash) == bool(rest):
        return int(number)
    raise BadRequest("Malformed sequence supplied in 'since' parameter.")
