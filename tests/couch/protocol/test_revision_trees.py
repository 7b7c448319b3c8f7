"""Branches of a document's history: which wins, which conflict, what is remembered."""

import itertools

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

#: A history whose branches are given newest revision first.
BRANCHES = [
    ("1-a",),
    ("2-b", "1-a"),
    ("2-c", "1-a"),
    ("3-d", "2-b", "1-a"),
    ("3-e", "2-c", "1-a"),
    ("2-x", "1-x"),
]


@pytest.mark.parametrize("order", list(itertools.permutations(BRANCHES))[::72])
def test_the_order_of_arrival_does_not_matter(db, order):
    """The longest branch wins, equal lengths are settled by the revision's text, the other leaves conflict."""
    for path in order:
        db.graft("a", *path)
    body = db.read("a", conflicts="true")
    assert body["_rev"] == "3-e"
    assert sorted(body["_conflicts"]) == ["2-x", "3-d"]


def test_a_deleted_leaf_never_wins_over_a_live_one(db):
    """However long its branch is."""
    db.graft("a", "5-z", "4-z", _deleted=True)
    db.graft("a", "1-a", n=1)
    body = db.read("a", conflicts="true", deleted_conflicts="true")
    assert (body["_rev"], body["_deleted_conflicts"]) == ("1-a", ["5-z"])
    assert "_conflicts" not in body


def test_the_longest_tombstone_wins_among_tombstones(db):
    """A document whose leaves are all deleted is deleted."""
    db.graft("a", "2-a", "1-a", _deleted=True)
    db.graft("a", "3-b", "2-b", _deleted=True)
    assert db.get("a").json() == {"error": "not_found", "reason": "deleted"}
    row = db.read("_changes", style="all_docs")["results"][0]
    assert row["deleted"] is True
    assert [change["rev"] for change in row["changes"]] == ["3-b", "2-a"]


def test_deleting_the_winner_brings_the_conflict_up(db):
    """The next best leaf is the document now."""
    db.graft("a", "1-a", n=1)
    db.graft("a", "1-b", n=2)
    assert db.read("a")["n"] == 2
    assert db.delete("a", params={"rev": "1-b"}).status_code == 200
    assert db.read("a", conflicts="true") == {"_id": "a", "_rev": "1-a", "n": 1}


def test_a_losing_leaf_can_be_extended(db):
    """An edit names the leaf it continues, whichever that is."""
    db.graft("a", "1-a")
    db.graft("a", "1-b")
    rev = db.save("a", _rev="1-a", n=1)
    body = db.read("a", conflicts="true")
    assert (body["_rev"], body["_conflicts"]) == (rev, ["1-b"])


def test_an_inner_revision_cannot_be_extended(db):
    """Only leaves take new edits."""
    db.graft("a", "2-b", "1-a")
    assert db.put("a", json={"_rev": "1-a"}).status_code == 409


def test_grafting_twice_changes_nothing(db):
    """Replication may send a revision again; the sequence does not move."""
    db.graft("a", "2-b", "1-a")
    before = db.read()["update_seq"].split("-")[0]
    db.graft("a", "2-b", "1-a")
    assert db.read()["update_seq"].split("-")[0] == before
    assert "_conflicts" not in db.read("a", conflicts="true")


def test_a_known_ancestor_adds_nothing(db):
    """A prefix of a branch is part of it."""
    db.graft("a", "3-c", "2-b", "1-a")
    db.graft("a", "2-b", "1-a")
    assert "_conflicts" not in db.read("a", conflicts="true")
    assert db.get("a", params={"rev": "2-b"}).status_code in (200, 404)


def test_branches_with_unknown_roots_join_where_they_meet(db):
    """A stemmed path finds its place by the revisions it shares."""
    db.graft("a", "2-b", "1-a")
    db.graft("a", "4-d", "3-c", "2-b")
    body = db.read("a", revs="true", conflicts="true")
    assert body["_revisions"] == {"start": 4, "ids": ["d", "c", "b", "a"]}
    assert "_conflicts" not in body


def test_new_edits_false_by_put_keeps_the_revision(db):
    """A single document arrives as a replicator sends it."""
    answer = db.put("a", params={"new_edits": "false"}, json={"_rev": "3-abc"})
    assert (answer.status_code, answer.json()["rev"]) == (201, "3-abc")
    doc = {"_rev": "2-b", "_revisions": {"start": 2, "ids": ["b", "a"]}}
    assert db.put("a", params={"new_edits": "false"}, json=doc).json()["rev"] == "2-b"
    assert db.read("a", conflicts="true")["_conflicts"] == ["2-b"]


