"""Attachments under their own address: PUT, GET, HEAD, DELETE, ranges, digests, compression."""

import base64
import gzip
import hashlib

import pytest

TEXT = {"Content-Type": "text/plain"}
BINARY = {"Content-Type": "application/octet-stream"}
CONFLICT = {"error": "conflict", "reason": "Document update conflict."}
NO_ATTACHMENT = {"error": "not_found", "reason": "Document is missing attachment"}
LONG = b"all work and no play makes jack a dull boy\n" * 200


def digest(data):
    """The digest as CouchDB writes it."""
    return "md5-" + base64.b64encode(hashlib.md5(data).digest()).decode()  # noqa: S324 - the protocol's


@pytest.fixture
def attached(db):
    """A database whose document `a` has ten bytes attached as `f`."""
    assert db.put("a/f", data=b"0123456789", headers=BINARY).status_code == 201
    return db


def test_put_makes_the_document(db):
    """An attachment to nothing creates a document that holds it."""
    answer = db.put("a/f", data=b"x", headers=BINARY)
    assert answer.status_code == 201
    assert (answer.json()["ok"], answer.json()["id"]) == (True, "a")
    assert answer.headers["Location"] == f"{db.url}/a/f"
    assert db.read("a")["_rev"] == answer.json()["rev"]


def test_the_stub_describes_the_attachment(attached):
    """Type, length, digest, and the generation that brought it."""
    stub = attached.read("a")["_attachments"]["f"]
    assert stub == {
        "content_type": "application/octet-stream",
        "revpos": 1,
        "digest": digest(b"0123456789"),
        "length": 10,
        "stub": True,
    }


def test_get_sends_the_bytes_with_their_type(attached):
    """The digest is the ETag, and a browser runs nothing of it."""
    answer = attached.get("a/f")
    assert answer.content == b"0123456789"
    assert answer.headers["Content-Type"] == "application/octet-stream"
    assert answer.headers["Content-Length"] == "10"
    assert answer.headers["ETag"] == f'"{digest(b"0123456789")[4:]}"'
    assert answer.headers["Accept-Ranges"] == "bytes"
    assert answer.headers["Content-Security-Policy"] == "sandbox"


def test_head_has_the_headers_alone(attached):
    """HEAD tells length and tag."""
    answer = attached.head("a/f")
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["ETag"] == f'"{digest(b"0123456789")[4:]}"'


def test_if_none_match_spares_the_bytes(attached):
    """304 while the digest is the same."""
    tag = attached.get("a/f").headers["ETag"]
    answer = attached.get("a/f", headers={"If-None-Match": tag})
    assert (answer.status_code, answer.content) == (304, b"")


@pytest.mark.parametrize(
    ("asked", "content", "content_range"),
    [
        ("bytes=0-0", b"0", "bytes 0-0/10"),
        ("bytes=2-5", b"2345", "bytes 2-5/10"),
        ("bytes=5-", b"56789", "bytes 5-9/10"),
        ("bytes=-3", b"789", "bytes 7-9/10"),
        ("bytes=0-99", b"0123456789", "bytes 0-9/10"),
    ],
)
def test_a_range_sends_a_part(attached, asked, content, content_range):
    """206 with what was asked for."""
    answer = attached.get("a/f", headers={"Range": asked})
    assert (answer.status_code, answer.content) == (206, content)
    assert answer.headers["Content-Range"] == content_range


@pytest.mark.parametrize("asked", ["bytes=20-30", "bytes=10-", "bytes=5-2", "bytes=-0"])
def test_a_range_outside_is_416(attached, asked):
    """Nothing of it can be satisfied."""
    answer = attached.get("a/f", headers={"Range": asked})
    assert answer.status_code == 416
    assert answer.json() == {
        "error": "requested_range_not_satisfiable",
        "reason": "Requested range not satisfiable",
    }


def test_several_ranges_come_in_parts(attached):
    """Each part names its range."""
    answer = attached.get("a/f", headers={"Range": "bytes=0-3,5-6"})
    assert answer.status_code == 206
    assert answer.headers["Content-Type"].startswith("multipart/byteranges; boundary=")
    assert b"Content-Range: bytes 5-6/10\r\n\r\n56\r\n" in answer.content


