"""What is wrong with a request is told in CouchDB's words, and in CouchDB's order when several things are."""

from urllib.parse import urlsplit

import pytest

CONFLICT = ("conflict", "Document update conflict.")
BAD_REV = ("bad_request", "Invalid rev format")
UNUSABLE_BOOLEAN = 'Invalid boolean parameter: "{}"'


def refusal(answer):
    """Status, error and reason of an answer."""
    body = answer.json()
    return answer.status_code, body["error"], body["reason"]


@pytest.fixture
def viewed(db):
    """A document and a design document with a view that reduces and one that does not."""
    db.save("a", n=1)
    map_function = "function(doc){emit(doc.n,1)}"
    db.design("d", views={"sum": {"map": map_function, "reduce": "_sum"}, "map": {"map": map_function}})
    return db


@pytest.mark.parametrize("given", ["x", '"x"', "*", "1"])
@pytest.mark.parametrize(("method", "path"), [("PUT", "a"), ("DELETE", "a"), ("PUT", "a/f"), ("DELETE", "a/f")])
def test_if_match_has_to_be_a_revision(db, method, path, given):
    """Whatever would be written."""
    db.save("a")
    body = {"json": {}} if method == "PUT" else {}
    assert refusal(db.request(method, path, headers={"If-Match": given}, **body)) == (400, *BAD_REV)


def test_deleting_what_is_not_there_is_told_before_a_bad_revision(db):
    """Both for ordinary and for local documents."""
    for path in ("nosuch", "_local/nosuch"):
        assert refusal(db.delete(path, params={"rev": "x"})) == (404, "not_found", "missing")


def test_deleting_an_attachment_without_a_revision(db):
    """What is not there is told; what is there conflicts."""
    rev = db.save("a")
    missing = (404, "not_found", "Document is missing attachment")
    assert refusal(db.delete("a/f")) == missing
    assert refusal(db.delete("nosuch/f")) == (404, "not_found", "missing")
    db.put("a/f", params={"rev": rev}, data=b"x")
    assert refusal(db.delete("a/f")) == (409, *CONFLICT)
    assert refusal(db.delete("a/g")) == missing


@pytest.mark.parametrize("method", ["PUT", "DELETE"])
@pytest.mark.parametrize("path", ["a/f", "nosuch/f"])
def test_an_attachment_of_an_unknown_revision(db, path, method):
    """409, and yet not found."""
    db.save("a")
    assert refusal(db.request(method, path, params={"rev": "1-abc"})) == (409, "not_found", "missing_rev")


@pytest.mark.parametrize("path", ["a", "_local/x", "_design/d", "nosuch"])
def test_posting_to_a_document_wants_a_referer(viewed, path):
    """It is for forms in pages of the server itself."""
    assert refusal(viewed.post(path, json={})) == (400, "bad_request", "Referer header required.")
    foreign = viewed.post(path, json={}, headers={"Referer": "http://elsewhere.invalid/"})
    assert refusal(foreign) == (400, "bad_request", "Referer header must match host.")
    own = f"http://{urlsplit(viewed.url).netloc.rpartition('@')[2]}/page"
    typed = viewed.post(path, json={}, headers={"Referer": own})
    assert refusal(typed) == (415, "bad_content_type", "Content-Type must be multipart/form-data")


def test_a_new_document_has_no_revision_to_be_based_on(db):
    """One that the client gives has nothing to say."""
    answer = db.post(json={"_rev": "7-abc", "n": 1})
    assert (answer.status_code, answer.json()["rev"][:2]) == (201, "1-")


def test_a_line_of_revisions_says_what_an_edit_is_based_on(db):
    """Like `_rev`, when that is not there."""
    line = {"start": 1, "ids": ["abc"]}
    assert refusal(db.put("a", json={"_revisions": line})) == (409, *CONFLICT)
    rows = db.post("_bulk_docs", json={"docs": [{"_id": "a", "_revisions": line}]}).json()
    assert [row["error"] for row in rows] == ["conflict"]
    rev = db.save("a")
    own = {"start": 1, "ids": [rev.removeprefix("1-")]}
    assert db.put("a", json={"_revisions": own}).json()["rev"].startswith("2-")


def test_a_copy_is_checked_in_order(db):
    """Revision asked for, destination, source, conflict."""
    db.save("a")
    db.save("b")
    mandatory = (400, "bad_request", "Destination header is mandatory for COPY.")
    reserved = (400, "illegal_docid", "Only reserved document ids may start with underscore.")
    for path in ("nosuch", "_local/nosuch"):
        assert refusal(db.request("COPY", path)) == mandatory
        assert refusal(db.copy(path, "_bad")) == reserved
        assert refusal(db.copy(path, "c")) == (404, "not_found", "missing")
    assert refusal(db.request("COPY", "a", headers={"If-Match": "x"})) == (400, *BAD_REV)
    assert refusal(db.copy("a", "b?rev=x")) == (400, *BAD_REV)
    assert refusal(db.copy("a", "b")) == (409, *CONFLICT)
    other = {"Destination": "c", "If-Match": "1-abc"}
    assert refusal(db.request("COPY", "a", headers=other)) == (404, "not_found", "missing")


