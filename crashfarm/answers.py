"""What CouchDB answers, as data: what became of documents that were written, and the rows of views."""

from typing import Any

import msgspec

NOTHING = msgspec.Raw(b"null")
"""JSON of what is not there."""

FOR_GOOD = frozenset(
    (
        "forbidden",
        "unauthorized",
        "bad_request",
        "doc_validation",
        "illegal_docid",
        "illegal_document_id",
        "invalid_attachment",
        "missing_stub",
        "not_found",
        "attachment_too_large",
        "document_too_large",
        "request_entity_too_large",
        "too_large",
    )
)
"""CouchDB's words for a document that it does not take from us. Any other failure is the server's, and passes."""


class Outcome(msgspec.Struct, frozen=True, gc=False):
    """What became of one document of a bulk write: its new revision, or CouchDB's error and reason."""

    id: str
    rev: str | None = None
    error: str | None = None
    reason: str = ""

    @property
    def ok(self) -> bool:
        """Whether the document was written."""
        return self.error is None

    @property
    def refused(self) -> bool:
        """Whether the document is at fault, or who writes it: trying again is of no use."""
        return self.error in FOR_GOOD

    @property
    def passing(self) -> bool:
        """Whether the server is at fault: the same write may succeed another time."""
        return self.error is not None and self.error != "conflict" and not self.refused


class Row(msgspec.Struct, frozen=True, gc=False):
    """A row of a view. Reduced rows have no id; `doc` is there with include_docs."""

    key: Any = None
    value: Any = None
    id: str | None = None
    doc: dict[str, Any] | None = None


class View(msgspec.Struct, frozen=True):
    """The answer of a view. `total_rows` and `offset` are None where CouchDB gives none: in reduced answers."""

    rows: tuple[Row, ...]
    total_rows: int | None = None
    offset: int | None = None


class RawRow(msgspec.Struct, frozen=True, gc=False):
    """A row whose key and document are JSON as they came: `NOTHING` for a document that is not there, or not asked."""

    key: msgspec.Raw = NOTHING
    id: str | None = None
    doc: msgspec.Raw = NOTHING


class RawView(msgspec.Struct, frozen=True):
    """The answer of a view whose keys and documents are not read yet."""

    rows: tuple[RawRow, ...]
