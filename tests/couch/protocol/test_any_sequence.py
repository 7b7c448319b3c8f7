"""Whatever is done in whatever order, documents, lists, feed, views and counts tell one story."""

import json

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

ids = st.sampled_from(["a", "b", "é", "x/y", "Z", "10"])
keys = st.none() | st.booleans() | st.integers(-3, 3) | st.sampled_from(["", "a", "B", "é"]) | st.just([1, "a"])
VIEWS = {
    "by-key": {"map": "function(doc){emit(doc.k, doc._id)}"},
    "count": {"map": "function(doc){emit(doc.k)}", "reduce": "_count"},
}


def quoted(doc_id):
    """An id as part of an address."""
    return doc_id.replace("é", "%C3%A9").replace("/", "%2F")


class Story(RuleBasedStateMachine):
    """A model of a database beside the database; rules change both, invariants compare them."""

    new_db = None

    def __init__(self):
        super().__init__()
        self.db = Story.new_db()
        self.db.design("v", views=VIEWS)
        #: What must be there: id to (revision, members).
        self.there = {}
        #: Every document that ever was.
        self.known = {"_design/v"}

    def remember(self, doc_id, rev, members):
        """After a write that was acknowledged."""
        self.there[doc_id] = (rev, members)
        self.known.add(doc_id)

    @rule(doc_id=ids, key=keys)
    def put(self, doc_id, key):
        """Create or update, always from the current revision."""
        members = {"k": key}
        rev = {"_rev": self.there[doc_id][0]} if doc_id in self.there else {}
        answer = self.db.put(quoted(doc_id), json={**members, **rev})
        assert answer.status_code == 201, answer.text
        self.remember(doc_id, answer.json()["rev"], members)

    @rule(doc_id=ids, key=keys)
    def put_stale(self, doc_id, key):
        """An edit of a revision that never was is refused where there is a document."""
        if doc_id in self.there:
            assert self.db.put(quoted(doc_id), json={"k": key, "_rev": "1-00"}).status_code == 409

    @precondition(lambda self: self.there)
    @rule(data=st.data())
    def delete(self, data):
        """Leaves a tombstone."""
        doc_id = data.draw(st.sampled_from(sorted(self.there)))
        assert self.db.delete(quoted(doc_id), params={"rev": self.there.pop(doc_id)[0]}).status_code == 200

    @precondition(lambda self: self.there)
    @rule(data=st.data())
    def purge(self, data):
        """Leaves nothing."""
        doc_id = data.draw(st.sampled_from(sorted(self.there)))
        rev = self.there.pop(doc_id)[0]
        answer = self.db.post("_purge", json={doc_id: [rev]})
        assert answer.json()["purged"] == {doc_id: [rev]}
        self.known.discard(doc_id)

    @rule(docs=st.dictionaries(ids, keys, max_size=4))
    def bulk(self, docs):
        """Several at once; each row is its own outcome."""
        revs = {doc_id: {"_rev": self.there[doc_id][0]} for doc_id in docs if doc_id in self.there}
        rows = self.db.bulk([{"_id": doc_id, "k": key, **revs.get(doc_id, {})} for doc_id, key in docs.items()])
        for row in rows:
            assert row["ok"], row
            self.remember(row["id"], row["rev"], {"k": docs[row["id"]]})

    @precondition(lambda self: self.there)
    @rule(data=st.data(), content=st.binary(max_size=40))
    def attach(self, data, content):
        """An edit like any other; what is attached reads back."""
        doc_id = data.draw(st.sampled_from(sorted(self.there)))
        rev, members = self.there[doc_id]
        path = f"{quoted(doc_id)}/f"
        answer = self.db.put(path, params={"rev": rev}, data=content, headers={"Content-Type": "image/png"})
        assert answer.status_code == 201
        self.there[doc_id] = (answer.json()["rev"], members)
        assert self.db.get(path).content == content

    @rule()
    def compact(self):
        """Changes nothing that shows."""
        assert self.db.post("_compact", headers={"Content-Type": "application/json"}).status_code == 202

    @invariant()
    def lists_agree(self):
        """`_all_docs`, `_changes` and the counts name the documents that are there."""
        rows = self.db.read("_all_docs", include_docs="true")["rows"]
        found = {row["id"]: (row["value"]["rev"], row["doc"].get("k", ...)) for row in rows}
        del found["_design/v"]
        assert found == {doc_id: (rev, members["k"]) for doc_id, (rev, members) in self.there.items()}
        feed = self.db.read("_changes")["results"]
        assert {row["id"] for row in feed} == self.known
        assert {row["id"] for row in feed if not row.get("deleted")} == {*self.there, "_design/v"}
        info = self.db.read()
        assert info["doc_count"] == len(self.there) + 1
        assert info["doc_del_count"] == len(self.known) - len(self.there) - 1

    @invariant()
    def views_agree(self):
        """The index holds each document once, in one order, and counts what it holds."""
        rows = self.db.read("_design/v/_view/by-key")["rows"]
        assert sorted(row["id"] for row in rows) == sorted(self.there)
        assert all(row["key"] == self.there[row["id"]][1]["k"] for row in rows)
        down = self.db.read("_design/v/_view/by-key", descending="true")["rows"]
        assert down == rows[::-1]
        total = self.db.read("_design/v/_view/count")["rows"]
        assert sum(row["value"] for row in total) == len(rows)
        groups = self.db.read("_design/v/_view/count", group="true")["rows"]
        assert sum(row["value"] for row in groups) == len(rows)
        for group in groups:
            same = self.db.read("_design/v/_view/by-key", key=json.dumps(group["key"]))["rows"]
            assert len(same) == group["value"]


def test_any_sequence_of_writes_tells_one_story(new_db):
    """Puts, deletions, purges, bulks, attachments and compactions, each followed by every reading."""
    Story.new_db = staticmethod(new_db)
    checks = [HealthCheck.too_slow]
    Story.TestCase.settings = settings(
        max_examples=10, stateful_step_count=12, deadline=None, suppress_health_check=checks
    )
    Story.TestCase("runTest").runTest()