@pytest.mark.parametrize("given", ["true", "false"])
def test_conflicts_are_not_for_reduced_views(viewed, given):
    """Not even to say that none are wanted."""
    wrong = (400, "query_parse_error", "`conflicts` is invalid for reduce views.")
    assert refusal(viewed.get("_design/d/_view/sum", params={"conflicts": given})) == wrong
    assert refusal(viewed.post("_design/d/_view/sum", json={"conflicts": given == "true"})) == wrong
    assert viewed.get("_design/d/_view/map", params={"conflicts": given}).status_code == 200


@pytest.mark.parametrize("listing", ["_all_docs", "_local_docs", "_design_docs", "_design/d/_view/map"])
@pytest.mark.parametrize("method", ["GET", "DELETE", "PUT", "COPY", "PATCH"])
def test_queries_are_posted(viewed, listing, method):
    """Nothing else."""
    answer = viewed.request(method, f"{listing}/queries", params={"limit": "x"})
    assert (*refusal(answer), answer.headers["Allow"]) == (405, "method_not_allowed", "Only POST allowed", "POST")


@pytest.mark.parametrize("listing", ["_all_docs", "_local_docs", "_design_docs", "_design/d/_view/map"])
def test_queries_are_a_list(viewed, listing):
    """Without them, or with something else, it is said what is missing."""
    path = f"{listing}/queries"
    missing = "POST body must include `queries` parameter."
    assert refusal(viewed.post(path, json={})) == (400, "bad_request", missing)
    assert refusal(viewed.post(path, json={"queries": 5})) == (400, "bad_request", "`queries` member must be an array.")
    keys = {"queries": [{"keys": 5}]}
    assert refusal(viewed.post(path, json=keys)) == (400, "query_parse_error", "`keys` must be an array of strings.")


@pytest.mark.parametrize("listing", ["_all_docs", "_design_docs"])
def test_a_query_for_one_key_is_one_for_a_range(viewed, listing):
    """It has an offset, and no row for what is not there."""
    asked = [{"keys": ["_design/nosuch"]}, {"keys": ["_design/d"]}, {"keys": ["_design/d", "_design/nosuch"]}]
    found = viewed.post(f"{listing}/queries", json={"queries": asked}).json()["results"]
    assert [len(each["rows"]) for each in found] == [0, 1, 2]
    assert [each["offset"] is None for each in found] == [False, False, True]


def test_a_query_goes_before_the_address(viewed):
    """The address has what the queries do not say."""
    asked = {"queries": [{}, {"limit": 2}]}
    found = viewed.post("_all_docs/queries", params={"limit": 1}, json=asked).json()["results"]
    assert [len(each["rows"]) for each in found] == [1, 2]
    viewed.save("b", n=2)
    found = viewed.post("_design/d/_view/map/queries", params={"limit": 1}, json=asked).json()["results"]
    assert [len(each["rows"]) for each in found] == [1, 2]


def test_the_address_goes_before_the_body(viewed):
    """In a listing as with a view."""
    rows = viewed.post("_all_docs", params={"limit": 1}, json={"limit": 2}).json()["rows"]
    assert len(rows) == 1


@pytest.mark.parametrize("listing", ["_all_docs", "_local_docs", "_design_docs"])
@pytest.mark.parametrize(
    ("option", "value", "reason"),
    [
        ("reduce", "ok", UNUSABLE_BOOLEAN.format("ok")),
        ("group", "1", UNUSABLE_BOOLEAN.format("1")),
        ("sorted", "ok", UNUSABLE_BOOLEAN.format("ok")),
        ("attachments", '"a"', UNUSABLE_BOOLEAN.format('\\"a\\"')),
        ("att_encoding_info", "a\\b", UNUSABLE_BOOLEAN.format("a\\\\b")),
        ("group_level", "x", 'Invalid value for integer: "x"'),
        ("group_level", "-1", 'Invalid value for positive integer: "-1"'),
        ("limit", '"1"', 'Invalid value for integer: "\\"1\\""'),
        ("update", "ok", "Invalid value for `update`."),
        ("stable", "1", "Invalid value for `stable`."),
        ("stale", "1", "Invalid value for `stale`."),
    ],
)
def test_options_of_listings_are_checked(viewed, listing, option, value, reason):
    """Even those that do nothing there."""
    wrong = (400, "query_parse_error", reason)
    assert refusal(viewed.get(listing, params={option: value})) == wrong
    assert refusal(viewed.post(listing, params={option: value}, json={})) == wrong


