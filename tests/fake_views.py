"""A database that runs the project's own view functions on documents in memory, in CouchDB's order."""

import itertools
from typing import Any

import msgspec

from crashfarm.answers import RawRow, RawView, Row, View
from crashfarm.errors import NotFound
from server.store import collation
from tests.javascript import ROOT, map_function

Json = dict[str, Any]


class FakeDatabase:
    """Answers `get` and `view`; every map function is the real one. Only `_count` reduces."""

    def __init__(self, name: str, docs: list[Json]) -> None:
        self.name = name
        self.url = f"http://fake/{name}"
        self.docs = {doc["_id"]: {"_rev": "1-abc"} | doc for doc in docs}
        self._log = list(self.docs)
        self._rows: dict[str, list[tuple[bytes, Row]]] = {}
        self.asked = 0

    def get(self, document_id: str) -> Json | None:
        """A document or None."""
        return self.docs.get(document_id)

    def view(self, design: str, view: str, **query: Any) -> View:
        """Rows in order, or counts of groups."""
        self.asked += 1
        rows = self._within(self._index(f"{design}/{view}"), query)
        level = query.get("group_level")
        if level is not None or query.get("reduce", True):
            rows = [Row(key=key, value=n) for key, n in _counted(rows, level)]
        chosen = rows[query.get("skip", 0) :][: query.get("limit", len(rows))]
        if query.get("include_docs"):
            chosen = [msgspec.structs.replace(row, doc=self.docs.get(row.id)) for row in chosen]
        return View(tuple(chosen))

    def raw_view(self, design: str, view: str, **query: Any) -> RawView:
        """The same with keys and documents as JSON."""
        return _raw(self.view(design, view, **query))

    def raw_docs(self, keys: list[str]) -> RawView:
        """The documents of these ids as JSON."""
        return _raw(self.all_docs(keys))

    def post_json(self, *path: str, body: Json) -> Json:
        """Many questions to one view."""
        design, view = path[1], path[3]
        found = [self.view(design, view, **query).rows for query in body["queries"]]
        return {"results": [{"rows": [{"id": r.id, "key": r.key, "value": r.value} for r in rows]} for rows in found]}

    def all_docs(self, keys: list[str], include_docs: bool = False) -> View:
        """The documents of these ids, or rows without any."""
        self.asked += 1
        return View(tuple(Row(key=key, id=key, doc=self.docs.get(key)) for key in keys))

    def documents(self, prefix: str) -> list[Json]:
        """The documents whose ids begin so."""
        return [self.docs[name] for name in sorted(self.docs) if name.startswith(prefix)]

    def attachment(self, document_id: str, name: str) -> bytes | None:
        """The bytes of an attachment, which a document here holds as text."""
        found = self.docs[document_id].get("_attachments", {}).get(name)
        return None if found is None else found["text"].encode()

    def put(self, doc: Json) -> None:
        """Write a document, whatever was there before."""
        self.docs[doc["_id"]] = {"_rev": "1-abc"} | doc
        self._rows.clear()
        self._log.append(doc["_id"])

    def delete(self, document_id: str) -> None:
        """Delete a document."""
        del self.docs[document_id]
        self._rows.clear()
        self._log.append(document_id)

    def info(self) -> Json:
        """What tells this database from another of the same name, and where its changes stand."""
        return {"instance_start_time": str(id(self)), "update_seq": str(len(self._log))}

    def changes(self, since: str, limit: int, include_docs: bool = False) -> Json:
        """The last change of each document behind `since`, in order; at most `limit`."""
        last = {document_id: at for at, document_id in enumerate(self._log, 1)}
        seqs = sorted((at, document_id) for document_id, at in last.items() if at > int(since))[:limit]
        results = [
            {"seq": str(at), "id": one, "doc": self.docs.get(one), "deleted": one not in self.docs} for at, one in seqs
        ]
        return {"results": results, "last_seq": results[-1]["seq"] if results else since}

    def get_json(self, *path: str) -> Any:
        """Nothing is ever being built here."""
        return {"view_index": {"updater_running": False}}

    def _index(self, path: str) -> list[tuple[bytes, Row]]:
        if path not in self._rows:
            found = [(collation.encode(row.key), row) for row in _mapped(path, list(self.docs.values()))]
            self._rows[path] = sorted(found, key=lambda pair: (pair[0], pair[1].id))
        return self._rows[path]

    def _within(self, index: list[tuple[bytes, Row]], query: Json) -> list[Row]:
        backwards = query.get("descending", False)
        low, high = ("endkey", "startkey") if backwards else ("startkey", "endkey")
        if low in query:
            start = (collation.encode(_read(query[low])), query.get("startkey_docid", ""))
            index = [(key, row) for key, row in index if (key, row.id) >= start]
        if high in query:
            index = [(key, row) for key, row in index if key <= collation.encode(_read(query[high]))]
        return [row for _, row in (reversed(index) if backwards else index)]


def _raw(view: View) -> RawView:
    return RawView(tuple(RawRow(_json(row.key), row.id, _json(row.doc)) for row in view.rows))


def _json(value: Any) -> msgspec.Raw:
    return msgspec.Raw(msgspec.json.encode(value))


def _read(key: Any) -> Any:
    """A key, which may be asked for as it came."""
    return msgspec.json.decode(key) if isinstance(key, msgspec.Raw) else key


def _mapped(path: str, docs: list[Json]) -> list[Row]:
    source = ROOT / "views" / path / "map.js"
    if not source.exists():
        raise NotFound(f"no view {path}")
    emit_all = map_function(source.read_text())
    return [Row(key=key, value=value, id=doc["_id"]) for doc in docs for key, value in emit_all(doc)]


def _counted(rows: list[Row], level: int | None) -> list[tuple[Any, int]]:
    """Counts of groups; the rows are in the order of their keys."""
    grouped = itertools.groupby(rows, key=lambda row: None if level is None else row.key[:level])
    return [(key, sum(1 for _ in same)) for key, same in grouped]
