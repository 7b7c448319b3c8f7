"""A database at one end of a replication, over HTTP."""

import base64
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import msgspec
import requests

from server.store.errors import StoreError
from server.store.replication.task import Side, Unreachable

CONNECT_SECONDS = 10
READ_SECONDS = 120
#: Attachments of a document that go along inside its JSON, in bytes; with more, it is carried over piece by piece.
INLINE_BYTES = 1 << 20
_PIECE = 1 << 18
_JSON = {"Content-Type": "application/json", "Accept": "application/json"}
_WHOLE = {"revs": "true", "attachments": "true"}
_encode = msgspec.json.Encoder().encode


class _Fetched(msgspec.Struct):
    ok: msgspec.Raw = msgspec.Raw(b"")
    error: Any = None


class _Result(msgspec.Struct):
    id: str
    docs: list[_Fetched]


class _BulkGet(msgspec.Struct):
    results: list[_Result]


class _Stub(msgspec.Struct):
    length: int = 0


class _Attached(msgspec.Struct):
    rev: str = msgspec.field(name="_rev")
    attachments: dict[str, _Stub] = msgspec.field(default_factory=dict, name="_attachments")

    @property
    def is_heavy(self) -> bool:
        return sum(each.length for each in self.attachments.values()) > INLINE_BYTES


class Found(msgspec.Struct, frozen=True):
    """What a side has of what was asked for: documents as JSON text, and id and revision of those too large for it."""

    docs: list[bytes]
    heavy: list[tuple[str, str]]


class _Stream:
    """A body of known length, as the library that sends it wants it."""

    def __init__(self, pieces: Iterator[bytes], length: int) -> None:
        self._pieces = pieces
        self._length = length

    def __len__(self) -> int:
        return self._length

    def __iter__(self) -> Iterator[bytes]:
        return self._pieces


