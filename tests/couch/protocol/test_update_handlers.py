"""Update handlers, and the older design functions that CouchDB gives up."""

import json

import pytest

UPDATES = {
    "make": "function(doc,req){return [{_id:req.id||req.uuid,made:true},'made '+toJSON(req.id)]}",
    "count": "function(doc,req){doc.n=(doc.n||0)+1;return [doc,'n='+doc.n]}",
    "none": "function(doc,req){return [null,'nothing']}",
    "own": "function(doc,req){return [null,{code:418,headers:{'X-A':'b','Content-Type':'text/x'},body:'<b>'}]}",
    "json": "function(doc,req){return [null,{json:{a:1}}]}",
    "bytes": "function(doc,req){return [null,{base64:'eHk=',headers:{'Content-Type':'image/png'}}]}",
    "tell": "function(doc,req){return [null,{json:req}]}",
    "broken": "function(doc,req){return nosuch}",
    "odd": "function(doc,req){return 1}",
    "anonymous": "function(doc,req){return [{n:1},'x']}",
    "other": "function(doc,req){return [{_id:'other'},'x']}",
}


@pytest.fixture
def handled(db):
    """A database with the handlers above in `_design/u`."""
    db.design("u", updates=UPDATES)
    return db


def call(db, name, path="", method="POST", **options):
    """Calls a handler."""
    return db.request(method, f"_design/u/_update/{name}{path}", **options)


@pytest.mark.parametrize(("method", "path", "said"), [("POST", "", "null"), ("PUT", "/new", '"new"')])
def test_a_handler_makes_documents(handled, method, path, said):
    """Id and revision stand in headers."""
    answer = call(handled, "make", path, method)
    assert (answer.status_code, answer.text) == (201, f"made {said}")
    doc = handled.read(answer.headers["X-Couch-Id"])
    assert doc["made"] is True and doc["_rev"] == answer.headers["X-Couch-Update-NewRev"]


def test_a_handler_edits_the_document_of_its_address(handled):
    """Without the client knowing the revision."""
    handled.save("a")
    assert [call(handled, "count", "/a", "PUT").text for _ in range(3)] == ["n=1", "n=2", "n=3"]
    assert handled.read("a")["n"] == 3


def test_null_writes_nothing(handled):
    """200 instead of 201."""
    before = handled.read()["update_seq"].split("-")[0]
    answer = call(handled, "none")
    assert (answer.status_code, answer.text) == (200, "nothing")
    assert handled.read()["update_seq"].split("-")[0] == before


def test_a_handler_chooses_status_and_headers(handled):
    """Code, headers, body."""
    answer = call(handled, "own")
    assert (answer.status_code, answer.text, answer.headers["X-A"]) == (418, "<b>", "b")
    assert answer.headers["Content-Type"] == "text/x"
    assert answer.headers["Content-Security-Policy"] == "sandbox"


def test_a_handler_answers_json_or_bytes(handled):
    """`json` and `base64` instead of a body."""
    answer = call(handled, "json")
    assert (answer.headers["Content-Type"], answer.json()) == ("application/json", {"a": 1})
    answer = call(handled, "bytes")
    assert (answer.headers["Content-Type"], answer.content) == ("image/png", b"xy")


def test_text_is_html_by_default(handled):
    """As CouchDB declares it."""
    assert call(handled, "none").headers["Content-Type"] == "text/html; charset=utf-8"


def test_a_handler_sees_the_request(handled, server):
    """Method, path, query, form, body, user."""
    answer = call(
        handled,
        "tell",
        "/a",
        params={"q": "1"},
        data="x=2",
        headers={"Content-Type": "application/x-www-form-urlencoded"},
    )
    seen = answer.json()
    name = handled.url.rsplit("/", 1)[1]
    assert (seen["method"], seen["id"], seen["query"], seen["body"]) == ("POST", "a", {"q": "1"}, "x=2")
    assert seen["form"] == {"x": "2"}
    assert seen["path"] == [name, "_design", "u", "_update", "tell", "a"]
    assert seen["info"]["db_name"] == name
    assert seen["userCtx"]["name"] == server.auth[0]
    assert len(seen["uuid"]) == 32
    assert seen["headers"]["Content-Type"] == "application/x-www-form-urlencoded"
    assert {"cookie", "peer", "raw_path", "requested_path", "secObj"} <= set(seen)


@pytest.mark.parametrize(("name", "reason"), [("broken", "function raised error: "), ("odd", "undefined response")])
def test_broken_handlers_answer_render_error(handled, name, reason):
    """The reason tells what went wrong."""
    answer = call(handled, name)
    assert (answer.status_code, answer.json()["error"]) == (500, "render_error")
    assert answer.json()["reason"].startswith(reason)


def test_a_document_without_an_id_is_refused(handled):
    """A handler must name what it makes."""
    answer = call(handled, "anonymous")
    assert (answer.status_code, answer.json()["reason"]) == (400, "Document id must not be empty")


def test_a_handler_may_write_another_document(handled):
    """The id is the handler's choice."""
    assert call(handled, "other", "/a", "PUT").headers["X-Couch-Id"] == "other"
    assert handled.get("other").status_code == 200


def test_unknown_handlers_are_not_found(handled):
    """The reason names the member that is missing."""
    answer = call(handled, "nosuch")
    assert (answer.status_code, answer.json()["reason"]) == (404, "missing json key: nosuch")
    assert handled.post("_design/no/_update/x").json() == {"error": "not_found", "reason": "missing"}


def test_reading_is_not_updating(handled):
    """GET is refused."""
    answer = call(handled, "make", method="GET")
    assert (answer.status_code, answer.json()["error"]) == (405, "method_not_allowed")


def test_ids_in_the_address_are_decoded(handled):
    """A quoted slash is part of the id."""
    call(handled, "make", "/a%2Fb", "PUT")
    assert handled.read("a%2Fb")["_id"] == "a/b"


def test_modules_are_required_by_path(db):
    """A handler uses code of its design document."""
    updates = {"f": "function(doc,req){return [null,require('lib/words').hello+require('lib/deep/er').name]}"}
    lib = {"words": "exports.hello = 'hi ';", "deep": {"er": "exports.name = require('../words').hello;"}}
    db.design("u", updates=updates, lib=lib)
    assert call(db, "f").text == "hi hi "


@pytest.mark.embedded_only
@pytest.mark.parametrize("path", ["_show/x", "_list/x/v", "_rewrite/x"])
def test_given_up_functions_say_so(db, path):
    """Shows, lists and rewrites are not implemented, and the answer is one sentence."""
    db.design("d", shows={"x": "function(){}"}, lists={"x": "function(){}"}, rewrites=[])
    answer = db.get(f"_design/d/{path}")
    assert (answer.status_code, answer.json()["error"]) == (501, "not_implemented")
    assert json.dumps(answer.json()["reason"]).count(" ") > 3
