"""The options of a view query, read from address and body and checked, with CouchDB's words for what is wrong."""

from collections.abc import Callable, Mapping
from typing import Any, Literal

import msgspec

from server.store.collation import HIGHEST, Encode
from server.store.errors import BadRequest, QueryParseError, quoted
from server.store.views.ranges import Range

Update = Literal["true", "false", "lazy"]
#: `group=true`: groups of whole keys.
EXACT = -1
#: Above what follows a document id in a composite key, below what a longer id goes on with.
_AFTER_ID = b"\x01"


class Bound(msgspec.Struct, frozen=True):
    """One end of a range: a key and, perhaps, a document id."""

    key: Any
    doc_id: str | None = None


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """A view query. `group_level` 0 is no grouping and EXACT whole keys; `limit` None is no limit."""

    start: Bound | None = None
    end: Bound | None = None
    keys: list[Any] | None = None
    inclusive_end: bool = True
    descending: bool = False
    skip: int = 0
    limit: int | None = None
    reduce: bool | None = None
    group_level: int | None = None
    include_docs: bool = False
    conflicts: bool | None = None
    attachments: bool = False
    att_encoding_info: bool = False
    update: Update = "true"
    update_seq: bool = False
    sorted: bool = True

    def range(self, encode: Encode) -> Range:
        """The composite keys that the query is about."""
        low, high = (self.end, self.start) if self.descending else (self.start, self.end)
        low_open = self.descending and not self.inclusive_end
        high_open = not self.descending and not self.inclusive_end
        return Range(_lower(low, encode, low_open), _upper(high, encode, high_open))

    def check(self, has_reduce: bool, encode: Encode) -> bool:
        """Whether the query reduces; QueryParseError when the options do not fit the view or each other."""
        if self.reduce and not has_reduce:
            raise QueryParseError("Reduce is invalid for map-only views.")
        reducing = has_reduce and self.reduce is not False
        if reducing:
            self._check_reduce()
        elif self.group_level:
            raise QueryParseError("Invalid use of grouping on a map view.")
        if self.keys is None and self.start and self.end:
            self._check_range(encode)
        return reducing

    def _check_reduce(self) -> None:
        if self.include_docs:
            raise QueryParseError("`include_docs` is invalid for reduce")
        if self.conflicts is not None:
            raise QueryParseError("`conflicts` is invalid for reduce views.")
        if self.keys is not None and self.group_level != EXACT:
            raise QueryParseError("Multi-key fetches for reduce views must use `group=true`")

    def _check_range(self, encode: Encode) -> None:
        start, end = self.start or Bound(None), self.end or Bound(None)
        first, last = encode(start.key), encode(end.key)
        if self.descending:
            first, last = last, first
        if first > last:
            direction = "false" if self.descending else "true"
            raise QueryParseError(
                f"No rows can match your key range, reverse your start_key and end_key or set descending={direction}"
            )


def parse(query: Mapping[str, str], body: Mapping[str, Any] | None = None) -> Options:
    """Options from the address and from a JSON body; the address wins. Unknown names are ignored, as in CouchDB."""
    return _made(of_body(body or {}) | of_address(query))


def parse_one_of(query: Mapping[str, str], asked: Mapping[str, Any]) -> Options:
    """Options of one of several queries: what it says itself goes before the address."""
    return _made(of_address(query) | of_body(asked))


def of_address(query: Mapping[str, str]) -> dict[str, Any]:
    """The options that an address gives, each checked by itself.

    The ends of a range are called `start` and `end`, whichever of their names they came by; `key` is both.
    """
    found: dict[str, Any] = {}
    for name, text in query.items():
        if name in _READERS:
            _READERS[name](found, text, _decode)
    return found


def of_body(body: Mapping[str, Any]) -> dict[str, Any]:
    """The options that a JSON body gives, likewise."""
    found: dict[str, Any] = {}
    for name, value in body.items():
        if name in _READERS:
            _READERS[name](found, value, lambda given: given)
    return found


def check_keys(body: Mapping[str, Any], word: str) -> None:
    """BadRequest, with that word for where they stand, unless `keys` is a list."""
    if "keys" in body and not isinstance(body["keys"], list):
        raise BadRequest(f"`keys` {word} must be an array.")


def _made(found: dict[str, Any]) -> Options:
    keys = found.get("keys")
    if keys and len(keys) == 1:
        found["start"] = found["end"] = found.pop("keys")[0]
    elif keys is not None and ("start" in found or "end" in found):
        raise QueryParseError("`keys` is incompatible with `key`, `start_key` and `end_key`")
    for side in ("start", "end"):
        doc_id = found.pop(f"{side}_doc_id", None)
        if side in found:
            found[side] = Bound(found[side], doc_id)
    group = found.pop("group", None)
    if group is False and found.get("group_level"):
        raise QueryParseError("Can't specify group=false and group_level>0 at the same time")
    if group and not found.get("group_level"):
        found["group_level"] = EXACT
    return Options(**found)


