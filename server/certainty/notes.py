"""Reading and changing the documents about signatures, whoever else changes them at the same time."""

import re
from collections.abc import Callable

from crashfarm.database import Database
from crashfarm.documents.signature import SignatureNote
from crashfarm.errors import Conflict, InputError, NotFound

TRIES = 10
"""So often a change is made again when somebody else changed the document in between."""


def read(history: Database, note: SignatureNote) -> SignatureNote:
    """What is known of a signature; the given empty document where nothing is."""
    doc = history.get(note.id)
    return note if doc is None else SignatureNote.from_doc(doc)


def change(
    history: Database, empty: SignatureNote, move: Callable[[SignatureNote], SignatureNote | None]
) -> SignatureNote | None:
    """Change what is known of a signature, or make its document; None when `move` gives None for it as it is now."""
    for _ in range(TRIES):
        changed = move(read(history, empty))
        if changed is None:
            return None
        try:
            return changed.evolve(rev=history.put(changed.to_doc()))
        except Conflict:
            continue
    raise Conflict(f"{empty.id} keeps changing: try again")


def find(history: Database, name: str) -> SignatureNote:
    """What is known of a signature, named by its id or by the beginning of the id's hexadecimal part.

    Raises InputError when that is not one signature of which anything is known.
    """
    digits = name.removeprefix("signature:").lower()
    if not re.fullmatch("[0-9a-f]{4,32}", digits):
        raise InputError(f"{name!r} is not a signature: give at least four hexadecimal digits, as the report has them")
    start = f"signature:{digits}"
    rows = history.all_docs(startkey=start, endkey=start + "g", include_docs=True, limit=2).rows
    if len(rows) != 1 or rows[0].doc is None:
        raise NotFound(
            f"{'several signatures begin' if rows else 'nothing is known of a signature that begins'} so: {digits}"
        )
    return SignatureNote.from_doc(rows[0].doc)
