"""Addresses, ranges, cookies, passwords, MIME parts, replications: the parts of requests, as values."""

import gzip

import pytest

from server.store import auth
from server.store.catalog import check_name
from server.store.database import parse_seq
from server.store.errors import BadRequest, Forbidden, StoreError, Unauthorized
from server.store.http import contents
from server.store.http.request import split_path, unzip
from server.store.replication import task

SECURITY = {"admins": {"names": ["boss"], "roles": []}, "members": {"names": [], "roles": ["crew"]}}


@pytest.mark.parametrize(
    ("raw", "parts"),
    [
        (b"/", ()),
        (b"/db/", ("db",)),
        (b"//db//x/", ("db", "x")),
        (b"/a%2Fb/c%20d", ("a/b", "c d")),
        (b"/db/a+b", ("db", "a b")),
        (b"/db/_design/d/_view/v", ("db", "_design", "d", "_view", "v")),
        (b"/db/_design%2Fd", ("db", "_design", "d")),
        (b"/db/_local%2Fa%2Fb", ("db", "_local", "a/b")),
        (b"/db/%C3%A9", ("db", "é")),
    ],
)
def test_path_is_split_and_decoded(raw: bytes, parts: tuple[str, ...]) -> None:
    """Encoded slashes belong to names."""
    assert split_path(raw) == parts


def test_path_that_is_no_utf8_is_refused() -> None:
    """CouchDB's words."""
    with pytest.raises(BadRequest, match="valid UTF-8"):
        split_path(b"/db/%FF")


@pytest.mark.parametrize(
    ("header", "spans"),
    [
        (None, []),
        ("lines=1-2", []),
        ("bytes=x", []),
        ("bytes=0-0", [(0, 0)]),
        ("bytes=5-", [(5, 9)]),
        ("bytes=-3", [(7, 9)]),
        ("bytes=0-99", [(0, 9)]),
        ("bytes=0-1, 4-5", [(0, 1), (4, 5)]),
    ],
)
def test_ranges_of_ten_bytes(header: str | None, spans: list[tuple[int, int]]) -> None:
    """First and last byte of each; nothing when it is not understood."""
    assert contents.ranges(header, 10) == spans


@pytest.mark.parametrize("header", ["bytes=10-", "bytes=5-2", "bytes=-0"])
def test_range_outside_is_416(header: str) -> None:
    """There is nothing to send."""
    with pytest.raises(StoreError) as raised:
        contents.ranges(header, 10)
    assert raised.value.status == 416


@pytest.mark.parametrize(("text", "number"), [("0", 0), ("5-abc", 5), ('"7-x"', 7), (3, 3)])
def test_sequence_is_its_number(text: str | int, number: int) -> None:
    """What stands after the dash is opaque."""
    assert parse_seq(text) == number


@pytest.mark.parametrize("text", ["", "x", "-1", "1-", "9" * 30])
def test_malformed_sequence_is_refused(text: str) -> None:
    """The reason names the parameter."""
    with pytest.raises(BadRequest, match="'since'"):
        parse_seq(text)


def test_password_is_kept_as_a_hash() -> None:
    """The right one matches, another does not, and two hashes of one password differ."""
    kept = auth.hash_admin("secret")
    assert "secret" not in kept and kept != auth.hash_admin("secret")
    known = auth.parse_admin("admin", kept)
    assert known.matches("secret") and not known.matches("Secret")
    assert known.roles == ("_admin",)


@pytest.mark.parametrize("user", [auth.UserCtx("x", ("crew",)), auth.UserCtx("boss"), auth.UserCtx("a", ("_admin",))])
def test_member_may_read(user: auth.UserCtx) -> None:
    """By role, as administrator of the database, as administrator of the server."""
    auth.check_member(user, SECURITY)


def test_others_may_not_read() -> None:
    """A stranger is asked for a name; who has one hears no."""
    with pytest.raises(Unauthorized):
        auth.check_member(auth.UserCtx(), SECURITY)
    with pytest.raises(Forbidden):
        auth.check_member(auth.UserCtx("x"), SECURITY)


def test_database_without_members_is_open() -> None:
    """As CouchDB has it."""
    auth.check_member(auth.UserCtx(), {"admins": {"names": ["boss"]}})


def test_members_do_not_administer() -> None:
    """Admins of the database and of the server do."""
    assert auth.is_database_admin(auth.UserCtx("boss"), SECURITY)
    assert not auth.is_database_admin(auth.UserCtx("x", ("crew",)), SECURITY)


@pytest.mark.parametrize("name", ["a", "a/b", "x0_$()+-/", "_users", "_replicator"])
def test_database_name_is_legal(name: str) -> None:
    """The alphabet, and the names of system databases."""
    check_name(name)


@pytest.mark.parametrize("name", ["", "A", "1a", "a.b", "_x", "a\n", "é", "../a", "a" * 300])
def test_database_name_is_illegal(name: str) -> None:
    """Anything else, paths above all."""
    with pytest.raises(BadRequest):
        check_name(name)


def test_gzip_bomb_is_stopped_at_the_limit() -> None:
    """The status says that it is too large."""
    with pytest.raises(StoreError) as raised:
        unzip(gzip.compress(b"0" * 100_000), 1000)
    assert raised.value.status == 413


def test_replication_keeps_credentials_out_of_its_addresses() -> None:
    """What is shown of it can be shown to anybody."""
    found = task.parse({"source": "http://me:pass%21@host/db?x=1", "target": {"url": "https://other/db/"}})
    assert (found.source.url, found.source.user, found.source.password) == ("http://host/db/", "me", "pass!")
    assert "pass" not in repr(found)


@pytest.mark.parametrize(
    "value",
    [
        {},
        {"source": "http://a/b"},
        {"source": "a", "target": "b"},
        {"source": "http://a/b", "target": "http://a/c", "doc_ids": ["x"], "filter": "f/x"},
        {"source": "http://a/b", "target": "http://a/c", "doc_ids": [1]},
        {"source": "http://a/b", "target": {"url": 1}},
    ],
)
def test_malformed_replication_is_refused(value: dict[str, object]) -> None:
    """It needs two addresses, and one way to choose documents at most."""
    with pytest.raises(StoreError):
        task.parse(value)


def test_same_replication_has_the_same_checkpoints() -> None:
    """And another choice of documents others."""
    value = {"source": "http://a/b", "target": "http://a/c"}
    one, again, other = task.parse(value), task.parse(value), task.parse(value | {"doc_ids": ["x"]})
    assert one.base_id("s") == again.base_id("s") != other.base_id("s")
    assert one.base_id("s") != one.base_id("another server")
