"""`validate_doc_update` is asked on every path by which a document arrives."""

import json

import pytest

GUARD = """function (newDoc, oldDoc, userCtx, secObj) {
  if (newDoc.bad === 'forbidden') { throw({forbidden: 'no ' + newDoc._id}); }
  if (newDoc.bad === 'unauthorized') { throw({unauthorized: 'who are you'}); }
  if (newDoc.bad === 'error') { throw(new Error('boom')); }
  if (newDoc.bad === 'tell') { throw({forbidden: JSON.stringify([newDoc, oldDoc, userCtx, secObj])}); }
  if (newDoc._deleted && oldDoc && oldDoc.keep) { throw({forbidden: 'kept'}); }
}"""
FORBIDDEN = {"error": "forbidden", "reason": "no a"}


@pytest.fixture
def guarded(db):
    """A database whose design document `v` refuses documents that say `bad`."""
    db.design("v", validate_doc_update=GUARD)
    return db


def test_put_is_refused_with_403(guarded):
    """The reason is the function's."""
    answer = guarded.put("a", json={"bad": "forbidden"})
    assert (answer.status_code, answer.json()) == (403, FORBIDDEN)
    assert guarded.get("a").status_code == 404


def test_unauthorized_is_401(guarded):
    """The other thing a function may throw."""
    answer = guarded.put("a", json={"bad": "unauthorized"})
    assert (answer.status_code, answer.json()) == (401, {"error": "unauthorized", "reason": "who are you"})


def test_a_broken_function_refuses_too(guarded):
    """An exception that is no verdict stores nothing."""
    assert guarded.put("a", json={"bad": "error"}).status_code >= 400
    assert guarded.get("a").status_code == 404


def test_post_is_refused(guarded):
    """POST of a document."""
    assert guarded.post(json={"_id": "a", "bad": "forbidden"}).json() == FORBIDDEN


def test_an_edit_is_refused_and_the_old_stays(guarded):
    """Nothing of a refused edit is stored."""
    rev = guarded.save("a", n=1)
    assert guarded.put("a", json={"_rev": rev, "bad": "forbidden"}).json() == FORBIDDEN
    assert guarded.read("a") == {"_id": "a", "_rev": rev, "n": 1}


def test_a_bulk_refuses_row_by_row(guarded):
    """The others are written."""
    rows = guarded.bulk([{"_id": "a", "bad": "forbidden"}, {"_id": "b"}, {"_id": "c", "bad": "unauthorized"}])
    assert rows[0] == {"id": "a", **FORBIDDEN}
    assert rows[1]["ok"] is True
    assert rows[2]["error"] == "unauthorized"


def test_replicated_documents_are_refused_in_their_rows(guarded):
    """`new_edits=false` is no way around."""
    docs = [{"_id": "a", "_rev": "1-a", "bad": "forbidden"}, {"_id": "b", "_rev": "1-b"}]
    (row,) = guarded.bulk(docs, new_edits=False)
    assert row == {"id": "a", "rev": "1-a", **FORBIDDEN}
    assert guarded.get("b").status_code == 200
    answer = guarded.put("a", params={"new_edits": "false"}, json={"_rev": "1-a", "bad": "forbidden"})
    assert answer.status_code == 403


def test_copy_is_refused(guarded):
    """A copy is a new document."""
    guarded.delete("_design/v", params={"rev": guarded.read("_design/v")["_rev"]})
    guarded.save("source", bad="forbidden")
    guarded.design("v", validate_doc_update=GUARD)
    assert guarded.copy("source", "a").json() == FORBIDDEN


def test_an_attachment_to_a_refused_document_is_refused(guarded):
    """Attaching is an edit like any other."""
    guarded.delete("_design/v", params={"rev": guarded.read("_design/v")["_rev"]})
    rev = guarded.save("a", bad="forbidden")
    guarded.design("v", validate_doc_update=GUARD)
    assert guarded.put("a/f", params={"rev": rev}, data=b"x").status_code == 403
    assert guarded.delete("a", params={"rev": rev}).status_code == 200


