"""Access to CouchDB: the one place that wraps the `couchdb` library.

Two layers. `Connection` is a server, `Database` a database on it; both keep no state but their connections, and may
be shared by threads. Every method that touches the network says so by what it raises: errors of crashfarm.errors only.

Reads are repeated once when the connection breaks. So is a write on a connection that the server has dropped while
it was idle: each of our writes names the revision that it replaces, so the second can at worst meet the first one's
revision and be refused with Conflict.
"""

import http.client
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NoReturn, TypeVar

import couchdb
import couchdb.http
import couchdb.json
import msgspec

from crashfarm import errors
from crashfarm.answers import Outcome, RawView, View
from crashfarm.sending import OnePiece

Json = dict[str, Any]

T = TypeVar("T")

TIMEOUT = 30.0
"""Seconds without a byte from the server until a request is given up."""
LONG_QUERY = 1500
"""Bytes of JSON from which on a view's query is posted: escaped thrice as long, it must fit a line of 8 KiB."""

# A bulk answer of a thousand documents is read several times faster than by the standard library.
couchdb.json.use(decode=msgspec.json.decode, encode=lambda value: msgspec.json.encode(value).decode())
# The library makes its connections of this class.
couchdb.http.HTTPConnection = OnePiece


# Straight from the bytes: the rows are many, and would else be made twice.
_VIEW = msgspec.json.Decoder(View)
_RAW_VIEW = msgspec.json.Decoder(RawView)


class Connection:
    """A CouchDB server and the credentials for it. Making one does not touch the network."""

    def __init__(self, url: str, user: str = "", password: str = "", timeout: float = TIMEOUT) -> None:
        self.url = url.rstrip("/")
        self._session = couchdb.http.Session(timeout=timeout)
        self._session.cache = _NoCache()
        self._server = couchdb.Server(self.url, session=self._session)
        self._server.resource.credentials = (user, password) if user else None
        self._made_of = (url, user, password, timeout)

    def __repr__(self) -> str:
        return f"Connection({self.url!r})"

    def __reduce__(self) -> tuple[type["Connection"], tuple[str, str, str, float]]:
        """For a process that this one starts: the same, with connections of its own."""
        return Connection, self._made_of

    def info(self) -> Json:
        """The server's greeting: `{"couchdb": "Welcome", "version": …}`."""
        greeting: Json = self.get_json()
        return greeting

    def get_json(self, *path: str, **query: Any) -> Any:
        """GET an address below the server and read its JSON."""
        with _translated(self._address(*path)):
            return self._resource(*path).get_json(**query)[2]

    def put_json(self, *path: str, body: Any = None) -> Any:
        """PUT JSON to an address below the server."""
        with _translated(self._address(*path)):
            return self._resource(*path).put_json(body=body)[2]

    def databases(self) -> list[str]:
        """The names of all databases."""
        names: list[str] = self.get_json("_all_dbs")
        return names

    def exists(self, name: str) -> bool:
        """Whether there is a database of that name."""
        try:
            self.get_json(name)
        except errors.NotFound:
            return False
        return True

    def create(self, name: str) -> bool:
        """Create a database; False if it is there already."""
        try:
            with _translated(self._address(name)):
                self._resource(name).put_json()
        except _AlreadyThere:
            return False
        except errors.UnexpectedAnswer:
            # CouchDB answers 500 to all but one of those who create a database at the same moment.
            if not self.exists(name):
                raise
            return False
        return True

    def drop(self, name: str) -> None:
        """Delete a database and all that is in it."""
        with _translated(self._address(name)):
            self._resource(name).delete_json()

    def database(self, name: str) -> "Database":
        """The database of that name; does not touch the network."""
        return Database(self._resource(name), name)

    def close(self) -> None:
        """Close the idle connections. The object can be used again."""
        pool = self._session.connection_pool
        with pool.lock:
            idle = [connection for connections in pool.conns.values() for connection in connections]
            pool.conns.clear()
        for connection in idle:
            connection.close()

    def _resource(self, *path: str) -> Any:
        return self._server.resource(*path) if path else self._server.resource

    def _address(self, *path: str) -> str:
        return "/".join((self.url, *path))


