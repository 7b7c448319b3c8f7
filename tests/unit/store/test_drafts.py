"""Documents taken apart: the text of their own members is kept, what begins with an underscore is understood."""

import gzip
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.store.database import blobs, drafts, render
from server.store.database.drafts import minify, parse
from server.store.errors import StoreError

_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**30), 10**30)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("aé/_", min_size=1), inner, max_size=3),
)
_documents = st.dictionaries(
    st.text(st.characters(exclude_categories=["Cs"])).filter(lambda name: name[:1] != "_"), _values
)


@given(_documents, st.integers(0, 3), st.booleans())
def test_document_survives_being_taken_apart(document: dict[str, object], indent: int, ascii_only: bool) -> None:
    """However it was formatted, its members come back equal and in their order."""
    text = json.dumps(document, indent=indent or None, ensure_ascii=ascii_only).encode()
    draft = parse(minify(text), "x")
    found = json.loads(render.document("x", "1-a", 0, draft.body))
    assert list(found.items()) == [("_id", "x"), ("_rev", "1-a"), *document.items()]


@pytest.mark.parametrize("number", ["1.0", "123456789012345678901234567890", "-0.0", "1e5", "1.50"])
def test_text_of_a_number_is_kept(number: str) -> None:
    """Nothing goes through a float."""
    assert parse(minify(b'{ "n" : %s }' % number.encode())).body == b',"n":%s' % number.encode()


def test_escapes_become_characters() -> None:
    """Two ways to write a text are one document, with one revision."""
    assert minify(rb'{"s":"\u00e9\ud83d\ude00\/\"\\"}') == '{"s":"é😀/\\"\\\\"}'.encode()


@pytest.mark.parametrize("text", [b"", b"{", b'{"a":01}', b'{"a":NaN}', b'{"a":"\xff"}', b'{"a":1e999}', b'"\\ud800"'])
def test_broken_json_is_a_bad_request(text: bytes) -> None:
    """CouchDB's sentence for all of them."""
    with pytest.raises(StoreError, match="invalid UTF-8 JSON"):
        minify(text)


@pytest.mark.parametrize(
    ("text", "error"),
    [
        (b"[]", "bad_request"),
        (b'{"_x":1}', "doc_validation"),
        (b'{"_id":1}', "illegal_docid"),
        (b'{"_id":""}', "illegal_docid"),
        (b'{"_rev":"x"}', "bad_request"),
        (b'{"_deleted":1}', "doc_validation"),
        (b'{"_revisions":[]}', "doc_validation"),
        (b'{"_attachments":{"a":1}}', "bad_request"),
        (b'{"_attachments":{"a":{"data":"*"}}}', "bad_request"),
    ],
)
def test_malformed_special_member_is_named(text: bytes, error: str) -> None:
    """Each with the error that CouchDB gives."""
    with pytest.raises(StoreError) as raised:
        parse(text)
    assert (raised.value.status, raised.value.error) == (400, error)


def test_special_members_are_understood() -> None:
    """And do not stand in the body."""
    draft = parse(b'{"_id":"a","_rev":"2-b","_deleted":true,"_revisions":{"start":2,"ids":["b","a"]},"_conflicts":[]}')
    assert (draft.id, draft.rev, draft.deleted, draft.revisions) == ("a", "2-b", True, (2, ("b", "a")))
    assert draft.body == b""


def test_members_of_the_replicator_are_kept() -> None:
    """They begin with an underscore and are the document's own all the same."""
    assert parse(b'{"_replication_state":"completed"}').body == b',"_replication_state":"completed"'


def test_text_is_compressed_and_bytes_are_not() -> None:
    """The digest is of what is kept."""
    packed = blobs.encode_incoming("text/plain", b"a" * 1000)
    assert (packed.encoding, packed.length) == ("gzip", 1000)
    assert isinstance(packed.data, bytes) and blobs.plain(packed.data, "gzip") == b"a" * 1000
    assert blobs.encode_incoming("image/png", b"a" * 1000).encoding is None


def test_compressed_arrival_knows_its_plain_length() -> None:
    """Without unpacking it into memory at once."""
    assert blobs.encode_incoming("text/plain", gzip.compress(b"a" * 10_000_000), "gzip").length == 10_000_000


def test_stub_stands_for_what_was_kept() -> None:
    """A stub, data and a part that follows are three ways to write an attachment."""
    found = parse(
        b'{"_attachments":{"a":{"stub":true,"revpos":2},"b":{"data":"eA=="},"c":{"follows":true,"length":3}}}'
    ).attachments
    assert found["a"].data is None and not found["a"].follows and found["a"].revpos == 2
    assert found["b"].data == b"x"
    assert found["c"].follows and found["c"].length == 3


def test_list_of_documents_is_split_into_texts() -> None:
    """What is no list is None."""
    assert [bytes(each) for each in drafts.split_list(b'[{"a":1.0},2]') or []] == [b'{"a":1.0}', b"2"]
    assert drafts.split_list(b"{}") is None
