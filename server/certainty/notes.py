"""Reading and changing the documents about signatures, whoever else changes them at the same time."""

import re
from collections.abc import Callable
from itertools import islice

from crashfarm.database import Database
from crashfarm.documents.signature import SignatureNote
from crashfarm.errors import Conflict, InputError, NotFound

LEAST_DIGITS = 4
"""So many hexadecimal digits at least name a signature."""

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

    Raises InputError for what is no such name, NotFound where nothing, or more than one, is known by it.
    """
    digits = name.removeprefix("signature:").lower()
    if not re.fullmatch(f"[0-9a-f]{{{LEAST_DIGITS},32}}", digits):
        raise InputError(f"{name!r} is not a signature: give at least four hexadecimal digits, as the report has them")
    found = list(islice(history.documents(f"signature:{digits}"), 2))
    if len(found) != 1:
        words = "several signatures begin" if found else "nothing is known of a signature that begins"
        raise NotFound(f"{words} with {digits}")
    return SignatureNote.from_doc(found[0])
