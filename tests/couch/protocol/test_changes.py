"""`_changes` in one answer: order, limits, styles, filters."""

import json

import pytest


def ids(body):
    """The ids of an answer's rows."""
    return [row["id"] for row in body["results"]]


def number(sequence):
    """The part of a sequence before its dash."""
    return int(str(sequence).split("-")[0])


@pytest.fixture
def edited(db):
    """a (deleted last), b, c with numbers, a design document; sequences 2 to 5."""
    rows = db.bulk([{"_id": doc_id, "n": n} for n, doc_id in enumerate("abc")])
    db.design(
        "f",
        filters={
            "odd": "function(doc,req){return doc.n % 2 === 1}",
            "equal": "function(doc,req){return doc.n == req.query.n}",
            "deleted": "function(doc,req){return !!doc._deleted}",
            "broken": "function(doc,req){return nosuch}",
        },
        views={"large": {"map": "function(doc){if(doc.n>1)emit(doc.n)}"}},
    )
    db.delete("a", params={"rev": rows[0]["rev"]})
    return db


def test_each_document_appears_once_at_its_last_change(edited):
    """In the order of the changes; a deletion says so."""
    body = edited.read("_changes")
    assert ids(body) == ["b", "c", "_design/f", "a"]
    assert [number(row["seq"]) for row in body["results"]] == [2, 3, 4, 5]
    assert body["results"][3]["deleted"] is True and "deleted" not in body["results"][0]
    assert body["results"][0]["changes"] == [{"rev": edited.read("b")["_rev"]}]
    assert (number(body["last_seq"]), body["pending"]) == (5, 0)


def test_since_goes_on_where_an_answer_ended(edited):
    """Page by page until nothing is pending."""
    found, since = [], "0"
    for pending in (3, 2, 1, 0):
        body = edited.read("_changes", since=since, limit=1)
        assert body["pending"] == pending
        found, since = found + ids(body), body["last_seq"]
    assert found == ["b", "c", "_design/f", "a"]
    assert ids(edited.read("_changes", since=since)) == []


def test_since_takes_the_sequences_of_rows(edited):
    """Each row's sequence is a position."""
    rows = edited.read("_changes")["results"]
    assert ids(edited.read("_changes", since=rows[1]["seq"])) == ["_design/f", "a"]


def test_since_takes_the_sequence_of_the_database(edited):
    """`update_seq` is where the feed ends now."""
    seq = edited.read()["update_seq"]
    edited.save("d")
    assert ids(edited.read("_changes", since=seq)) == ["d"]


def test_since_now_shows_nothing_old(edited):
    """Only the position comes back."""
    body = edited.read("_changes", since="now")
    assert (body["results"], number(body["last_seq"])) == ([], 5)


@pytest.mark.embedded_only
def test_since_takes_a_bare_number(edited):
    """The number before the dash is enough."""
    assert ids(edited.read("_changes", since="3")) == ["_design/f", "a"]


@pytest.mark.parametrize("since", ["bad", "-1", "1-"])
def test_a_senseless_position_is_a_bad_request(edited, since):
    """The reason names the parameter."""
    answer = edited.get("_changes", params={"since": since})
    assert answer.status_code == 400
    assert answer.json() == {
        "error": "bad_request",
        "reason": "Malformed sequence supplied in 'since' parameter.",
    }


def test_a_limit_of_zero_shows_only_the_position(edited):
    """Clients ask how much is pending."""
    body = edited.read("_changes", limit=0)
    assert (body["results"], body["pending"]) == ([], 4)


@pytest.mark.parametrize(
    "params", [{"include_docs": "x"}, {"descending": "x"}, {"descending": ""}, {"filter": ""}, {"conflicts": "1"}]
)
def test_what_is_not_true_is_false(edited, params):
    """The feed is lenient where views are not."""
    assert edited.read("_changes", **params)["results"] == edited.read("_changes")["results"]


def test_descending_turns_it_round(edited):
    """The newest change first."""
    assert ids(edited.read("_changes", descending="true")) == ["a", "_design/f", "c", "b"]
    assert ids(edited.read("_changes", descending="true", limit=1)) == ["a"]


def test_include_docs_brings_the_documents(edited):
    """A deleted one is a tombstone."""
    rows = edited.read("_changes", include_docs="true")["results"]
    assert rows[0]["doc"]["n"] == 1
    assert rows[3]["doc"]["_deleted"] is True


def test_attachments_come_as_stubs_or_bytes(db):
    """As in reading a document."""
    db.save("a", _attachments={"f": {"data": "eA=="}})
    row = db.read("_changes", include_docs="true")["results"][0]
    assert row["doc"]["_attachments"]["f"]["stub"] is True
    row = db.read("_changes", include_docs="true", attachments="true")["results"][0]
    assert row["doc"]["_attachments"]["f"]["data"] == "eA=="


def test_conflicts_are_listed_on_demand(db):
    """With the documents."""
    db.graft("a", "1-a")
    db.graft("a", "1-b")
    row = db.read("_changes", include_docs="true", conflicts="true")["results"][0]
    assert row["doc"]["_conflicts"] == ["1-a"]