@pytest.mark.parametrize("asked", ["lines=1-2", "bytes=x-y", "bytes"])
def test_a_range_that_is_none_sends_all(attached, asked):
    """What is not understood is ignored."""
    answer = attached.get("a/f", headers={"Range": asked})
    assert (answer.status_code, answer.content) == (200, b"0123456789")


def test_a_second_attachment_needs_the_revision(attached):
    """Attaching is an edit of the document."""
    assert attached.put("a/g", data=b"y", headers=BINARY).json() == CONFLICT
    rev = attached.read("a")["_rev"]
    assert attached.put("a/g", params={"rev": rev}, data=b"y", headers=BINARY).status_code == 201
    assert sorted(attached.read("a")["_attachments"]) == ["f", "g"]


def test_if_match_stands_for_the_revision(attached):
    """As with documents."""
    headers = {**BINARY, "If-Match": attached.read("a")["_rev"]}
    assert attached.put("a/f", data=b"new", headers=headers).status_code == 201
    assert attached.get("a/f").content == b"new"


def test_replacing_moves_the_generation(attached):
    """`revpos` is the generation of the edit that changed the bytes."""
    attached.put("a/f", params={"rev": attached.read("a")["_rev"]}, data=b"new", headers=BINARY)
    assert attached.read("a")["_attachments"]["f"]["revpos"] == 2


def test_delete_takes_it_off(attached):
    """The document stays, one generation on."""
    rev = attached.read("a")["_rev"]
    answer = attached.delete("a/f", params={"rev": rev})
    assert (answer.status_code, answer.json()["ok"]) == (200, True)
    assert "_attachments" not in attached.read("a")
    assert attached.get("a/f").json() == NO_ATTACHMENT


def test_delete_needs_the_revision(attached):
    """Without one it is a conflict."""
    assert attached.delete("a/f").json() == CONFLICT
    assert attached.get("a/f").status_code == 200


def test_missing_documents_and_missing_attachments_differ(attached):
    """The reason says which of the two is not there."""
    assert attached.get("no/f").json() == {"error": "not_found", "reason": "missing"}
    assert attached.get("a/no").json() == NO_ATTACHMENT
    assert attached.get("a/no").status_code == 404


def test_old_revisions_keep_their_attachments(attached):
    """`rev` reads the bytes of then."""
    old = attached.read("a")["_rev"]
    attached.put("a/f", params={"rev": old}, data=b"new", headers=BINARY)
    assert attached.get("a/f", params={"rev": old}).content == b"0123456789"
    assert attached.get("a/f", params={"rev": "9-x"}).status_code == 404


@pytest.mark.parametrize("name", ["dir/file.txt", "dir%2Ffile.txt"])
def test_names_may_hold_slashes(db, name):
    """The rest of the path is the name."""
    assert db.put(f"a/{name}", data=b"x", headers=BINARY).status_code == 201
    assert list(db.read("a")["_attachments"]) == ["dir/file.txt"]
    assert db.get("a/dir/file.txt").content == b"x"


def test_names_are_any_text(db):
    """Unicode, spaces, percent signs."""
    assert db.put("a/%C3%A9%20%25.txt", data=b"x", headers=BINARY).status_code == 201
    assert list(db.read("a")["_attachments"]) == ["é %.txt"]


def test_names_do_not_start_with_an_underscore(db):
    """Those are reserved."""
    answer = db.put("a/_f", data=b"x", headers=BINARY)
    assert answer.status_code == 400
    assert answer.json()["reason"] == "Attachment name '_f' starts with prohibited character '_'"


def test_the_type_defaults_to_bytes(db):
    """Without a Content-Type it is an octet stream."""
    db.put("a/f", data=b"x")
    assert db.get("a/f").headers["Content-Type"] == "application/octet-stream"


