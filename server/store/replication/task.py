"""What a replication is to do, as a value made from a request or a document."""

import hashlib
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote, urlsplit, urlunsplit

import msgspec

from server.store.errors import BadRequest, StoreError

_encode = msgspec.json.Encoder(order="sorted").encode


class Unreachable(Exception):
    """The other side does not answer, or not sensibly; trying again later may help."""


@dataclass(frozen=True, slots=True)
class Side:
    """A database at one end: its address without credentials, and what to send along."""

    url: str
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    headers: dict[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class Task:
    """A replication: from where, to where, which documents, once or for ever."""

    source: Side
    target: Side
    continuous: bool = False
    create_target: bool = False
    doc_ids: list[str] | None = None
    filter: str | None = None
    query_params: dict[str, Any] = field(default_factory=dict)
    selector: dict[str, Any] | None = None
    since_seq: str | None = None

    def base_id(self, server_uuid: str) -> str:
        """The name of its checkpoints: the same for the same task of the same server."""
        parts = [server_uuid, *(self.source.url, self.source.user, self.target.url, self.target.user)]
        chosen = [self.doc_ids, self.filter, self.query_params, self.selector]
        return hashlib.md5(_encode([*parts, chosen]), usedforsecurity=False).hexdigest()

    def full_id(self, server_uuid: str) -> str:
        """How clients see it: a continuous task says so."""
        options = ("+continuous" if self.continuous else "") + ("+create_target" if self.create_target else "")
        return self.base_id(server_uuid) + options


def parse(value: dict[str, Any]) -> Task:
    """A task from the members of a request or document; BadRequest when it cannot be understood."""
    doc_ids = value.get("doc_ids")
    if doc_ids is not None and not (isinstance(doc_ids, list) and all(isinstance(each, str) for each in doc_ids)):
        raise BadRequest("`doc_ids` should be a list of strings")
    chosen = [name for name in ("doc_ids", "filter", "selector") if value.get(name) is not None]
    if len(chosen) > 1:
        raise BadRequest(f"`{chosen[0]}` is mutually exclusive with `{chosen[1]}`")
    return Task(
        source=_side(value, "source"),
        target=_side(value, "target"),
        continuous=value.get("continuous") is True,
        create_target=value.get("create_target") is True,
        doc_ids=doc_ids,
        filter=_optional(value, "filter", str),
        query_params=_optional(value, "query_params", dict) or {},
        selector=_optional(value, "selector", dict),
        since_seq=_optional(value, "since_seq", str),
    )


def _optional(value: dict[str, Any], name: str, kind: type) -> Any:
    found = value.get(name)
    if found is not None and not isinstance(found, kind):
        raise BadRequest(f"`{name}` has the wrong type")
    return found


def _side(value: dict[str, Any], name: str) -> Side:
    given = value.get(name)
    if isinstance(given, str):
        given = {"url": given}
    if not isinstance(given, dict) or not isinstance(given.get("url"), str) or not given["url"]:
        raise BadRequest(f"`{name}` must be a URL, or an object with one")
    parts = urlsplit(given["url"])
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise StoreError(500, "error", "local_endpoints_not_supported")
    basic = (given.get("auth") or {}).get("basic") or {}
    user, password = basic.get("username"), basic.get("password")
    if user is None and parts.username is not None:
        user, password = unquote(parts.username), unquote(parts.password or "")
    headers = given.get("headers") or {}
    return Side(_bare(given["url"]), user, password, {str(key): str(text) for key, text in headers.items()})


def _bare(url: str) -> str:
    """The address without credentials, ending in a slash."""
    parts = urlsplit(url)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path.rstrip("/") + "/", "", ""))
