"""A request as handlers see it."""

import asyncio
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import parse_qsl, unquote

import msgspec

from server.store import auth
from server.store.auth import UserCtx
from server.store.database import Database
from server.store.database.drafts import minify
from server.store.errors import BadRequest, QueryParseError, StoreError, TooLarge, Unauthorized, quoted
from server.store.http.depth import check_depth

if TYPE_CHECKING:
    from server.store.http.app import Server

T = TypeVar("T")
Receive = Callable[[], Awaitable[dict[str, Any]]]


class Request:
    """One request. `parts` are the decoded segments of the path, `query` the raw text of its options."""

    db: Database

    def __init__(self, server: "Server", scope: dict[str, Any], receive: Receive) -> None:
        self.server = server
        self.scope = scope
        self.receive = receive
        self.method: str = scope["method"]
        self.headers: dict[bytes, bytes] = dict(scope["headers"])
        self.parts = split_path(scope["raw_path"])
        self.user = UserCtx()
        #: True while the client is waited for.
        self.is_listening = False

    @property
    def peer(self) -> str:
        """The address of the machine that asks."""
        client = self.scope.get("client")
        return str(client[0]) if client else "127.0.0.1"

    @cached_property
    def query(self) -> dict[str, str]:
        """The options behind the question mark; the last of several wins."""
        text = self.scope["query_string"]
        return dict(parse_qsl(text.decode("latin-1"), keep_blank_values=True)) if text else {}

    def header(self, name: str) -> str | None:
        """A header's value."""
        value = self.headers.get(name.encode())
        return None if value is None else value.decode("latin-1")

    def flag(self, name: str, default: bool = False) -> bool:
        """A query option that is `true` or `false`."""
        value = self.query.get(name)
        if value is None:
            return default
        if value in ("true", "false"):
            return value == "true"
        raise QueryParseError(f"Invalid boolean parameter: {quoted(value)}")

    def number(self, name: str, default: int) -> int:
        """A query option that is a whole number, not negative."""
        value = self.query.get(name)
        if value is None:
            return default
        if value.isascii() and value.isdigit():
            return int(value)
        kind = "positive integer" if value[1:].isdigit() and value[0] == "-" else "integer"
        raise QueryParseError(f"Invalid value for {kind}: {quoted(value)}")

    def json_option(self, name: str) -> Any:
        """A query option that is JSON."""
        try:
            return msgspec.json.decode(self.query[name])
        except (msgspec.DecodeError, UnicodeError):
            raise BadRequest("invalid UTF-8 JSON") from None

    async def body(self, limit: int | None = None) -> bytes:
        """The whole body; TooLarge when it is longer than allowed."""
        return b"".join([piece async for piece in self.pieces(limit)])

    async def pieces(self, limit: int | None = None) -> AsyncIterator[bytes]:
        """The body as it comes; TooLarge when it is longer than allowed."""
        limit = self.server.settings.max_request_size if limit is None else limit
        size, more = 0, True
        _check_size(int(self.headers.get(b"content-length", b"0")), limit)
        while more:
            self.is_listening = True
            message = await self.receive()
            self.is_listening = False
            if message["type"] == "http.disconnect":
                raise BadRequest("The client went away.")
            data: bytes = message.get("body", b"")
            more = message.get("more_body", False)
            size += len(data)
            _check_size(size, limit)
            yield data

    def is_true(self, name: str) -> bool:
        """A query option that counts only when it is exactly `true`."""
        return self.query.get(name) == "true"

    def accepts(self, kind: str) -> bool:
        """True when the client takes this content type, or does not say what it takes."""
        given = self.headers.get(b"accept", b"*/*").decode("latin-1").lower()
        names = {item.partition(";")[0].strip() for item in given.split(",")}
        return not names.isdisjoint({"*/*", kind, kind.partition("/")[0] + "/*"})

    async def plain_body(self) -> bytes:
        """The body of something that is read as a whole, unpacked when it came compressed."""
        settings = self.server.settings
        limit = min(settings.max_json_size, settings.max_request_size)
        encoding = self.header("content-encoding")
        if encoding is None or encoding == "identity":
            return await self.body(limit)
        if encoding != "gzip":
            raise StoreError(415, "bad_content_type", f"{encoding} is not a supported content encoding.")
        return unzip(await self.body(limit), limit)

    async def text(self, *, nested: bool = True) -> bytes:
        """The body as minified JSON text. Without `nested`, who asks looks at the depth of its parts."""
        if self.method == "POST":
            self.require_json()
        data = await self.plain_body()
        return self.minified(data) if nested else minify(data)

    def minified(self, data: bytes) -> bytes:
        """JSON without white space; BadRequest when it is none, or nested too deeply."""
        text = minify(data)
        check_depth(text, self.server.settings.max_json_depth)
        return text

    async def json(self) -> Any:
        """The body as a value."""
        return _decode(await self.text())

    async def queries(self, *, typed: bool) -> list[dict[str, Any]]:
        """The queries in the body of a `…/queries` request."""
        body = await self.json_object(typed=typed)
        if "queries" not in body:
            raise BadRequest("POST body must include `queries` parameter.")
        found = body["queries"]
        if not isinstance(found, list):
            raise BadRequest("`queries` member must be an array.")
        if not all(isinstance(each, dict) for each in found):
            raise BadRequest("`queries` must be an array of objects.")
        return found

    async def json_object(self, *, typed: bool = True) -> dict[str, Any]:
        """The body, which has to be a JSON object, and, if `typed`, to say that it is."""
        value = _decode(await self.text() if typed else self.minified(await self.plain_body()))
        if not isinstance(value, dict):
            raise BadRequest("Request body must be a JSON object")
        return value

    def require_json(self) -> None:
        """A body in a POST has to say that it is JSON."""
        kind = self.headers.get(b"content-type", b"").lower().partition(b";")[0].strip()
        if kind != b"application/json":
            raise StoreError(415, "bad_content_type", "Content-Type must be application/json")

    def require_admin(self) -> None:
        """Unauthorized unless a server administrator asks."""
        if not self.user.is_admin:
            raise Unauthorized("You are not a server admin.")

    def require_db_admin(self) -> None:
        """Unauthorized unless an administrator of the database asks."""
        auth.check_database_admin(self.user, self.db.security())

    async def scripted(self, work: Callable[..., T], *arguments: Any) -> T:
        """Work that calls functions of design documents, in a thread for such: it may take long, or never end."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self.server.script_threads, work, *arguments)

    def user_ctx(self) -> dict[str, Any]:
        """The user as design functions see it."""
        return self.user.for_database(self.db.name)

    def base_url(self) -> str:
        """Where the client thinks the server is."""
        host = self.header("x-forwarded-host") or self.header("host") or "127.0.0.1"
        return f"{self.header('x-forwarded-proto') or 'http'}://{host}"


def split_path(raw: bytes) -> tuple[str, ...]:
    """The decoded segments of a path, empty ones left out; a design or local document's id takes two."""
    text = raw.decode("latin-1").replace("+", " ")
    parts = [part for part in text.split("/") if part]
    if "%" in text:
        parts = [_unquote(part) for part in parts]
        if len(parts) > 1 and parts[1].startswith(("_design/", "_local/")):
            parts[1:2] = [part for part in parts[1].split("/", 1) if part]
    return tuple(parts)


def _unquote(text: str) -> str:
    try:
        return unquote(text, errors="strict")
    except UnicodeDecodeError:
        raise BadRequest("Document id must be valid UTF-8", "illegal_docid") from None


def unzip(data: bytes, limit: int) -> bytes:
    """The plain bytes of gzip; TooLarge rather than more than `limit` of them."""
    engine = zlib.decompressobj(wbits=31)
    try:
        plain = engine.decompress(data, limit + 1)
    except zlib.error:
        raise BadRequest("invalid gzip body") from None
    _check_size(len(plain), limit)
    if not engine.eof:
        raise BadRequest("invalid gzip body")
    return plain


def _decode(text: bytes) -> Any:
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError, UnicodeError):
        raise BadRequest("invalid UTF-8 JSON") from None


def _check_size(size: int, limit: int) -> None:
    if size > limit:
        raise TooLarge("the request entity is too large")
