"""What is put into a document comes out of it: numbers, order, text."""

import gzip
import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

#: Any JSON value; floats that JSON can carry, integers far beyond 64 bits, text without lone surrogates.
scalars = (
    st.none()
    | st.booleans()
    | st.integers(min_value=-(10**40), max_value=10**40)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"]))
)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text("abcdeé𝄞/ _", min_size=1), inner, max_size=4),
)


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(value=values)
def test_every_value_survives(db, value):
    """Whatever JSON holds reads back equal."""
    rev = db.get("a").headers.get("ETag", '""').strip('"')
    db.save("a", value=value, **({"_rev": rev} if rev else {}))
    assert db.read("a")["value"] == value


@pytest.mark.parametrize(
    "number", ["12345678901234567890123", "-9223372036854775809", "18446744073709551616", "1.0", "0", "-1.5", "1"]
)
def test_numbers_keep_their_text(db, number):
    """Integers of any size stay exact, 1.0 does not become 1."""
    db.json("PUT", "a", f'{{"n":{number}}}')
    assert f'"n":{number}' in db.get("a").text


def test_members_keep_their_order(db):
    """Humans and digests read documents as they were written."""
    db.json("PUT", "a", '{"z":1,"b":{"y":1,"a":2},"a":3}')
    assert list(db.get("a").json()) == ["_id", "_rev", "z", "b", "a"]
    assert '"b":{"y":1,"a":2}' in db.get("a").text


def test_text_is_sent_as_utf8(db):
    """Escapes of the request come back as the characters they stand for."""
    db.json("PUT", "a", '{"s":"\\u00e9\\ud83d\\ude00\\/"}')
    assert '"s":"é😀/"' in db.get("a").content.decode()


def test_an_escaped_nul_survives(db):
    """A text may hold U+0000."""
    db.save("a", s="x\x00y")
    assert db.read("a")["s"] == "x\x00y"


@pytest.mark.parametrize("escape", ["\\ud800", "\\udc00", "\\ud800x", "\\ude00\\ud83d"])
def test_half_a_surrogate_pair_is_no_json(db, escape):
    """It could not be sent back as UTF-8."""
    answer = db.json("PUT", "a", f'{{"s":"{escape}"}}')
    assert (answer.status_code, answer.json()["reason"]) == (400, "invalid UTF-8 JSON")


def test_a_number_beyond_a_double_is_no_json(db):
    """1e400 has no value to store."""
    assert db.json("PUT", "a", '{"n":1e400}').status_code == 400


def test_the_length_counts_bytes(db):
    """Content-Length is of the encoded body."""
    db.save("a", s="é" * 100)
    answer = db.get("a")
    assert int(answer.headers["Content-Length"]) == len(answer.content)


def test_a_compressed_request_is_read(db):
    """Replicators may send gzip."""
    body = gzip.compress(json.dumps({"n": 1}).encode())
    headers = {"Content-Type": "application/json", "Content-Encoding": "gzip"}
    assert db.put("a", data=body, headers=headers).status_code == 201
    assert db.read("a")["n"] == 1


def test_an_unknown_content_encoding_is_415(db):
    """Only gzip and identity are understood."""
    answer = db.put("a", data=b"{}", headers={"Content-Type": "application/json", "Content-Encoding": "br"})
    assert (answer.status_code, answer.json()["error"]) == (415, "bad_content_type")


def test_a_chunked_request_is_read(db):
    """A body without Content-Length is as good as one with it."""
    answer = db.put("a", data=iter([b'{"n"', b":1}"]), headers={"Content-Type": "application/json"})
    assert answer.status_code == 201
    assert db.read("a")["n"] == 1


def test_a_put_needs_no_content_type(db):
    """curl -d declares a form; a PUT of a document is JSON all the same."""
    assert db.put("a", data=b'{"n":1}', headers={"Content-Type": "text/plain"}).status_code == 201
    assert db.put("b", data=b'{"n":1}').status_code == 201


def test_a_deep_document_is_stored(db):
    """Hundreds of levels are fine."""
    db.json("PUT", "a", '{"n":' + "[" * 500 + "]" * 500 + "}")
    assert db.get("a").text.count("[") == 500