class Database:
    """A database. Made by `Connection.database`."""

    def __init__(self, resource: Any, name: str) -> None:
        self.name = name
        self._db = couchdb.Database(resource.url, name, session=resource.session)
        self._db.resource.credentials = resource.credentials
        self.url: str = resource.url

    def __repr__(self) -> str:
        return f"Database({self.url!r})"

    def info(self) -> Json:
        """Document count, update sequence, sizes."""
        numbers: Json = self.get_json()
        return numbers

    def get_json(self, *path: str, **query: Any) -> Any:
        """GET an address below the database and read its JSON."""
        with _translated(self._address(*path)):
            return self._resource(*path).get_json(**query)[2]

    def post_json(self, *path: str, body: Any, **query: Any) -> Any:
        """POST JSON to an address below the database and read the answer's."""
        with _translated(self._address(*path)):
            return self._resource(*path).post_json(body=body, **query)[2]

    def put_json(self, *path: str, body: Any, **query: Any) -> Any:
        """PUT JSON to an address below the database and read the answer's."""
        with _translated(self._address(*path)):
            return self._resource(*path).put_json(body=body, **query)[2]

    def get(self, document_id: str, **options: Any) -> Json | None:
        """A document, or None if there is none of that id or it is deleted."""
        with _translated(self._address(document_id)):
            found = self._db.get(document_id, **options)
        return None if found is None else dict(found)

    def put(self, doc: Json) -> str:
        """Write a document and return its new revision. Raises Conflict or Refused."""
        answer = self.put_json(*_document_path(doc["_id"]), body=doc)
        return str(answer["rev"])

    def delete(self, document_id: str, rev: str) -> None:
        """Delete a document that is still at that revision. Raises Conflict otherwise."""
        with _translated(self._address(document_id)):
            self._resource(*_document_path(document_id)).delete_json(rev=rev)

    def bulk(self, docs: Sequence[Json], *, new_edits: bool = True) -> list[Outcome]:
        """Write many documents in one request; tells for each, in their order, what became of it.

        With `new_edits=False` documents keep the revisions they bring, as in replication, and CouchDB names only
        those that it refused.
        """
        if not docs:
            return []
        body = {"docs": docs} | ({} if new_edits else {"new_edits": False})
        answers = self.post_json("_bulk_docs", body=body)
        return [Outcome(a["id"], rev=a.get("rev"), error=a.get("error"), reason=a.get("reason", "")) for a in answers]

    def view(self, design: str, view: str, **query: Any) -> View:
        """Ask a view. Keys in `query` are JSON values: startkey, endkey, key, keys, group_level, limit, …"""
        return self._ask(_VIEW, design, view, query)

    def raw_view(self, design: str, view: str, **query: Any) -> RawView:
        """The same, of which keys and documents are left as they came."""
        return self._ask(_RAW_VIEW, design, view, query)

    def all_docs(self, *, keys: Sequence[str] | None = None, **query: Any) -> View:
        """All documents in the order of their ids, or those of the ids in `keys`, with the options of a view."""
        if keys is None:
            return self._get_view(_VIEW, "_all_docs", **_encoded(query))
        return self._post_view(_VIEW, "_all_docs", body={"keys": keys}, **_encoded(query))

    def raw_docs(self, keys: Sequence[str]) -> RawView:
        """The documents of these ids, as they came."""
        return self._post_view(_RAW_VIEW, "_all_docs", body={"keys": keys}, include_docs="true")

    def _ask(self, decoder: msgspec.json.Decoder[T], design: str, view: str, query: Json) -> T:
        path = ("_design", design, "_view", view)
        if len(msgspec.json.encode(query)) > LONG_QUERY:
            return self._post_view(decoder, *path, body=query)
        return self._get_view(decoder, *path, **_encoded(query))

    def _get_view(self, decoder: msgspec.json.Decoder[T], *path: str, **query: str) -> T:
        with _translated(self._address(*path)):
            return decoder.decode(self._resource(*path).get(**query)[2].read())

    def _post_view(self, decoder: msgspec.json.Decoder[T], *path: str, body: Json, **query: str) -> T:
        with _translated(self._address(*path)):
            return decoder.decode(self._resource(*path).post(body=body, **query)[2].read())

    def documents(self, prefix: str, page: int = 500) -> Iterator[Json]:
        """All documents whose ids begin with `prefix`, read a page at a time."""
        start, skip = prefix, 0
        while True:
            query: Json = {"startkey": start, "endkey": prefix + "\ufff0", "include_docs": True, "limit": page}
            rows = self.all_docs(**query, skip=skip).rows
            yield from (row.doc for row in rows if row.doc)
            if len(rows) < page:
                return
            start, skip = rows[-1].key, 1

    def changes(self, **options: Any) -> Json:
        """One answer of the changes feed: `{"results": […], "last_seq": …}`."""
        answer: Json = self.get_json("_changes", **options)
        return answer

    def attach(self, document_id: str, rev: str, name: str, content: bytes, content_type: str) -> str:
        """Store an attachment of a document that is at that revision, and return the new revision."""
        with _translated(self._address(document_id, name)):
            resource = self._resource(document_id, name)
            headers = {"Content-Type": content_type, "Content-Length": str(len(content))}
            return str(resource.put_json(body=content, headers=headers, rev=rev)[2]["rev"])

    def attachment(self, document_id: str, name: str) -> bytes | None:
        """The bytes of an attachment, or None."""
        with _translated(self._address(document_id, name)):
            stream = self._db.get_attachment(document_id, name)
            if stream is None:
                return None
            try:
                return bytes(stream.read())
            finally:
                stream.close()

    def _resource(self, *path: str) -> Any:
        return self._db.resource(*path) if path else self._db.resource

    def _address(self, *path: str) -> str:
        return "/".join((self.url, *path))


