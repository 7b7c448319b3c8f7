"""Requests that make little sense: what a client gone mad, or somebody who means ill, may send."""

import json
import random
import string
from typing import Any, NamedTuple
from urllib.parse import quote, urlencode

METHODS = ("GET", "PUT", "POST", "DELETE", "HEAD", "COPY")
WORDS = tuple(
    [
        "_all_docs",
        "_bulk_docs",
        "_bulk_get",
        "_changes",
        "_compact",
        "_design",
        "_design_docs",
        "_find",
        "_index",
        "_explain",
        "_local",
        "_local_docs",
        "_missing_revs",
        "_purge",
        "_revs_diff",
        "_revs_limit",
        "_security",
        "_view",
        "_info",
        "_update",
        "_show",
        "_ensure_full_commit",
        "_view_cleanup",
        "queries",
        "a",
        "b",
        "_all_dbs",
        "_session",
        "_node",
        "_scheduler",
        "_uuids",
        "_dbs_info",
        "_active_tasks",
        "_membership",
        "_up",
        "d",
        "v",
        "..",
        ".",
    ]
)
OPTIONS = tuple(
    [
        "rev",
        "revs",
        "open_revs",
        "conflicts",
        "attachments",
        "since",
        "limit",
        "skip",
        "startkey",
        "endkey",
        "key",
        "keys",
        "group",
        "group_level",
        "reduce",
        "include_docs",
        "descending",
        "feed",
        "timeout",
        "filter",
        "view",
        "style",
        "count",
        "batch",
        "new_edits",
        "atts_since",
        "update",
        "stale",
    ]
)
VALUES = ("true", "false", "1", "-1", "0", "1-a", '"a"', "[]", "{}", '["1-a"]', "all", "now", "x", "", "normal")
MEMBERS = tuple(
    [
        "_id",
        "_rev",
        "_deleted",
        "_attachments",
        "_revisions",
        "docs",
        "keys",
        "queries",
        "selector",
        "fields",
        "sort",
        "views",
        "map",
        "reduce",
        "language",
        "index",
        "admins",
        "members",
        "names",
        "roles",
        "new_edits",
        "id",
        "rev",
        "data",
        "stub",
        "follows",
        "x",
    ]
)
HEADERS = ("If-Match", "If-None-Match", "Range", "Accept", "Content-Encoding", "Destination", "Cookie")
HEADER_VALUES = ("*", '"1-a"', "bytes=0-", "bytes=9-1", "text/html", "gzip", "b?rev=1-a", "AuthSession=x", "", "a/b")
TYPES = ("application/json", "text/plain", "multipart/related; boundary=x", "multipart/form-data", "")

_FUNCTIONS = (
    "function(doc) { emit(doc._id, doc); }",
    "function(doc) { emit(doc.x.y, 1); }",
    "function(doc) { throw({forbidden: 1}); }",
    "function(doc) {",
    "_count",
    "_nosuch",
    "function(keys, values) { return keys; }",
    "function(doc, req) { return [doc, 'x']; }",
    "function(doc, req) { return [{_id: 'u' + Math.random(), was: doc}, {code: 202, json: req}]; }",
    "function(doc) { if (doc.n % 7 == 0) throw({forbidden: 'sevens'}); }",
    "function(doc) { emit([doc.n, doc.x], {n: doc.n}); }",
    "_stats",
    "_sum",
)
_BROKEN = (
    b"{",
    b"[" * 3000,
    b"[" * 400 + b"]" * 400,
    b'{"a":' * 1500,
    b'"\xff"',
    b'{"_id":"\\ud800"}',
    b'{"x":1e999}',
    b"--x--",
    b"\x1f\x8b\x08",
)
#: What ordinary users would say, so that there is something for the rest to hit.
_LIKELY = (
    ("GET", "_all_docs"),
    ("GET", "_changes"),
    ("POST", "_find"),
    ("POST", "_index"),
    ("POST", "_bulk_docs"),
    ("POST", "_bulk_get"),
    ("POST", "_revs_diff"),
    ("GET", "_design/d/_view/v"),
    ("POST", "_design/d/_view/v"),
    ("PUT", "_design/d"),
    ("PUT", "_design/d/_update/v/a"),
    ("PUT", "a"),
    ("PUT", "b/x"),
    ("GET", "b/x"),
    ("DELETE", "a"),
    ("POST", ""),
)