def test_listings_do_not_reduce(viewed):
    """Nor group."""
    reducing = (400, "query_parse_error", "Reduce is invalid for map-only views.")
    grouping = (400, "query_parse_error", "Invalid use of grouping on a map view.")
    assert refusal(viewed.get("_all_docs", params={"reduce": "true"})) == reducing
    assert refusal(viewed.get("_all_docs", params={"group": "true"})) == grouping
    assert refusal(viewed.post("_all_docs", json={"group_level": 1})) == grouping


def test_a_body_may_say_true_in_words(viewed):
    """As an address does."""
    ids = [row["id"] for row in viewed.post("_all_docs", json={"descending": "true"}).json()["rows"]]
    assert ids == ["a", "_design/d"]
    wrong = (400, "query_parse_error", "Invalid boolean parameter: 1")
    assert refusal(viewed.post("_all_docs", json={"descending": 1})) == wrong


@pytest.mark.parametrize(
    ("method", "options"),
    [
        ("GET", {"params": {"limit": "x"}}),
        ("GET", {"params": {"key": "x"}}),
        ("POST", {"json": []}),
        ("POST", {"data": b"{}"}),
        ("PUT", {"json": {}}),
        ("DELETE", {}),
    ],
)
def test_a_missing_design_document_is_told_first(db, method, options):
    """Before whatever else is wrong."""
    assert refusal(db.request(method, "_design/nosuch/_view/v", **options)) == (404, "not_found", "missing")


def test_views_take_no_queries_any_more(viewed):
    """They have an address of their own."""
    reason = "The `queries` parameter is no longer supported at this endpoint"
    assert refusal(viewed.post("_design/d/_view/map", json={"queries": []})) == (400, "bad_request", reason)


@pytest.mark.parametrize("name", ["_revs_limit", "_security", "_all_docs", "_bulk_docs", "_purge", "_local_docs"])
def test_below_what_belongs_to_the_database_are_no_attachments(db, name):
    """Reading finds none, writing is refused, and nothing is set by it."""
    assert refusal(db.get(f"{name}/x")) == (404, "not_found", "missing")
    reserved = (400, "illegal_docid", "Only reserved document ids may start with underscore.")
    assert refusal(db.put(f"{name}/x", json={"members": {"roles": ["crew"]}})) == reserved
    assert db.post(f"{name}/x", json=1).status_code == 405
    assert (db.read("_revs_limit"), "crew" in str(db.read("_security"))) == (1000, False)


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("POST", "_revs_limit", "PUT,GET"),
        ("DELETE", "_security", "PUT,GET"),
        ("POST", "_purged_infos_limit", "GET,PUT"),
        ("DELETE", "_design/d/_info", "GET"),
        ("DELETE", "_index", "GET,POST"),
        ("PUT", "_design/d/_view/map", "GET,POST,HEAD"),
    ],
)
def test_refused_methods_are_told_which_there_are(viewed, method, path, allowed):
    """Spelled as CouchDB does."""
    assert refusal(viewed.request(method, path)) == (405, "method_not_allowed", f"Only {allowed} allowed")


@pytest.mark.parametrize(("method", "path"), [("DELETE", "_all_docs"), ("PATCH", "a"), ("PUT", "_find")])
def test_a_missing_database_is_told_before_a_wrong_method(server, method, path):
    """Nobody can say which methods what is not there has."""
    assert refusal(server.request(method, f"nosuch-database/{path}"))[:2] == (404, "not_found")


def test_indexes_have_nothing_else_below_them(db):
    """Nothing is made there."""
    assert refusal(db.post("_index/x", json={"index": {"fields": ["n"]}})) == (404, "not_found", "missing")


def test_local_documents_have_no_old_revisions(db):
    """Asking for one by its revision finds nothing."""
    db.save("_local/x")
    assert refusal(db.get("_local/x", params={"rev": "x"})) == (400, *BAD_REV)
    assert refusal(db.get("_local/x", params={"rev": "0-1"})) == (404, "not_found", "missing")


@pytest.mark.parametrize("option", ["key", "startkey", "endkey", "descending"])
def test_some_options_reach_an_update_handler_as_values(db, option):
    """Those that are JSON in views."""
    db.design("u", updates={"tell": "function(doc,req){return [null,{json:req.query}]}"})
    path = "_design/u/_update/tell"
    assert db.post(path, params={option: "[1]", "other": "[1]"}).json() == {option: [1], "other": "[1]"}
    assert refusal(db.post(path, params={option: "x"})) == (400, "bad_request", "invalid UTF-8 JSON")


def test_update_handlers_answer_every_method_that_may_write(db):
    """Reading is not updating, which is said after it is clear that there is such a handler."""
    db.design("u", updates={"tell": "function(doc,req){return [null,req.method]}"})
    path = "_design/u/_update/tell"
    for method in ("POST", "PUT", "DELETE", "COPY"):
        assert db.request(method, path).text == method
    assert refusal(db.get(path)) == (405, "method_not_allowed", "Update functions do not allow GET")
    assert db.get("_design/u/_update/nosuch").status_code == 404
    assert refusal(db.put("_design/u/_update")) == (404, "update_error", "Invalid path.")