class Peer:
    """One side. Not thread-safe. Raises Unreachable, or StoreError for what is refused."""

    def __init__(self, side: Side) -> None:
        self.url = side.url
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.headers.update(_JSON | side.headers)
        if side.user is not None:
            token = base64.b64encode(f"{side.user}:{side.password or ''}".encode()).decode()
            self._session.headers["Authorization"] = f"Basic {token}"

    def close(self) -> None:
        """Let go of the connections."""
        self._session.close()

    def exists(self) -> bool:
        """Whether the database is there."""
        return self._ask("GET", "").status_code == 200

    def create(self) -> None:
        """Make the database if it is not there."""
        answer = self._ask("PUT", "")
        if answer.status_code not in (201, 202, 412):
            raise _refusal(answer)

    def checkpoint(self, name: str) -> dict[str, Any]:
        """A checkpoint document; empty when there is none."""
        answer = self._ask("GET", f"_local/{name}")
        found: dict[str, Any] = answer.json() if answer.status_code == 200 else {}
        return found

    def save_checkpoint(self, name: str, doc: dict[str, Any]) -> str:
        """Write a checkpoint document; its revision."""
        answer = self._ask("PUT", f"_local/{name}", data=_encode(doc))
        if not answer.ok:
            raise _refusal(answer)
        return str(answer.json()["rev"])

    def changes(self, params: dict[str, Any], body: dict[str, Any] | None) -> dict[str, Any]:
        """One answer of the changes feed."""
        if body is None:
            answer = self._ask("GET", "_changes", params=params)
        else:
            answer = self._ask("POST", "_changes", params=params, data=_encode(body))
        found: dict[str, Any] = self._good(answer)
        return found

    def revs_diff(self, revs: dict[str, list[str]]) -> dict[str, dict[str, list[str]]]:
        """Which of the revisions the database lacks."""
        found: dict[str, dict[str, list[str]]] = self._good(self._ask("POST", "_revs_diff", data=_encode(revs)))
        return found

    def fetch(self, wanted: dict[str, list[str]]) -> Found:
        """Documents with their histories, attachments inline unless they are heavy."""
        docs = [{"id": doc_id, "rev": rev} for doc_id, revs in wanted.items() for rev in revs]
        params = {"revs": "true", "latest": "true"}
        answer = self._ask("POST", "_bulk_get", params=params, data=_encode({"docs": docs}))
        if not answer.ok:
            raise _refusal(answer)
        found: dict[bytes, None] = {}
        heavy: dict[tuple[str, str], None] = {}
        for result in msgspec.json.decode(answer.content, type=_BulkGet).results:
            for text in (bytes(each.ok) for each in result.docs if bytes(each.ok)):
                attached = _attached(text)
                if attached is not None and attached.is_heavy:
                    heavy[result.id, attached.rev] = None
                else:
                    found[text if attached is None else self._whole(result.id, attached.rev)] = None
        return Found(list(found), list(heavy))

    def carry(self, doc_id: str, rev: str, target: "Peer") -> bool:
        """Write one of this side's revisions to another, its attachments piece by piece; False when it is refused."""
        headers = {"Accept": "multipart/related", "Accept-Encoding": "identity"}
        with self._ask("GET", _path(doc_id), params=_WHOLE | {"rev": rev}, headers=headers, stream=True) as answer:
            if not answer.ok:
                raise _refusal(answer)
            return target._take(doc_id, answer)

    def write(self, docs: list[bytes]) -> list[dict[str, Any]]:
        """Write documents as they are; the rows of those that were refused."""
        body = b'{"new_edits":false,"docs":[' + b",".join(docs) + b"]}"
        found: list[dict[str, Any]] = self._good(self._ask("POST", "_bulk_docs", data=body))
        return found

    def commit(self) -> None:
        """Have everything written reach the disk."""
        self._ask("POST", "_ensure_full_commit", data=b"{}")

    def _take(self, doc_id: str, source: requests.Response) -> bool:
        """Write the revision that another side sends; False when it is refused."""
        pieces = source.iter_content(_PIECE)
        length = source.headers.get("Content-Length")
        body = pieces if length is None else _Stream(pieces, int(length))
        headers = {"Content-Type": source.headers["Content-Type"]}
        params = {"new_edits": "false"}
        answer = self._ask("PUT", _path(doc_id), params=params, data=body, headers=headers, may_refuse=True)
        if answer.status_code >= 500:
            raise _refusal(answer)
        return answer.ok

    def _whole(self, doc_id: str, rev: str) -> bytes:
        """A revision with its attachments inside."""
        answer = self._ask("GET", _path(doc_id), params=_WHOLE | {"rev": rev})
        if not answer.ok:
            raise _refusal(answer)
        return answer.content.strip()

    def _good(self, answer: requests.Response) -> Any:
        if not answer.ok:
            raise _refusal(answer)
        try:
            return answer.json()
        except ValueError as error:
            raise Unreachable(f"{self.url} does not answer in JSON") from error

    def _ask(self, method: str, path: str, may_refuse: bool = False, **options: Any) -> requests.Response:
        timeout = (CONNECT_SECONDS, READ_SECONDS)
        try:
            answer = self._session.request(method, self.url + path, timeout=timeout, **options)
        except requests.RequestException as error:
            raise Unreachable(f"{self.url} does not answer: {type(error).__name__}") from error
        if answer.status_code in (429, 502, 503, 504):
            raise Unreachable(f"{self.url} answers {answer.status_code}")
        if answer.status_code in (401, 403) and not may_refuse:
            raise _refusal(answer)
        return answer


def _path(doc_id: str) -> str:
    return quote(doc_id, safe="_/" if doc_id.startswith("_design/") else "")


def _attached(text: bytes) -> _Attached | None:
    """What a document says of its attachments; None when it has none."""
    if b'"_attachments":' not in text:
        return None
    found = msgspec.json.decode(text, type=_Attached)
    return found if found.attachments else None


def _refusal(answer: requests.Response) -> StoreError:
    try:
        known = answer.json()
    except ValueError:
        known = {}
    error, reason = str(known.get("error", "error")), str(known.get("reason", answer.reason))
    return StoreError(answer.status_code if answer.status_code >= 400 else 500, error, reason)
