"""What people and the farm found out about signatures as a whole: kept in the scratch tables, shown on their pages."""

import msgspec

from crashfarm.documents.base import Json, plain_name
from crashfarm.documents.signature import SignatureNote
from crashfarm.errors import InvalidDocument
from crashfarm.settings import Farm
from server.queries.signatures import SHORT
from server.report.model import Variant
from server.report.scratch import Scratch, Tables

PREFIX = f"{SignatureNote.TYPE}:"
"""How the ids of these documents begin."""

MAX_SHOWN = 8 * 1024
"""Bytes up to which a minimal input is shown on the page."""

MAX_VARIANTS = 50
"""Variants that a page lists."""

_VARIANTS = """
SELECT name, iif(message > '', message, detail), substr(leader, ?, ?) = name FROM notes JOIN signatures USING (name)
WHERE leader = (SELECT leader FROM notes WHERE name = ?) AND name <> ? ORDER BY findings DESC, name LIMIT ?
"""


def collect(farm: Farm, scratch: Scratch) -> None:
    """Read all of them."""
    for doc in farm.history.documents(PREFIX):
        put(scratch, doc["_id"], doc)


def put(scratch: Scratch, document_id: str, doc: Json | None) -> None:
    """Note what such a document says now, or that it is gone; pages of the whole group are to be made anew."""
    name = name_of(document_id)
    _mark_group(scratch, name)
    scratch.change("DELETE FROM notes WHERE name = ?", name)
    try:
        leader = SignatureNote.from_doc(doc or {}).variant_of or document_id
    except InvalidDocument:
        # Gone, or somebody is in the middle of editing it.
        return
    scratch.insert("notes", [(name, leader, msgspec.json.encode(doc).decode())])
    _mark_group(scratch, name)


def of_signatures(tables: Tables, names: str) -> dict[str, SignatureNote]:
    """The documents about signatures, by name, of those in a JSON array of names that have one."""
    found = tables.rows("SELECT name, doc FROM notes WHERE name IN (SELECT value FROM json_each(?))", names)
    return {name: SignatureNote.from_doc(msgspec.json.decode(doc)) for name, doc in found}


def variants(tables: Tables, name: str) -> tuple[Variant, ...]:
    """The other signatures of the same bug, the commonest first."""
    found = tables.rows(_VARIANTS, len(PREFIX) + 1, SHORT, name, name, MAX_VARIANTS)
    return tuple(Variant(other, headline, bool(leads)) for other, headline, leads in found)


def name_of(document_id: str) -> str:
    """The short name of the signature that a document is about."""
    return plain_name(document_id)[:SHORT]


def minimal_input(farm: Farm, note: SignatureNote | None) -> str:
    """The smallest input that is known, as text; empty if there is none, or it is large or no text."""
    if not note or not note.minimal or note.minimal.size > MAX_SHOWN:
        return ""
    content = farm.history.attachment(note.minimal.result, note.minimal.attachment)
    try:
        return (content or b"").decode("utf-8")
    except UnicodeDecodeError:
        return ""


def _mark_group(scratch: Scratch, name: str) -> None:
    scratch.insert("dirty", [(name,)])
    scratch.change(
        "INSERT OR IGNORE INTO dirty SELECT name FROM notes WHERE leader = (SELECT leader FROM notes WHERE name = ?)",
        name,
    )
