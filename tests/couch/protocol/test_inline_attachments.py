"""Attachments that travel in a document: base64, stubs, and multipart/related both ways."""

import base64
import email
import email.policy
import gzip
import json

import pytest

JSON = {"Accept": "application/json"}
INLINE = {"f": {"content_type": "image/png", "data": base64.b64encode(b"0123").decode()}}


def related(document, *bodies, boundary="xyz"):
    """A multipart/related body: the document, then the attachments in its order."""
    head = f"--{boundary}\r\nContent-Type: application/json\r\n\r\n{json.dumps(document)}\r\n"
    parts = b"".join(f"--{boundary}\r\n\r\n".encode() + body + b"\r\n" for body in bodies)
    return head.encode() + parts + f"--{boundary}--".encode()


def put_related(db, path, body, boundary="xyz", **options):
    """PUTs a multipart/related body."""
    headers = {"Content-Type": f'multipart/related; boundary="{boundary}"'}
    return db.put(path, data=body, headers=headers, **options)


def follows(length, content_type="image/png"):
    """The stub of an attachment whose bytes follow."""
    return {"follows": True, "length": length, "content_type": content_type}


def test_base64_in_the_document_is_attached(db):
    """It reads back as a stub and under its address."""
    db.save("a", _attachments=INLINE)
    assert db.read("a")["_attachments"]["f"]["stub"] is True
    assert db.get("a/f").content == b"0123"


def test_attachments_true_sends_base64(db):
    """Instead of the stub, with the same description."""
    db.save("a", _attachments=INLINE)
    attachment = db.get("a", params={"attachments": "true"}, headers=JSON).json()["_attachments"]["f"]
    assert base64.b64decode(attachment["data"]) == b"0123"
    assert (attachment["revpos"], attachment["content_type"]) == (1, "image/png")
    assert "stub" not in attachment and "length" not in attachment


def test_a_stub_keeps_what_is_there(db):
    """Writing back a document as it was read does not lose its attachments."""
    rev = db.save("a", _attachments=INLINE)
    doc = db.read("a")
    db.put("a", json={**doc, "n": 1})
    assert db.get("a/f").content == b"0123"
    assert db.read("a")["_attachments"]["f"]["revpos"] == 1
    assert db.read("a")["_rev"] != rev


def test_what_is_left_out_is_taken_off(db):
    """A document without `_attachments` has none."""
    rev = db.save("a", _attachments=INLINE)
    db.save("a", _rev=rev)
    assert "_attachments" not in db.read("a")


def test_a_stub_of_nothing_is_412(db):
    """There are no bytes that it could stand for."""
    answer = db.put("a", json={"_attachments": {"f": {"stub": True}}})
    assert answer.status_code == 412
    assert answer.json() == {"error": "missing_stub", "reason": "Invalid attachment stub in a for f"}


def test_a_bulk_answers_a_stub_of_nothing_with_412(db):
    """The whole request is refused, as CouchDB does."""
    answer = db.post("_bulk_docs", json={"docs": [{"_id": "a", "_attachments": {"f": {"stub": True}}}]})
    assert (answer.status_code, answer.json()["error"]) == (412, "missing_stub")


@pytest.mark.parametrize("attachment", [{}, {"data": "!!"}])
def test_broken_data_is_a_bad_request(db, attachment):
    """Neither stub nor base64."""
    answer = db.put("a", json={"_attachments": {"f": attachment}})
    assert answer.status_code == 400
    assert answer.json()["reason"] == "Invalid attachment data for f"


def test_names_do_not_start_with_an_underscore(db):
    """As under their own address."""
    answer = db.put("a", json={"_attachments": {"_f": {"data": ""}}})
    assert answer.json()["reason"] == "Attachment name '_f' starts with prohibited character '_'"


def test_the_type_defaults_to_bytes(db):
    """Inline data without a content type."""
    db.save("a", _attachments={"f": {"data": "eA=="}})
    assert db.read("a")["_attachments"]["f"]["content_type"] == "application/octet-stream"


def test_atts_since_sends_only_newer_ones(db):
    """Bytes that the other side has stay stubs."""
    first = db.save("a", _attachments=INLINE)
    doc = db.read("a")
    doc["_attachments"]["g"] = {"data": "eA=="}
    db.put("a", json=doc)
    params = {"attachments": "true", "atts_since": json.dumps([first])}
    found = db.get("a", params=params, headers=JSON).json()["_attachments"]
    assert found["f"]["stub"] is True and found["g"]["data"] == "eA=="


