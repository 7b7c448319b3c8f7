"""A database at one end of a replication, over HTTP."""

import base64
from typing import Any
from urllib.parse import quote

import msgspec
import requests

from server.store.errors import StoreError
from server.store.replication.task import Side, Unreachable

CONNECT_SECONDS = 10
READ_SECONDS = 120
_JSON = {"Content-Type": "application/json", "Accept": "application/json"}
_encode = msgspec.json.Encoder().encode


class _Fetched(msgspec.Struct):
    ok: msgspec.Raw = msgspec.Raw(b"")
    error: Any = None


class _Result(msgspec.Struct):
    id: str
    docs: list[_Fetched]


class _BulkGet(msgspec.Struct):
    results: list[_Result]


class _Attached(msgspec.Struct):
    attachments: Any = msgspec.field(default=None, name="_attachments")


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

    def fetch(self, wanted: dict[str, list[str]]) -> list[bytes]:
        """Documents with their histories, as JSON text; attachments inline."""
        docs = [{"id": doc_id, "rev": rev} for doc_id, revs in wanted.items() for rev in revs]
        params = {"revs": "true", "latest": "true"}
        answer = self._ask("POST", "_bulk_get", params=params, data=_encode({"docs": docs}))
        if not answer.ok:
            raise _refusal(answer)
        found: dict[bytes, None] = {}
        for result in msgspec.json.decode(answer.content, type=_BulkGet).results:
            for text in (bytes(each.ok) for each in result.docs if bytes(each.ok)):
                found[self._with_attachments(result.id, text)] = None
        return list(found)

    def write(self, docs: list[bytes]) -> list[dict[str, Any]]:
        """Write documents as they are; the rows of those that were refused."""
        body = b'{"new_edits":false,"docs":[' + b",".join(docs) + b"]}"
        found: list[dict[str, Any]] = self._good(self._ask("POST", "_bulk_docs", data=body))
        return found

    def commit(self) -> None:
        """Have everything written reach the disk."""
        self._ask("POST", "_ensure_full_commit", data=b"{}")

    def _with_attachments(self, doc_id: str, text: bytes) -> bytes:
        """The same document with contents instead of stubs, where it has attachments."""
        if b'"_attachments":' not in text or not msgspec.json.decode(text, type=_Attached).attachments:
            return text
        rev = msgspec.json.decode(text)["_rev"]
        params = {"rev": rev, "revs": "true", "attachments": "true"}
        answer = self._ask("GET", quote(doc_id, safe="_/" if doc_id.startswith("_design/") else ""), params=params)
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

    def _ask(self, method: str, path: str, **options: Any) -> requests.Response:
        timeout = (CONNECT_SECONDS, READ_SECONDS)
        try:
            answer = self._session.request(method, self.url + path, timeout=timeout, **options)
        except requests.RequestException as error:
            raise Unreachable(f"{self.url} does not answer: {type(error).__name__}") from error
        if answer.status_code in (429, 502, 503, 504):
            raise Unreachable(f"{self.url} answers {answer.status_code}")
        if answer.status_code in (401, 403):
            raise _refusal(answer)
        return answer


def _refusal(answer: requests.Response) -> StoreError:
    try:
        known = answer.json()
    except ValueError:
        known = {}
    error, reason = str(known.get("error", "error")), str(known.get("reason", answer.reason))
    return StoreError(answer.status_code if answer.status_code >= 400 else 500, error, reason)