def test_new_edits_false_needs_a_revision(db):
    """Without one nobody knows what to graft."""
    answer = db.put("a", params={"new_edits": "false"}, json={"n": 1})
    assert answer.status_code == 400
    assert answer.json()["reason"] == ("When `new_edits: false`, the document needs `_rev` or `_revisions` specified")


@pytest.mark.parametrize(
    ("revisions", "reason"),
    [
        ({}, "_revisions.start isn't an integer."),
        ({"start": "1", "ids": []}, "_revisions.start isn't an integer."),
        ({"start": 1, "ids": "a"}, "_revisions.ids isn't a array."),
        ({"start": 1, "ids": [1]}, "RevId isn't a string"),
    ],
)
def test_malformed_histories_are_named(db, revisions, reason):
    """Each rule has its sentence."""
    answer = db.put("a", params={"new_edits": "false"}, json={"_rev": "1-a", "_revisions": revisions})
    assert answer.status_code == 400
    assert answer.json() == {"error": "doc_validation", "reason": reason}


def test_latest_follows_the_branch_to_its_leaf(db):
    """`latest=true` reads what became of a revision."""
    db.graft("a", "2-b", "1-a")
    db.graft("a", "3-c", "2-b", "1-a")
    assert db.read("a", rev="2-b", latest="true")["_rev"] == "3-c"
    assert db.read("a", rev="1-a", latest="true")["_rev"] == "3-c"


def test_the_history_is_cut_at_the_limit(db):
    """Old revisions are forgotten; the document stays one without conflicts."""
    db.json("PUT", "_revs_limit", "3")
    rev = db.save("a")
    for n in range(5):
        rev = db.save("a", n=n, _rev=rev)
    body = db.read("a", revs="true", conflicts="true")
    assert body["_revisions"]["start"] == 6
    assert len(body["_revisions"]["ids"]) == 3
    assert "_conflicts" not in body


def test_an_edit_of_a_forgotten_revision_becomes_a_conflict(db):
    """Beyond the limit nobody knows that the branches are related."""
    db.json("PUT", "_revs_limit", "2")
    db.graft("a", "4-d", "3-c", "2-b", "1-a")
    db.graft("a", "2-x", "1-a")
    assert db.read("a", conflicts="true")["_conflicts"] == ["2-x"]


def test_conflicts_are_listed_best_first(db):
    """The order in which they would win."""
    for rev in ("1-b", "1-d", "1-a", "1-c"):
        db.graft("a", rev)
    assert db.read("a", conflicts="true")["_conflicts"] == ["1-c", "1-b", "1-a"]


@pytest.mark.parametrize(("path", "winner"), [("9-a", "10-a"), ("10-a", "10-b"), ("2-ff", "10-a")])
def test_generations_compare_as_numbers(db, path, winner):
    """Ten comes after nine and two; equal generations compare by text."""
    db.graft("a", path)
    db.graft("a", winner)
    assert db.read("a")["_rev"] == winner


@st.composite
def histories(draw):
    """Paths that grow from each other: each starts at the root or somewhere on an earlier one.

    A revision's text tells its descent, as a digest does: equal texts have equal ancestors.
    """
    paths = [(f"1-{draw(st.sampled_from('ab'))}",)]
    for _ in range(draw(st.integers(1, 6))):
        base = draw(st.sampled_from(paths))
        generation, descent = base[0].split("-")
        paths.append((f"{int(generation) + 1}-{descent}{draw(st.sampled_from('ab'))}", *base))
    return paths, draw(st.permutations(paths))


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(history=histories())
def test_any_order_gives_the_same_leaves(db, history):
    """However the paths arrive, leaves and winner are those of the whole tree."""
    paths, shuffled = history
    for doc_id, order in (("one", paths), ("two", shuffled)):
        for path in order:
            db.graft(doc_id, *path)
    one, two = (db.read(doc_id, conflicts="true") for doc_id in ("one", "two"))
    found = [[body["_rev"], *body.get("_conflicts", [])] for body in (one, two)]
    for doc_id, body in (("one", one), ("two", two)):
        assert db.post("_purge", json={doc_id: [body["_rev"], *body.get("_conflicts", [])]}).status_code == 201
    assert found[0] == found[1]
    inner = {revision for path in paths for revision in path[1:]}
    assert set(found[0]) == {path[0] for path in paths} - inner