Read = Callable[[Any], Any]
Reader = Callable[[dict[str, Any], Any, Read], None]


def _decode(text: Any) -> Any:
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError, UnicodeError):
        raise BadRequest("invalid UTF-8 JSON") from None


def _shown(value: Any) -> str:
    """A value as error messages quote it."""
    return quoted(value) if isinstance(value, str) else msgspec.json.encode(value).decode()


def _boolean(value: Any) -> bool:
    if value is True or value is False:
        return value
    if value in ("true", "false"):
        return bool(value == "true")
    raise QueryParseError(f"Invalid boolean parameter: {_shown(value)}")


def _whole(value: Any) -> int:
    try:
        number = int(value) if isinstance(value, str) else value
    except ValueError:
        number = None
    if not isinstance(number, int) or isinstance(number, bool):
        raise QueryParseError(f"Invalid value for integer: {_shown(value)}")
    if number < 0:
        raise QueryParseError(f"Invalid value for positive integer: {_shown(value)}")
    return number


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise QueryParseError(f"Invalid value for document id: {_shown(value)}")
    return value


def _flag(name: str) -> Reader:
    def read(found: dict[str, Any], value: Any, _read: Read) -> None:
        found[name] = _boolean(value)

    return read


def _number(name: str) -> Reader:
    def read(found: dict[str, Any], value: Any, _read: Read) -> None:
        found[name] = _whole(value)

    return read


def _value(*names: str) -> Reader:
    def read(found: dict[str, Any], value: Any, read_value: Read) -> None:
        decoded = read_value(value)
        found.update((name, decoded) for name in names)

    return read


def _doc_id(name: str) -> Reader:
    def read(found: dict[str, Any], value: Any, _read: Read) -> None:
        found[name] = _text(value)

    return read


def _keys(found: dict[str, Any], value: Any, read_value: Read) -> None:
    keys = read_value(value)
    if not isinstance(keys, list):
        raise QueryParseError("`keys` must be an array of strings.")
    found["keys"] = keys


def _update(found: dict[str, Any], value: Any, _read: Read) -> None:
    word = {True: "true", False: "false"}.get(value, value) if isinstance(value, bool) else value
    if word not in ("true", "false", "lazy"):
        raise QueryParseError("Invalid value for `update`.")
    found["update"] = word


def _stale(found: dict[str, Any], value: Any, _read: Read) -> None:
    meaning = {"ok": "false", "update_after": "lazy"}
    if value not in meaning:
        raise QueryParseError("Invalid value for `stale`.")
    found["update"] = meaning[value]


def _stable(_found: dict[str, Any], value: Any, _read: Read) -> None:
    if not isinstance(value, bool) and value not in ("true", "false"):
        raise QueryParseError("Invalid value for `stable`.")


_READERS: dict[str, Reader] = {
    "key": _value("start", "end"),
    "keys": _keys,
    "startkey": _value("start"),
    "start_key": _value("start"),
    "endkey": _value("end"),
    "end_key": _value("end"),
    "startkey_docid": _doc_id("start_doc_id"),
    "start_key_doc_id": _doc_id("start_doc_id"),
    "endkey_docid": _doc_id("end_doc_id"),
    "end_key_doc_id": _doc_id("end_doc_id"),
    "inclusive_end": _flag("inclusive_end"),
    "descending": _flag("descending"),
    "skip": _number("skip"),
    "limit": _number("limit"),
    "reduce": _flag("reduce"),
    "group": _flag("group"),
    "group_level": _number("group_level"),
    "include_docs": _flag("include_docs"),
    "conflicts": _flag("conflicts"),
    "attachments": _flag("attachments"),
    "att_encoding_info": _flag("att_encoding_info"),
    "update": _update,
    "stale": _stale,
    "stable": _stable,
    "update_seq": _flag("update_seq"),
    "sorted": _flag("sorted"),
}


def _lower(bound: Bound | None, encode: Encode, is_open: bool) -> bytes:
    if bound is None:
        return b""
    key = encode(bound.key)
    if bound.doc_id is None:
        return key + HIGHEST if is_open else key
    return key + bound.doc_id.encode() + (_AFTER_ID if is_open else b"")


def _upper(bound: Bound | None, encode: Encode, is_open: bool) -> bytes:
    if bound is None:
        return HIGHEST
    key = encode(bound.key)
    if bound.doc_id is None:
        return key if is_open else key + HIGHEST
    return key + bound.doc_id.encode() + (b"" if is_open else _AFTER_ID)