def test_deletions_are_asked_about(guarded):
    """The function sees `_deleted` and the document that would go."""
    rev = guarded.save("a", keep=True)
    assert guarded.delete("a", params={"rev": rev}).json() == {"error": "forbidden", "reason": "kept"}
    (row,) = guarded.bulk([{"_id": "a", "_rev": rev, "_deleted": True}])
    assert row["error"] == "forbidden"
    assert guarded.get("a").status_code == 200


def test_update_handlers_are_asked_about(guarded):
    """What a handler returns is written like a PUT."""
    guarded.design("u", updates={"f": "function(doc,req){return [{_id:'a',bad:'forbidden'},'x']}"})
    answer = guarded.post("_design/u/_update/f")
    assert (answer.status_code, answer.json()) == (403, FORBIDDEN)


def test_batch_ok_is_asked_about(guarded):
    """The document never appears."""
    guarded.put("a", params={"batch": "ok"}, json={"bad": "forbidden"})
    guarded.save("b")
    assert guarded.get("a").status_code == 404


def test_local_and_design_documents_are_not_asked_about(guarded):
    """Checkpoints and design documents pass."""
    assert guarded.put("_local/a", json={"bad": "forbidden"}).status_code == 201
    assert guarded.put("_design/a", json={"bad": "forbidden"}).status_code == 201


def test_the_function_sees_who_writes_and_what_was(guarded, server):
    """New document, old document, user, security object."""
    rev = guarded.save("a", n=1)
    reason = guarded.put("a", json={"_rev": rev, "bad": "tell"}).json()["reason"]
    new, old, user, security = json.loads(reason)
    assert (new["_id"], new["_rev"], new["bad"]) == ("a", rev, "tell")
    assert (old["_rev"], old["n"]) == (rev, 1)
    assert new["_revisions"]["start"] == 1
    assert user == {"db": guarded.url.rsplit("/", 1)[1], "name": server.auth[0], "roles": ["_admin"]}
    assert security == guarded.read("_security")


def test_a_new_document_has_no_old_one(guarded):
    """null where nothing was."""
    reason = guarded.put("a", json={"bad": "tell"}).json()["reason"]
    assert json.loads(reason)[1] is None


def test_every_design_document_is_asked(guarded):
    """One refusal is enough."""
    guarded.design("w", validate_doc_update="function(n){if(n.worse)throw({forbidden:'worse'})}")
    assert guarded.put("a", json={"worse": 1}).json()["reason"] == "worse"
    assert guarded.put("a", json={"bad": "forbidden"}).json() == FORBIDDEN
    assert guarded.put("a", json={}).status_code == 201


def test_a_new_function_holds_at_once(guarded):
    """The next write is judged by it; a deleted one judges no more."""
    rev = guarded.read("_design/v")["_rev"]
    guarded.design("v", _rev=rev, validate_doc_update="function(){throw({forbidden:'closed'})}")
    assert guarded.put("a", json={}).json()["reason"] == "closed"
    guarded.delete("_design/v", params={"rev": guarded.read("_design/v")["_rev"]})
    assert guarded.put("a", json={}).status_code == 201


def test_an_endless_function_refuses_in_its_time(db):
    """The write fails, the server goes on."""
    db.design("v", validate_doc_update="function(n){if(n.loop)while(true){}}")
    assert db.put("a", json={"loop": 1}, timeout=120).status_code >= 400
    assert db.put("b", json={}).status_code == 201


def test_conflicts_are_found_before_or_after_but_never_stored(guarded):
    """A write that is both a conflict and forbidden is refused."""
    guarded.save("a")
    assert guarded.put("a", json={"bad": "forbidden"}).status_code in (403, 409)
    assert "bad" not in guarded.read("a")
