"""The embedded store and another CouchDB answer the same queries on the same documents in the same way.

Needs COUCHDB_URL: the other CouchDB. The embedded store runs beside it.
"""

import os
import uuid

import pytest
import requests
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.couch.conftest import start_store, stop_store

pytestmark = pytest.mark.skipif("COUCHDB_URL" not in os.environ, reason="compares with the CouchDB at COUCHDB_URL")

MAP = "function (doc) { emit(doc.k, doc.n); if (doc.k2 !== undefined) { emit(doc.k2, doc.n); } }"
VIEWS = {
    "rows": {"map": MAP},
    "raw": {"map": MAP, "options": {"collation": "raw"}},
    "count": {"map": MAP, "reduce": "_count"},
    "sum": {"map": MAP, "reduce": "_sum"},
    "stats": {"map": MAP, "reduce": "_stats"},
    "distinct": {"map": MAP, "reduce": "_approx_count_distinct"},
    "js": {"map": MAP, "reduce": "function (keys, values, again) { return sum(values); }"},
}
WORDS = ["", "a", "A", "b", "B", "aa", "a b", "\u00e9", "\u00e4", "_", "-", "ss", "\u00df", "\uffff", "\u65e5", "1"]
SCALAR = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-5, 5),
    st.floats(-1e9, 1e9, width=32),
    st.sampled_from(WORDS),
    st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=3),
)
VALUE = st.recursive(
    SCALAR,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.sampled_from(["a", "b", "A"]), inner, max_size=2)
    ),
    max_leaves=4,
)
DOC = st.fixed_dictionaries({"k": VALUE, "n": st.integers(-1000, 1000)}, optional={"k2": VALUE})
DOC_ID = st.integers(0, 11).map("d{:02}".format)


@st.composite
def queries(draw, keys):
    """A view and the options of a query."""
    key = st.one_of(st.sampled_from(keys), VALUE)
    view = draw(st.sampled_from(sorted(VIEWS)))
    bounds = draw(st.sampled_from([(), ("startkey",), ("endkey",), ("startkey", "endkey"), ("key",)]))
    options = {name: draw(key) for name in bounds}
    for name in ("descending", "inclusive_end"):
        if draw(st.booleans()):
            options[name] = draw(st.booleans())
    for bound in ("startkey", "endkey"):
        if bound in options and draw(st.booleans()):
            options[f"{bound}_docid"] = draw(DOC_ID)
    if draw(st.booleans()):
        options |= {"limit": draw(st.integers(0, 5)), "skip": draw(st.integers(0, 3))}
    if "reduce" in VIEWS[view]:
        grouping = [{}, {"group": True}, {"group_level": 1}, {"group_level": 2}, {"reduce": False}]
        options |= draw(st.sampled_from(grouping))
    return view, options


@st.composite
def cases(draw):
    docs = draw(st.lists(DOC, min_size=1, max_size=12))
    return docs, draw(st.lists(queries([doc["k"] for doc in docs]), min_size=5, max_size=10))


@pytest.fixture(scope="module")
def urls(tmp_path_factory, couch_url):
    """The other CouchDB, and the embedded store."""
    process, url = start_store(tmp_path_factory.mktemp("differential") / "data")
    yield couch_url, url
    stop_store(process)


def answers(url, docs, asked):
    """What a server answers to each query; the database is gone afterwards."""
    with requests.Session() as session:
        db = f"{url}/differential-{uuid.uuid4().hex}"
        assert session.put(db, params={"q": 1}).ok
        try:
            assert session.put(f"{db}/_design/d", json={"views": VIEWS}).ok
            named = [{"_id": f"d{number:02}", **doc} for number, doc in enumerate(docs)]
            assert session.post(f"{db}/_bulk_docs", json={"docs": named}).ok
            return [essence(session.post(f"{db}/_design/d/_view/{view}", json=options)) for view, options in asked]
        finally:
            session.delete(db)


def essence(answer):
    """Status and body, without what identifies a request."""
    body = answer.json()
    body.pop("ref", None)
    return answer.status_code, body


@given(cases())
@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
def test_queries_are_answered_alike(urls, case):
    """The same rows in the same order, the same totals and offsets, the same reductions, the same refusals."""
    theirs, ours = (answers(url, *case) for url in urls)
    for (view, options), one, other in zip(case[1], theirs, ours, strict=True):
        assert one == other, (view, options)
