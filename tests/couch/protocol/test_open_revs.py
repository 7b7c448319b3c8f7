"""`open_revs`: several leaves of a document in one answer, as JSON and as multipart."""

import email
import email.policy
import json

import pytest

JSON = {"Accept": "application/json"}


def parts_of(answer):
    """The parts of a multipart answer as messages."""
    text = b"Content-Type: " + answer.headers["Content-Type"].encode() + b"\r\n\r\n" + answer.content
    message = email.message_from_bytes(text, policy=email.policy.HTTP)
    assert message.is_multipart() and not message.defects
    return list(message.iter_parts())


@pytest.fixture
def forked(db):
    """A document with a live winner, a live conflict, a tombstone."""
    db.graft("a", "2-b", "1-a", n=1)
    db.graft("a", "2-c", "1-a", n=2)
    db.graft("a", "2-d", "1-d", _deleted=True)
    return db


def test_all_reads_every_leaf(forked):
    """Deleted leaves included."""
    rows = forked.get("a", params={"open_revs": "all"}, headers=JSON).json()
    assert sorted(row["ok"]["_rev"] for row in rows) == ["2-b", "2-c", "2-d"]
    assert [row["ok"]["_deleted"] for row in rows if row["ok"]["_rev"] == "2-d"] == [True]


def test_named_revisions_come_in_their_order(forked):
    """What is unknown is listed as missing."""
    revs = ["2-c", "7-x", "2-b"]
    rows = forked.get("a", params={"open_revs": json.dumps(revs)}, headers=JSON).json()
    found = [row["ok"]["_rev"] if "ok" in row else row for row in rows]
    assert sorted(map(str, found)) == sorted(map(str, ["2-c", {"missing": "7-x"}, "2-b"]))


def test_latest_replaces_a_revision_by_its_leaves(forked):
    """What a replicator asks for: whatever became of the ancestor."""
    params = {"open_revs": '["1-a"]', "latest": "true"}
    rows = forked.get("a", params=params, headers=JSON).json()
    assert sorted(row["ok"]["_rev"] for row in rows) == ["2-b", "2-c"]


def test_revs_adds_the_history_to_each(forked):
    """`revs=true` works here as on one document."""
    params = {"open_revs": '["2-b"]', "revs": "true"}
    rows = forked.get("a", params=params, headers=JSON).json()
    assert rows[0]["ok"]["_revisions"] == {"start": 2, "ids": ["b", "a"]}


def test_a_missing_document_has_missing_revisions(db):
    """No 404: each revision is missing."""
    rows = db.get("no", params={"open_revs": '["1-a"]'}, headers=JSON).json()
    assert rows == [{"missing": "1-a"}]


def test_all_of_a_missing_document_is_not_found(db):
    """Nothing can be listed of what never was."""
    answer = db.get("no", params={"open_revs": "all"}, headers=JSON)
    assert (answer.status_code, answer.json()) == (404, {"error": "not_found", "reason": "missing"})


@pytest.mark.parametrize(
    ("value", "reason"),
    [("x", "invalid UTF-8 JSON"), ('["bad"]', "Invalid rev format"), ("[1]", "Invalid rev format")],
)
def test_malformed_lists_are_bad_requests(forked, value, reason):
    """The list is JSON and holds revisions."""
    answer = forked.get("a", params={"open_revs": value}, headers=JSON)
    assert (answer.status_code, answer.json()["reason"]) == (400, reason)


def test_multipart_is_the_form_by_default(forked):
    """Each leaf is a part with its JSON; a missing one is marked in the part's type."""
    answer = forked.get("a", params={"open_revs": '["2-b","7-x"]'})
    assert answer.headers["Content-Type"].startswith("multipart/mixed; boundary=")
    found, missing = parts_of(answer)
    assert found.get_content_type() == "application/json"
    assert json.loads(found.get_content())["_rev"] == "2-b"
    assert missing["Content-Type"] == 'application/json; error="true"'
    assert json.loads(missing.get_content()) == {"missing": "7-x"}


def test_a_leaf_with_attachments_is_a_part_of_parts(db):
    """With attachments asked for, the leaf's part is multipart/related: the document, then the bytes."""
    rev = db.put("a/f.bin", data=b"\x00\x01", headers={"Content-Type": "image/png"}).json()["rev"]
    answer = db.get("a", params={"open_revs": json.dumps([rev]), "attachments": "true"})
    (leaf,) = parts_of(answer)
    assert leaf.get_content_type() == "multipart/related"
    document, attachment = leaf.iter_parts()
    stub = json.loads(document.get_content())["_attachments"]["f.bin"]
    assert stub["follows"] is True and stub["length"] == 2
    assert attachment.get_payload(decode=True) == b"\x00\x01"
    assert attachment["Content-Disposition"] == 'attachment; filename="f.bin"'
    assert (attachment["Content-Type"], attachment["Content-Length"]) == ("image/png", "2")


def test_json_carries_attachments_inline(db):
    """Base64 where the client wants JSON."""
    rev = db.put("a/f", data=b"xy", headers={"Content-Type": "text/plain"}).json()["rev"]
    params = {"open_revs": json.dumps([rev]), "attachments": "true"}
    row = db.get("a", params=params, headers=JSON).json()[0]
    assert row["ok"]["_attachments"]["f"]["data"] == "eHk="
