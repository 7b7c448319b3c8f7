"""ETags of documents, and requests made conditional by them."""

import pytest


def test_the_etag_is_the_revision_in_quotes(db):
    """GET and HEAD of a document agree."""
    rev = db.save("a")
    assert db.get("a").headers["ETag"] == f'"{rev}"'
    assert db.head("a").headers["ETag"] == f'"{rev}"'


def test_if_none_match_spares_the_body(db):
    """304 without a body as long as the revision is current."""
    rev = db.save("a")
    answer = db.get("a", headers={"If-None-Match": f'"{rev}"'})
    assert (answer.status_code, answer.content, answer.headers["ETag"]) == (304, b"", f'"{rev}"')
    db.save("a", _rev=rev)
    assert db.get("a", headers={"If-None-Match": f'"{rev}"'}).status_code == 200


@pytest.mark.parametrize("value", ["{0}", '"1-abc"', ""])
def test_if_none_match_of_anything_else_reads(db, value):
    """Only the quoted current revision spares the body."""
    rev = db.save("a")
    assert db.get("a", headers={"If-None-Match": value.format(rev)}).status_code == 200


@pytest.mark.parametrize("quotes", ['"', ""])
def test_if_match_stands_for_the_revision(db, quotes):
    """Writing and deleting take it, quoted or not."""
    rev = db.save("a", n=1)
    answer = db.put("a", json={"n": 2}, headers={"If-Match": f"{quotes}{rev}{quotes}"})
    assert answer.status_code == 201
    current = answer.json()["rev"]
    assert db.delete("a", headers={"If-Match": f"{quotes}{current}{quotes}"}).status_code == 200


def test_a_stale_if_match_is_a_conflict(db):
    """409, and the document stays."""
    rev = db.save("a", n=1)
    db.save("a", n=2, _rev=rev)
    assert db.put("a", json={"n": 3}, headers={"If-Match": rev}).status_code == 409
    assert db.delete("a", headers={"If-Match": rev}).status_code == 409
    assert db.read("a")["n"] == 2


@pytest.mark.parametrize("option", ["revs_info", "local_seq", "meta"])
def test_answers_that_depend_on_more_than_the_revision_have_no_etag(db, option):
    """Such an answer may change while the revision does not."""
    db.save("a")
    assert "ETag" not in db.get("a", params={option: "true"}).headers


def test_head_has_the_headers_of_get(db):
    """Length and type included, the body not."""
    db.save("a", n=1)
    got, head = db.get("a"), db.head("a")
    assert head.content == b""
    assert head.headers["Content-Length"] == got.headers["Content-Length"]
    assert head.headers["Content-Type"] == "application/json"


def test_head_of_nothing_is_404(db):
    """Missing and deleted alike."""
    rev = db.save("a")
    db.delete("a", params={"rev": rev})
    assert (db.head("a").status_code, db.head("b").status_code) == (404, 404)


def test_an_old_revision_has_its_own_etag(db):
    """Reading by `rev` answers with that revision's tag."""
    first = db.save("a")
    db.save("a", _rev=first)
    assert db.get("a", params={"rev": first}).headers["ETag"] == f'"{first}"'