def test_a_related_body_is_a_document_and_its_bytes(db):
    """The parts come in the document's order."""
    document = {"n": 1, "_attachments": {"f": follows(3), "g": follows(2, "text/plain")}}
    answer = put_related(db, "a", related(document, b"abc", b"de"))
    assert (answer.status_code, answer.json()["ok"]) == (201, True)
    assert (db.get("a/f").content, db.get("a/g").content) == (b"abc", b"de")
    assert db.read("a")["n"] == 1
    assert db.read("a")["_attachments"]["f"]["content_type"] == "image/png"


@pytest.mark.parametrize("length", [2, 4])
def test_a_part_of_another_length_is_refused(db, length):
    """The document says how many bytes follow."""
    answer = put_related(db, "a", related({"_attachments": {"f": follows(length)}}, b"abc"))
    assert answer.status_code in (400, 412)
    assert db.get("a").status_code == 404


def test_bytes_that_look_like_a_boundary_survive(db):
    """Only a boundary on its own line separates."""
    data = b"\r\n--xy\r\n--xyq\r\n\r\n"[:-2] + b"--x"
    answer = put_related(db, "a", related({"_attachments": {"f": follows(len(data))}}, data))
    assert answer.status_code == 201
    assert db.get("a/f").content == data


def test_related_keeps_the_revision_of_a_replicator(db):
    """`new_edits=false` with a body in parts is how attachments replicate."""
    document = {
        "_id": "a",
        "_rev": "2-b",
        "_revisions": {"start": 2, "ids": ["b", "a"]},
        "_attachments": {"f": {**follows(3), "revpos": 1}},
    }
    answer = put_related(db, "a", related(document, b"abc"), params={"new_edits": "false"})
    assert (answer.status_code, answer.json()["rev"]) == (201, "2-b")
    assert db.read("a")["_attachments"]["f"]["revpos"] == 1


def test_bytes_that_follow_keep_their_encoding(db):
    """A replicator sends what is stored, gzip as gzip, with both lengths."""
    packed = gzip.compress(b"text " * 100)
    stub = {**follows(500, "text/plain"), "encoding": "gzip", "encoded_length": len(packed)}
    document = {"_id": "a", "_rev": "1-a", "_attachments": {"f": stub}}
    answer = put_related(db, "a", related(document, packed), params={"new_edits": "false"})
    assert answer.status_code == 201
    found = db.read("a", att_encoding_info="true")["_attachments"]["f"]
    assert (found["encoding"], found["encoded_length"]) == ("gzip", len(packed))
    assert db.get("a/f", headers={"Accept-Encoding": "identity"}).content == b"text " * 100


def test_a_related_conflict_is_409(db):
    """The parts are read and forgotten."""
    db.save("a")
    answer = put_related(db, "a", related({"_attachments": {"f": follows(3)}}, b"abc"))
    assert answer.status_code == 409


def test_attachments_true_answers_related_by_default(db):
    """Unless JSON is asked for, the bytes follow the document."""
    db.save("a", n=1, _attachments=INLINE)
    answer = db.get("a", params={"attachments": "true"}, headers={"Accept": "multipart/related"})
    text = b"Content-Type: " + answer.headers["Content-Type"].encode() + b"\r\n\r\n" + answer.content
    message = email.message_from_bytes(text, policy=email.policy.HTTP)
    assert message.get_content_type() == "multipart/related"
    document, attachment = message.iter_parts()
    body = json.loads(document.get_content())
    assert body["n"] == 1 and body["_attachments"]["f"]["follows"] is True
    assert attachment.get_payload(decode=True) == b"0123"
    assert attachment["Content-Disposition"] == 'attachment; filename="f"'


def test_bulk_documents_carry_attachments(db):
    """Inline data in `_bulk_docs` is attached."""
    db.bulk([{"_id": "a", "_attachments": INLINE}, {"_id": "b", "_attachments": INLINE}])
    assert (db.get("a/f").content, db.get("b/f").content) == (b"0123", b"0123")


def test_conflicting_branches_have_their_own_bytes(db):
    """Each leaf reads what was attached to it."""
    for rev, data in (("1-a", "YQ=="), ("1-b", "Yg==")):
        db.graft("a", rev, _attachments={"f": {"data": data}})
    assert db.get("a/f", params={"rev": "1-a"}).content == b"a"
    assert db.get("a/f").content == b"b"


def test_copy_takes_the_attachments_along(db):
    """The copy has the bytes."""
    db.save("a", _attachments=INLINE)
    assert db.copy("a", "b").status_code == 201
    assert db.get("b/f").content == b"0123"
