"""Settling conflicts after replication: the rule of every type, the same everywhere, without coordination.

Who settles a conflict deletes the losing revisions, and where the winner has to say more than it did, writes that on
top of CouchDB's own winner. Both edits are decided by the revisions alone, so two sites that settle the same conflict
make the same edits, which CouchDB gives the same revisions.
"""

from collections.abc import Sequence
from functools import reduce
from itertools import takewhile

import msgspec

from crashfarm.database import Database
from crashfarm.documents.base import Json
from crashfarm.documents.history import HISTORY_TYPES
from crashfarm.errors import InvalidDocument

PAGE = 500

_ADVANCE = {"pending": 0, "running": 1, "aborted": 2, "completed": 3}
"""How far a job has come. A result that somebody has written outweighs that somebody gave up."""


def settle_all(database: Database, since: str | int = 0) -> tuple[int, str | int]:
    """Settle all conflicts in documents that changed since then: how many, and from where to look the next time."""
    settled = 0
    while True:
        answer = database.changes(since=since, limit=PAGE, style="all_docs")
        open_ = [row["id"] for row in answer["results"] if len(row["changes"]) > 1 and not row.get("deleted")]
        settled += sum(settle(database, document_id) for document_id in open_)
        since = answer["last_seq"]
        if len(answer["results"]) < PAGE:
            return settled, since


def settle_open(database: Database) -> int:
    """Settle what the view of open conflicts shows, a page of it: how many, until one could not be settled.

    For those who do not follow the changes, and who may not be allowed to delete what loses.
    """
    rows = database.view("conflicts", "open", reduce=False, limit=PAGE).rows
    settled = (settle(database, row.id) for row in rows if row.id)
    return sum(takewhile(bool, settled))


def settle(database: Database, document_id: str) -> bool:
    """Settle the conflict of one document; whether there was one, and we were the ones who settled it."""
    leaves = read_leaves(database, document_id)
    return len(leaves) > 1 and all(outcome.ok for outcome in database.bulk(edits(leaves)))


def read_leaves(database: Database, document_id: str) -> list[Json]:
    """The living revisions of a document, CouchDB's own winner first."""
    doc = database.get(document_id, conflicts=True)
    if doc is None:
        return []
    others = doc.pop("_conflicts", [])
    found = [database.get(document_id, rev=rev) for rev in others]
    return [doc, *(leaf for leaf in found if leaf and not leaf.get("_deleted"))]


def edits(leaves: Sequence[Json]) -> list[Json]:
    """What to write to settle a conflict, given its leaves, CouchDB's winner first: deletions, and perhaps a union."""
    kept, content = choose(leaves)
    losers = [leaf for leaf in leaves if leaf["_rev"] != kept["_rev"]]
    deletions = [{"_id": leaf["_id"], "_rev": leaf["_rev"], "_deleted": True} for leaf in losers]
    return deletions if content == kept else [*deletions, content]


def choose(leaves: Sequence[Json]) -> tuple[Json, Json]:
    """The leaf that stays, and what it is to say. `leaves` are in CouchDB's order, its winner first."""
    kind = leaves[0].get("type")
    if kind in HISTORY_TYPES:
        return leaves[0], _union(kind, leaves)
    if kind == "job":
        kept = max(leaves, key=lambda leaf: (_advance(leaf), _attempt(leaf), *_order(leaf)))
    elif kind == "result":
        kept = max(leaves, key=lambda leaf: (_number(leaf.get("attempt")), *_order(leaf)))
    else:
        kept = leaves[0]
    return kept, kept


def _union(kind: str, leaves: Sequence[Json]) -> Json:
    """All that the leaves know, on top of CouchDB's winner; those that somebody has broken say nothing."""
    cls = HISTORY_TYPES[kind]
    try:
        winner = cls.from_doc(leaves[0])
    except InvalidDocument:
        return leaves[0]
    others = []
    for leaf in leaves[1:]:
        try:
            others.append(cls.from_doc(leaf))
        except InvalidDocument:
            continue
    merged = reduce(lambda one, other: one.merge(other), others, winner)
    return leaves[0] if merged == winner else dict(msgspec.to_builtins(merged.to_doc()))


def _advance(leaf: Json) -> int:
    state = leaf.get("state")
    return _ADVANCE.get(state, -1) if isinstance(state, str) else -1


def _attempt(leaf: Json) -> int:
    claim, attempts = leaf.get("claim"), leaf.get("attempts")
    held = _number(claim.get("attempt")) if isinstance(claim, dict) else 0
    return max(held, len(attempts) if isinstance(attempts, list) else 0)


def _order(leaf: Json) -> tuple[int, str]:
    """CouchDB's own order of revisions, the same everywhere."""
    generation, _, digest = str(leaf["_rev"]).partition("-")
    return int(generation), digest


def _number(value: object) -> int:
    return value if isinstance(value, int) else 0