def test_the_type_is_kept_as_it_was_given(db):
    """Parameters included."""
    db.put("a/f", data=b"x", headers={"Content-Type": "text/x-log; charset=latin-1"})
    assert db.get("a/f").headers["Content-Type"] == "text/x-log; charset=latin-1"


def test_empty_attachments_are_attachments(db):
    """No bytes are bytes too."""
    db.put("a/f", data=b"", headers=BINARY)
    assert db.read("a")["_attachments"]["f"]["length"] == 0
    assert db.get("a/f").content == b""


def test_a_body_in_chunks_is_stored(db):
    """No Content-Length is needed."""
    db.put("a/f", data=iter([b"01", b"23"]), headers=BINARY)
    assert db.get("a/f").content == b"0123"


def test_text_is_stored_compressed(db):
    """The stub's length is of the text; asked for, the encoding shows."""
    db.put("a/f", data=LONG, headers=TEXT)
    stub = db.read("a")["_attachments"]["f"]
    assert stub["length"] == len(LONG)
    informed = db.read("a", att_encoding_info="true")["_attachments"]["f"]
    assert informed["encoding"] == "gzip" and informed["encoded_length"] < len(LONG) / 5


def test_bytes_are_not_compressed(db):
    """Types that do not compress are left alone."""
    db.put("a/f", data=LONG, headers={"Content-Type": "image/png"})
    assert "encoding" not in db.read("a", att_encoding_info="true")["_attachments"]["f"]


def test_compressed_text_goes_out_as_the_client_can_read_it(db):
    """gzip to those who accept it, the text to others."""
    db.put("a/f", data=LONG, headers=TEXT)
    raw = db.get("a/f", headers={"Accept-Encoding": "gzip"}, stream=True)
    assert raw.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(raw.raw.read()) == LONG
    plain = db.get("a/f", headers={"Accept-Encoding": "identity"}, stream=True)
    assert "Content-Encoding" not in plain.headers
    assert plain.raw.read() == LONG
    assert raw.headers["Accept-Ranges"] == plain.headers["Accept-Ranges"] == "none"


def test_what_arrives_compressed_is_kept_so(db):
    """A client that compressed says so and is believed."""
    packed = gzip.compress(LONG)
    assert db.put("a/f", data=packed, headers={**TEXT, "Content-Encoding": "gzip"}).status_code == 201
    assert db.get("a/f", headers={"Accept-Encoding": "identity"}).content == LONG
    assert db.read("a", att_encoding_info="true")["_attachments"]["f"]["encoding"] == "gzip"


@pytest.mark.parametrize("encoding", ["br", "deflate"])
def test_other_encodings_are_415(db, encoding):
    """Only gzip and identity can be stored."""
    answer = db.put("a/f", data=b"x", headers={**TEXT, "Content-Encoding": encoding})
    assert answer.status_code == 415


def test_other_methods_are_405(attached):
    """POST to an attachment means nothing."""
    answer = attached.post("a/f")
    assert (answer.status_code, answer.headers["Allow"]) == (405, "DELETE,GET,HEAD,PUT")


def test_local_documents_have_no_attachments(db):
    """They are not replicated and stay small."""
    answer = db.put("_local/l/f", data=b"x", headers=BINARY)
    assert answer.json() == {
        "error": "bad_request",
        "reason": "_local documents do not accept attachments.",
    }


def test_design_documents_have_attachments(db):
    """A dashboard lives there."""
    db.design("d")
    rev = db.read("_design/d")["_rev"]
    assert db.put("_design/d/i.html", params={"rev": rev}, data=b"x", headers=TEXT).status_code == 201
    assert db.get("_design/d/i.html").content == b"x"


def test_a_megabyte_survives(db):
    """Larger than any buffer on the way."""
    data = bytes(range(256)) * 8192
    db.put("a/f", data=data, headers=BINARY)
    assert db.get("a/f").content == data
    assert db.get("a/f", headers={"Range": "bytes=1000000-1000009"}).content == data[1000000:1000010]


def test_attachments_survive_compaction(attached):
    """The bytes stay with the current revision."""
    attached.post("_compact", headers={"Content-Type": "application/json"})
    assert attached.get("a/f").content == b"0123456789"
