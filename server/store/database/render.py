"""A document's JSON from its row, put together from text: nothing is parsed to be written again.

Bodies may come as they lie on the disk.
"""

from collections.abc import Sequence

import msgspec

from server.store.database import blobs
from server.store.database.packing import unpack
from server.store.revisions import Branch

_encode = msgspec.json.Encoder().encode


def document(doc_id: str, rev: str, deleted: int, body: bytes, extra: bytes = b"", attachments: bytes = b"") -> bytes:
    """`{"_id":…,"_rev":…, own members, "_deleted":true}` and the given further members with their leading commas."""
    return b'{"_id":%s,"_rev":"%s"%s%s%s%s}' % (
        _encode(doc_id),
        rev.encode(),
        unpack(body),
        b',"_deleted":true' if deleted else b"",
        extra,
        attachments,
    )


def plain(doc_id: str, rev: str, deleted: int, body: bytes, atts: str | None) -> bytes:
    """A document with stubs for its attachments."""
    if atts is None and not deleted:
        return b'{"_id":%s,"_rev":"%s"%s}' % (_encode(doc_id), rev.encode(), unpack(body))
    return document(doc_id, rev, deleted, body, b"", stubs(atts))


def conflicts(losers: Sequence[Branch], kinds: Sequence[bool] = (False, True)) -> bytes:
    """The members `_conflicts` and `_deleted_conflicts` for the leaves that lost, each only if there are some."""
    text = b""
    for deleted in kinds:
        revs = [each.rev for each in losers if each.deleted == deleted]
        if revs:
            text += b',"%s":%s' % (b"_deleted_conflicts" if deleted else b"_conflicts", _encode(revs))
    return text


def stubs(atts: str | None) -> bytes:
    """The member `_attachments` for an `atts` column, with the comma before it; empty when there are none."""
    return blobs.stubs(blobs.decode_kept(atts)) if atts else b""