def test_all_docs_style_lists_every_leaf(db):
    """The default shows the winner alone."""
    db.graft("a", "1-a")
    db.graft("a", "1-b")
    db.graft("a", "2-c", "1-c", _deleted=True)
    assert db.read("_changes")["results"][0]["changes"] == [{"rev": "1-b"}]
    leaves = db.read("_changes", style="all_docs")["results"][0]["changes"]
    assert [leaf["rev"] for leaf in leaves] == ["1-b", "1-a", "2-c"]


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        ({"filter": "f/odd"}, ["b"]),
        ({"filter": "f/equal", "n": "2"}, ["c"]),
        ({"filter": "f/deleted"}, ["a"]),
        ({"filter": "_design"}, ["_design/f"]),
        ({"filter": "_view", "view": "f/large"}, ["c"]),
        ({"filter": "_doc_ids", "doc_ids": '["c","a"]'}, ["c", "a"]),
    ],
)
def test_filters_choose_rows(edited, params, expected):
    """The position moves past what is left out."""
    body = edited.read("_changes", **params)
    assert ids(body) == expected
    assert number(body["last_seq"]) == 5


@pytest.mark.parametrize(
    ("selector", "expected"),
    [({"n": {"$gt": 1}}, ["c"]), ({"n": 1}, ["b"]), ({"_id": {"$regex": "^[bc]$"}}, ["b", "c"]), ({"x": 1}, [])],
)
def test_a_selector_chooses_rows(edited, selector, expected):
    """Mango in the body of a POST."""
    body = edited.post("_changes", params={"filter": "_selector"}, json={"selector": selector}).json()
    assert ids(body) == expected


def test_doc_ids_stand_in_the_body_too(edited):
    """A long list does not fit an address."""
    body = edited.post("_changes", params={"filter": "_doc_ids"}, json={"doc_ids": ["b", "zz"]}).json()
    assert ids(body) == ["b"]


def test_limits_count_what_the_filter_lets_through(edited):
    """Not what it looked at."""
    edited.save("d", n=3)
    assert ids(edited.read("_changes", filter="f/odd", limit=1)) == ["b"]
    assert ids(edited.read("_changes", filter="f/odd", limit=2)) == ["b", "d"]


@pytest.mark.parametrize(
    ("params", "status", "reason"),
    [
        ({"filter": "f/nosuch"}, 404, "missing json key: nosuch"),
        ({"filter": "nosuch/x"}, 404, "missing"),
        ({"filter": "bad"}, 400, "`filter` must be of the form `designname/filtername`"),
        ({"filter": "_view"}, 400, "`view` filter parameter is not provided."),
        ({"filter": "_view", "view": "f/no"}, 404, "missing json key: no"),
        ({"filter": "_doc_ids"}, 400, "`doc_ids` filter parameter is not a list of doc ids."),
        ({"filter": "_selector"}, 400, "Selector must be specified in POST payload"),
        (
            {"feed": "bad"},
            400,
            "Supported `feed` types: normal, continuous, live, longpoll, eventsource",
        ),
        (
            {"heartbeat": "x"},
            400,
            "Invalid heartbeat value. Expecting a positive integer value (in milliseconds).",
        ),
        ({"heartbeat": "0"}, 400, "The heartbeat value should be a positive integer (in milliseconds)."),
    ],
)
def test_senseless_options_are_named(edited, params, status, reason):
    """Each with its sentence."""
    answer = edited.get("_changes", params=params)
    assert (answer.status_code, answer.json()["reason"]) == (status, reason)


@pytest.mark.parametrize("params", [{"limit": "x"}, {"timeout": "x"}, {"style": "x"}])
def test_other_senseless_options_are_errors(edited, params):
    """A client's mistake is no answer."""
    assert edited.get("_changes", params=params).status_code in (400, 500)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ({"selector": 1}, "Selector error: expected a JSON object"),
        ({"selector": {"n": {"$bad": 1}}}, "Invalid operator: $bad"),
    ],
)
def test_senseless_selectors_are_named(edited, body, reason):
    """As in `_find`."""
    answer = edited.post("_changes", params={"filter": "_selector"}, json=body)
    assert (answer.status_code, answer.json()["reason"]) == (400, reason)


def test_a_broken_filter_is_an_error(edited):
    """Not an empty answer."""
    answer = edited.get("_changes", params={"filter": "f/broken"})
    assert answer.status_code >= 400 or "error" in answer.text


def test_the_body_of_a_post_is_an_object(edited):
    """Or empty."""
    assert edited.json("POST", "_changes", "[]").json()["reason"] == "Request body must be a JSON object"
    assert len(edited.json("POST", "_changes", "").json()["results"]) == 4


def test_seq_interval_spares_sequences(edited):
    """Rows between have null."""
    rows = edited.read("_changes", seq_interval=2)["results"]
    assert [row["seq"] is None for row in rows].count(True) == 2


def test_last_event_id_stands_for_since(edited):
    """In the query, as browsers without headers send it."""
    seq = edited.read("_changes", limit=2)["last_seq"]
    assert ids(edited.read("_changes", **{"last-event-id": seq})) == ["_design/f", "a"]


def test_put_is_not_allowed(db):
    """The header names what is."""
    answer = db.put("_changes")
    assert (answer.status_code, answer.headers["Allow"]) == (405, "GET,POST,HEAD")


def test_a_new_leaf_moves_the_document_to_the_end(db):
    """A conflict is a change too."""
    db.graft("a", "1-b")
    db.save("b")
    db.graft("a", "1-a")
    body = db.read("_changes")
    assert ids(body) == ["b", "a"]
    assert body["results"][1]["changes"] == [{"rev": "1-b"}]


def test_filter_functions_see_the_request(db):
    """Query and user."""
    source = "function(doc,req){return req.query.who === req.userCtx.name && req.method === 'GET'}"
    db.design("f", filters={"mine": source})
    body = db.read("_changes", filter="f/mine", who=db.auth[0])
    assert ids(body) == ["_design/f"]
    assert json.dumps(db.read("_changes", filter="f/mine", who="nobody")["results"]) == "[]"