class _AlreadyThere(errors.UnexpectedAnswer):
    """The database is there already."""


class _NoCache:
    """The library's cache of answers is not safe for threads, and documents here change too fast for it."""

    def get(self, url: str) -> None:
        """Nothing is ever kept."""

    def put(self, url: str, response: Any) -> None:
        """Nothing is ever kept."""

    def remove(self, url: str) -> None:
        """Nothing is ever kept."""


_ERRORS: dict[type[Exception], type[errors.DatabaseError]] = {
    couchdb.http.Unauthorized: errors.NotSignedIn,
    couchdb.http.Forbidden: errors.Refused,
    couchdb.http.ResourceNotFound: errors.NotFound,
    couchdb.http.ResourceConflict: errors.Conflict,
    couchdb.http.PreconditionFailed: _AlreadyThere,
}

_KEYS = {"key", "startkey", "endkey", "keys"}
"""The options of a view that are JSON values."""

_TRY_LATER = {429, 502, 503, 504}


@contextmanager
def _translated(url: str) -> Iterator[None]:
    """Turn whatever the library raises into an error of ours, with CouchDB's reason and the address."""
    try:
        yield
    except couchdb.http.HTTPError as exc:
        _raise_answer(exc, url)
    except (OSError, http.client.HTTPException) as exc:
        reason = str(exc) or type(exc).__name__
        raise errors.DatabaseUnavailable(f"no answer from {url}: {reason}") from exc
    except (AttributeError, msgspec.DecodeError, couchdb.http.RedirectLimit) as exc:
        # The library reads an error's body as text even where it has got a stream: a large or chunked answer.
        raise errors.UnexpectedAnswer(f"{url}: the answer is not what CouchDB would give") from exc


def _raise_answer(exc: couchdb.http.HTTPError, url: str) -> NoReturn:
    detail = exc.args[0] if exc.args else ""
    kind: type[errors.DatabaseError]
    if isinstance(exc, couchdb.http.ServerError):
        status, detail = exc.args[0]
        kind = errors.DatabaseUnavailable if status in _TRY_LATER else errors.UnexpectedAnswer
        raise kind(f"{url}: status {status}: {_words(detail)}") from exc
    kind = _ERRORS.get(type(exc), errors.UnexpectedAnswer)
    raise kind(f"{url}: {_words(detail)}") from exc


def _words(detail: Any) -> str:
    """CouchDB's error and reason as one text."""
    if isinstance(detail, tuple):
        return ": ".join(str(part) for part in detail if part)
    if isinstance(detail, bytes):
        return detail[:200].decode(errors="replace")
    return str(detail)


def _encoded(query: Json) -> dict[str, str]:
    """A view's query as the values of an address: keys are JSON, other texts stand for themselves."""
    return {
        name: value if isinstance(value, str) and name not in _KEYS else msgspec.json.encode(value).decode()
        for name, value in query.items()
    }


def _document_path(document_id: str) -> tuple[str, ...]:
    """The parts of a document's address: only the ids of design and local documents have an unquoted slash."""
    namespace, slash, name = document_id.partition("/")
    return (namespace, name) if slash and namespace in {"_design", "_local"} else (document_id,)