class Asked(NamedTuple):
    """One request; `path` begins with a slash and is quoted."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


class Hostile:
    """An endless supply of requests, the same for the same seed."""

    def __init__(self, seed: int, database: str) -> None:
        self._random = random.Random(seed)
        self._database = database

    def request(self) -> Asked:
        """The next request. It spares the database itself, `_replicate`, and whatever lies outside."""
        one = self._random
        method, path = self._place()
        options = {one.choice(OPTIONS): self._value() for _ in range(one.randrange(4))}
        options = {"feed": "normal", **options, "timeout": "1"}
        headers = {one.choice(HEADERS): one.choice(HEADER_VALUES) for _ in range(one.randrange(3))}
        kind = one.choice(TYPES) if one.random() < 0.3 else TYPES[0]
        sensible = one.random() < 0.4
        body = json.dumps(self._sensible(path)).encode() if sensible else self._body()
        query = "" if sensible and one.random() < 0.7 else f"?{urlencode(options)}"
        return Asked(method, path + query, {"Content-Type": kind, **({} if sensible else headers)}, body)

    def _sensible(self, path: str) -> Any:
        """What might be meant for that address."""
        if path.endswith("_design/d"):
            return self._design()
        if path.endswith("_find"):
            return {"selector": {self._random.choice(MEMBERS): self._json(2)}, "limit": 3}
        if path.endswith("_index"):
            return {"index": {"fields": [self._random.choice(MEMBERS)]}}
        if path.endswith("_bulk_docs"):
            return {"docs": [self._document() for _ in range(self._random.randrange(9))]}
        if path.endswith(("_bulk_get", "_revs_diff")):
            return {"docs": [{"id": "a"}, {"id": "b"}]} if path.endswith("get") else {"a": ["1-a", "9-b"]}
        return self._document()

    def _document(self) -> dict[str, Any]:
        attachment = {"data": "aGVsbG8=", "content_type": self._random.choice(TYPES)}
        return {
            "_id": self._random.choice(("a", "b", "c", self._text() or "d")),
            **self._random.choice(({}, {"_attachments": {"x": attachment}}, {"_rev": "1-a"}, {"_deleted": True})),
            "x": self._json(2),
            "n": self._random.randrange(100),
        }

    def _design(self) -> dict[str, Any]:
        def function() -> str:
            return self._random.choice(_FUNCTIONS)

        view = {"map": function(), **self._random.choice(({}, {"reduce": function()}))}
        return {
            "views": {"v": view},
            "updates": {"v": function()},
            "filters": {"v": function()},
            **self._random.choice(({}, {}, {"validate_doc_update": function()})),
        }

    def _place(self) -> tuple[str, str]:
        one = self._random
        if one.random() < 0.5:
            method, path = one.choice(_LIKELY)
            return method, f"/{self._database}/{path}"
        segments = [self._segment() for _ in range(one.randrange(5))]
        if one.random() < 0.6:
            method = one.choice(METHODS) if any(segments) else "GET"
            return method, "/" + "/".join([self._database, *segments])
        method = one.choice(("GET", "HEAD", "POST", "COPY"))
        return method, "/" + "/".join(segment for segment in segments if segment != "_replicate")

    def _segment(self) -> str:
        return self._random.choice(WORDS) if self._random.random() < 0.7 else quote(self._text(), safe="")

    def _value(self) -> str:
        return self._random.choice(VALUES) if self._random.random() < 0.8 else self._text()

    def _text(self) -> str:
        letters = string.ascii_letters + "/%_\"'\\ \0\t\u00e4\u4e2d\U0001f600"
        return "".join(self._random.choice(letters) for _ in range(self._random.randrange(6)))

    def _body(self) -> bytes:
        chance = self._random.random()
        if chance < 0.1:
            return self._random.choice(_BROKEN)
        if chance < 0.2:
            return self._random.randbytes(self._random.randrange(30))
        return json.dumps(self._object(3) if chance < 0.9 else self._json(3)).encode()

    def _object(self, depth: int) -> dict[str, Any]:
        return {self._random.choice(MEMBERS): self._json(depth - 1) for _ in range(self._random.randrange(5))}

    def _json(self, depth: int) -> Any:
        one = self._random
        chance = one.random()
        if depth > 0 and chance < 0.35:
            return self._object(depth)
        if depth > 0 and chance < 0.5:
            return [self._json(depth - 1) for _ in range(one.randrange(4))]
        if chance < 0.65:
            return one.choice(_FUNCTIONS)
        return one.choice((None, True, False, one.randrange(-(2**70), 2**70), one.random(), self._text(), "1-a", "a"))
