"""A CouchDB database in memory that keeps trees of revisions, as far as replication and settling conflicts need."""

import hashlib
from collections.abc import Sequence
from typing import Any

import msgspec

from crashfarm.answers import Outcome
from crashfarm.errors import Conflict

Json = dict[str, Any]


class Node(msgspec.Struct):
    """A revision: the one that it follows, and the document as it was then; None where only its place is known."""

    parent: str | None
    body: Json | None


class Replica:
    """Revisions are named by what they say and what they follow: the same edit has the same name everywhere."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._trees: dict[str, dict[str, Node]] = {}
        self._log: list[str] = []

    def get(self, document_id: str, *, conflicts: bool = False, rev: str | None = None) -> Json | None:
        """The winner, or a certain revision; None where that is a deletion or there is none."""
        leaves = self._leaves(document_id)
        found = rev or (leaves[0] if leaves else None)
        if found is None or (rev is None and self._is_deleted(document_id, found)):
            return None
        others = [leaf for leaf in leaves[1:] if not self._is_deleted(document_id, leaf)]
        return self._doc(document_id, found) | ({"_conflicts": others} if conflicts and others else {})

    def put(self, doc: Json) -> str:
        """Write by revision. Raises Conflict."""
        [outcome] = self.bulk([doc])
        if outcome.error:
            raise Conflict(outcome.reason)
        return str(outcome.rev)

    def bulk(self, docs: Sequence[Json], *, new_edits: bool = True) -> list[Outcome]:
        """Write each by the leaf that it replaces, or graft revisions with their histories."""
        return [self._write(doc) for doc in docs] if new_edits else [self._graft(doc) for doc in docs]

    def get_json(self, document_id: str, *, open_revs: str, revs: str) -> list[Json]:
        """All leaves with their histories, the deleted ones too."""
        return [{"ok": self._with_history(document_id, leaf)} for leaf in self._leaves(document_id)]

    def changes(self, *, since: str | int, limit: int, style: str) -> Json:
        """Documents in the order of their last change, each with all its leaves."""
        last = {id: number for number, id in enumerate(self._log, 1)}
        rows = sorted((number, id) for id, number in last.items() if number > int(since))[:limit]
        results = [{"seq": number, "id": id, **self._change(id)} for number, id in rows]
        return {"results": results, "last_seq": rows[-1][0] if rows else since}

    def _change(self, id: str) -> Json:
        leaves = self._leaves(id)
        deleted = {"deleted": True} if self._is_deleted(id, leaves[0]) else {}
        return {"changes": [{"rev": leaf} for leaf in leaves]} | deleted

    def _leaves(self, id: str) -> list[str]:
        """Leaves, the winner first."""
        tree = self._trees.get(id, {})
        parents = {node.parent for node in tree.values()}
        leaves = [rev for rev in tree if rev not in parents]
        return sorted(leaves, key=lambda rev: (not self._is_deleted(id, rev), *_order(rev)), reverse=True)

    def _is_deleted(self, id: str, rev: str) -> bool:
        return bool((self._trees[id][rev].body or {}).get("_deleted"))

    def _doc(self, id: str, rev: str) -> Json:
        body = self._trees[id][rev].body or {}
        copied: Json = msgspec.json.decode(msgspec.json.encode(body))
        return {"_id": id, "_rev": rev} | copied

    def _write(self, doc: Json) -> Outcome:
        id, parent = doc["_id"], doc.get("_rev")
        leaves = self._leaves(id)
        free = not leaves or self._is_deleted(id, leaves[0])
        if (parent is None and not free) or (parent is not None and parent not in leaves):
            return Outcome(id, error="conflict", reason="Document update conflict.")
        body = {name: value for name, value in doc.items() if name not in ("_id", "_rev")}
        said = msgspec.json.encode([parent, body], order="deterministic")
        generation = int(parent.partition("-")[0]) + 1 if parent else 1
        rev = f"{generation}-{hashlib.md5(said, usedforsecurity=False).hexdigest()}"
        self._trees.setdefault(id, {})[rev] = Node(parent, body)
        self._log.append(id)
        return Outcome(id, rev=rev)

    def _with_history(self, id: str, leaf: str) -> Json:
        path: list[str] = []
        at: str | None = leaf
        while at:
            path.append(at)
            at = self._trees[id][at].parent
        start = int(leaf.partition("-")[0])
        return self._doc(id, leaf) | {"_revisions": {"start": start, "ids": [rev.partition("-")[2] for rev in path]}}

    def _graft(self, doc: Json) -> Outcome:
        revisions = doc["_revisions"]
        path = [f"{revisions['start'] - back}-{digest}" for back, digest in enumerate(revisions["ids"])]
        tree = self._trees.setdefault(doc["_id"], {})
        body = {name: value for name, value in doc.items() if name not in ("_id", "_rev", "_revisions")}
        for rev, parent in zip(path, [*path[1:], None], strict=True):
            if rev not in tree:
                tree[rev] = Node(parent, body if rev == path[0] else None)
                self._log.append(doc["_id"])
        return Outcome(doc["_id"], rev=path[0])


def _order(rev: str) -> tuple[int, str]:
    generation, _, digest = rev.partition("-")
    return int(generation), digest
