"""What counts as one signature, and its short name."""

from crashfarm.documents import history
from crashfarm.documents.finding import Kind

SHORT = 16
"""Hex digits of a short name: the first of the digest that names the document about the signature."""

Signature = tuple[str, str, str]
"""Kind, detail and message. The message is empty where the detail alone tells findings apart."""


def signature(kind: str, message: str, detail: str) -> Signature:
    """The signature of a tuple. An assertion's detail is only its file, so there the message counts too."""
    return (kind, detail, message if kind == Kind.ASSERTION else "")


def short_name(one: Signature) -> str:
    """A name of 16 hex digits that is the same in every report and every farm."""
    return history.digest(one)[:SHORT]


def kind_of(type_name: str) -> str:
    """The kind in `history_<kind>` or `result_<kind>`."""
    return type_name.partition("_")[2]
