"""A CouchDB database in memory that enforces revisions, answers views by the project's own maps, and can fail."""

import base64
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import msgspec

from crashfarm.answers import Outcome, Row, View
from crashfarm.errors import Conflict, DatabaseUnavailable, NotFound
from server.store import collation
from tests.fake_views import FakeDatabase
from tests.javascript import ROOT, map_function

Json = dict[str, Any]
Entry = tuple[bytes, Row]


class MemoryDatabase(FakeDatabase):
    """Refuses what CouchDB would refuse: a write that does not name the present revision.

    `fault` is asked before and after each request with its name and "before" or "after"; what it raises, the caller
    gets: "after" is a reply that was lost when the write had happened. `writes` counts written documents, `requests`
    requests.
    """

    def __init__(self, name: str = "memory") -> None:
        super().__init__(name, [])
        self.fault: Callable[[str, str], None] = lambda request, moment: None
        self.requests = 0
        self.writes = 0
        self._tombs: dict[str, int] = {}
        self._seq = 0
        self._known: dict[tuple[str, str, str], list[Entry]] = {}
        self._built: dict[str, list[Entry]] = {}
        self._update = "true"

    def get(self, document_id: str, **options: Any) -> Json | None:
        """A copy of the document, or None."""
        return self._request("get", lambda: _copy(self.docs.get(document_id)))

    def put(self, doc: Json) -> str:
        """Write one document. Raises Conflict."""
        outcome = self._request("put", lambda: self._write(doc))
        if outcome.error:
            raise Conflict(outcome.reason)
        return str(outcome.rev)

    def bulk(self, docs: Sequence[Json], *, new_edits: bool = True) -> list[Outcome]:
        """Write documents, each by its revision."""
        assert new_edits
        return self._request("bulk", lambda: [self._write(doc) for doc in docs]) if docs else []

    def delete(self, document_id: str, rev: str) -> None:
        """Delete by revision. Raises Conflict."""
        self._request("delete", lambda: self._delete(document_id, rev))

    def view(self, design: str, view: str, **query: Any) -> View:
        """Rows of a view, of all that is written by now; with update=lazy or false, of what was when it was built."""
        self._update = query.pop("update", "true")
        query.setdefault("reduce", (ROOT / "views" / design / view / "reduce").exists())
        return self._request("view", lambda: _copies(super(MemoryDatabase, self).view(design, view, **query)))

    def all_docs(self, *, keys: list[str], include_docs: bool = False) -> View:
        """Documents by their ids; rows of missing ones have none."""
        return self._request("all_docs", lambda: View(tuple(self._row(key) for key in keys)))

    def documents(self, prefix: str, page: int = 500) -> list[Json]:
        """All documents whose ids begin so."""
        found = [doc for id, doc in sorted(self.docs.items()) if id.startswith(prefix)]
        return self._request("all_docs", lambda: [dict(doc) for doc in found])

    def attachment(self, document_id: str, name: str) -> bytes | None:
        """The bytes of an attachment that was written inline."""
        found = self.docs.get(document_id, {}).get("_attachments", {}).get(name)
        return base64.b64decode(found["data"]) if found else None

    def _request(self, name: str, answer: Callable[[], Any]) -> Any:
        self.requests += 1
        self.fault(name, "before")
        result = answer()
        self.fault(name, "after")
        return result

    def _write(self, doc: Json) -> Outcome:
        present = self.docs.get(doc["_id"])
        if doc.get("_rev") != (present["_rev"] if present else None):
            return Outcome(doc["_id"], error="conflict", reason="Document update conflict.")
        if doc.get("_deleted"):
            self._delete(doc["_id"], doc["_rev"])
            return Outcome(doc["_id"], rev="deleted")
        number = int(present["_rev"].partition("-")[0]) if present else self._tombs.get(doc["_id"], 0)
        self._seq += 1
        self.writes += 1
        rev = f"{number + 1}-{self._seq:032x}"
        self.docs[doc["_id"]] = msgspec.json.decode(msgspec.json.encode(doc | {"_rev": rev}))
        return Outcome(doc["_id"], rev=rev)

    def _delete(self, document_id: str, rev: str) -> None:
        present = self.docs.get(document_id)
        if present is None:
            raise NotFound("missing")
        if present["_rev"] != rev:
            raise Conflict("Document update conflict.")
        self._tombs[document_id] = int(rev.partition("-")[0]) + 1
        del self.docs[document_id]

    def _row(self, key: str) -> Row:
        doc = _copy(self.docs.get(key))
        return Row(key=key, value={"rev": doc["_rev"]} if doc else None, id=key if doc else None, doc=doc)

    def _index(self, path: str) -> list[Entry]:
        """Documents do not change within a revision: each is mapped once."""
        before = self._built.get(path, [])
        if self._update != "false":
            self._built[path] = self._build(path)
        return self._built[path] if self._update == "true" else before

    def _build(self, path: str) -> list[Entry]:
        entries: list[Entry] = []
        for id, doc in self.docs.items():
            key = (path, id, doc["_rev"])
            if key not in self._known:
                self._known[key] = _entries(path, doc)
            entries += self._known[key]
        return sorted(entries, key=lambda entry: (entry[0], entry[1].id))


def unavailable(*_: Any) -> None:
    """A fault: no answer at all."""
    raise DatabaseUnavailable("the test took the network away")


def lost_replies(requests: str, times: int) -> Callable[[str, str], None]:
    """A fault: the next `times` requests of that name are done, and their replies lost."""
    left = [times]

    def fault(request: str, moment: str) -> None:
        if request == requests and moment == "after" and left[0]:
            left[0] -= 1
            raise DatabaseUnavailable("the reply was lost")

    return fault


@cache
def _map(path: str) -> Callable[[Json], list[tuple[Any, Any]]]:
    return map_function((ROOT / "views" / path / "map.js").read_text())


def _entries(path: str, doc: Json) -> list[Entry]:
    return [(collation.encode(key), Row(key=key, value=value, id=doc["_id"])) for key, value in _map(path)(doc)]


def _copy(doc: Json | None) -> Json | None:
    """As far away from the stored one as a reply of a server is."""
    copied: Json | None = msgspec.json.decode(msgspec.json.encode(doc))
    return copied


def _copies(view: View) -> View:
    return View(tuple(msgspec.structs.replace(row, doc=_copy(row.doc)) for row in view.rows))
