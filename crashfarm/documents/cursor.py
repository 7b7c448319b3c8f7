"""The cursor document: where something that reads a source bit by bit stands in it."""

from typing import ClassVar

import msgspec

from crashfarm.documents.base import Document, Json


class Cursor(Document, frozen=True, kw_only=True):
    """Where a reader stands: id `cursor:<name>`. What `position` holds, its reader alone knows."""

    TYPE: ClassVar[str] = "cursor"

    position: Json = msgspec.field(default_factory=dict)
    updated_at: str = ""


def cursor_id(name: str) -> str:
    """The id of the cursor of that name."""
    return f"cursor:{name}"
