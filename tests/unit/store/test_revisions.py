"""Revision trees: the same branches give the same tree, whatever order they come in."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.store.errors import BadRequest
from server.store.revisions import (
    Branch,
    Tree,
    branch_of,
    contains,
    decode,
    encode,
    merge,
    new_hash,
    parse_rev,
    remove,
    stem,
)

LIMIT = 1000


def branch(*revs: str, deleted: bool = False) -> Branch:
    """A branch from its revisions, newest first."""
    pos, _ = parse_rev(revs[0])
    return Branch(pos, tuple(parse_rev(rev)[1] for rev in revs), deleted)


def grown(*branches: Branch, limit: int = LIMIT) -> Tree:
    """The tree that the branches give in this order."""
    tree: Tree = ()
    for each in branches:
        tree = merge(tree, each, limit)
    return tree


@st.composite
def histories(draw: st.DrawFn) -> list[Branch]:
    """Branches that grow from each other, whole down to the root."""
    names = st.text("ab", min_size=1, max_size=2)
    lines: list[tuple[str, ...]] = [(draw(names),)]
    for _ in range(draw(st.integers(1, 7))):
        lines.append((draw(names), *draw(st.sampled_from(lines))))
    dead = draw(st.sets(st.sampled_from(lines)))
    return [Branch(len(line), line, line in dead) for line in lines]


@given(st.data())
def test_any_order_gives_the_same_tree(data: st.DataObject) -> None:
    """Winner, conflicts and histories do not depend on who came first."""
    history = data.draw(histories())
    assert grown(*history) == grown(*data.draw(st.permutations(history)))


@given(histories())
def test_leaves_are_what_nothing_grew_from(history: list[Branch]) -> None:
    """Every line that is no beginning of another is a leaf, and nothing else is."""
    lines = {each.hashes for each in history}
    ends = {line for line in lines if not any(other != line and other[-len(line) :] == line for other in lines)}
    assert {each.hashes for each in grown(*history)} == ends


@given(histories())
def test_merging_again_changes_nothing(history: list[Branch]) -> None:
    """A replicator may send what is known."""
    tree = grown(*history)
    assert grown(*tree, *history) == tree


@given(histories(), st.integers(1, 4))
def test_stemming_keeps_the_newest_revisions_of_every_leaf(history: list[Branch], limit: int) -> None:
    """The limit cuts histories, never leaves."""
    tree = grown(*history)
    cut = stem(tree, limit)
    assert [each.hashes for each in cut] == [each.hashes[:limit] for each in tree]


@given(histories())
def test_text_of_a_tree_reads_back(history: list[Branch]) -> None:
    """What is stored beside the winner is the whole tree."""
    tree = grown(*history)
    assert decode(tree[0].rev, tree[0].deleted, encode(tree)) == tree


def test_living_branch_wins_over_a_longer_deleted_one() -> None:
    """A deletion loses against any edit."""
    tree = grown(branch("3-c", "2-b", "1-a", deleted=True), branch("2-x", "1-a"))
    assert [each.rev for each in tree] == ["2-x", "3-c"]


def test_longer_branch_wins_then_the_greater_hash() -> None:
    """The same rule on every replica."""
    assert grown(branch("2-a", "1-z"), branch("1-zz"))[0].rev == "2-a"
    assert grown(branch("2-b", "1-a"), branch("2-c", "1-a"))[0].rev == "2-c"


def test_generations_are_numbers() -> None:
    """Ten is more than nine."""
    assert grown(branch("9-z"), branch("10-a"))[0].rev == "10-a"


def test_stemmed_branch_finds_its_ancestors() -> None:
    """A path that starts in the middle joins the tree that knows its beginning."""
    tree = grown(branch("2-b", "1-a"), branch("4-d", "3-c", "2-b"))
    assert [each.revs() for each in tree] == [["4-d", "3-c", "2-b", "1-a"]]


def test_longer_history_completes_a_stemmed_branch() -> None:
    """The other way round too."""
    tree = grown(branch("4-d", "3-c"), branch("3-c", "2-b", "1-a"))
    assert [each.revs() for each in tree] == [["4-d", "3-c", "2-b", "1-a"]]


def test_unrelated_roots_are_conflicts() -> None:
    """Two documents of one id made apart."""
    assert [each.rev for each in grown(branch("1-a"), branch("1-b"))] == ["1-b", "1-a"]


def test_purged_leaf_leaves_the_others() -> None:
    """Removing a leaf takes nothing else."""
    tree = grown(branch("2-b", "1-a"), branch("2-c", "1-a"))
    assert [each.rev for each in remove(tree, {"2-c"})] == ["2-b"]


def test_tree_knows_leaves_and_ancestors() -> None:
    """What a replicator asks before it sends."""
    tree = grown(branch("3-c", "2-b", "1-a"))
    assert contains(tree, 3, "c") and contains(tree, 1, "a")
    assert not contains(tree, 2, "c") and not contains(tree, 4, "d")


def test_branch_below_an_ancestor_is_cut_at_it() -> None:
    """The history of an old revision ends with its own beginning."""
    found = branch_of(grown(branch("3-c", "2-b", "1-a", deleted=True)), 2, "b")
    assert found == branch("2-b", "1-a")


@pytest.mark.parametrize("text", ["", "1", "a-b", "-1-a", "1-", "1-a b", "1-a,b", '1-"', "99999999999999999999-a"])
def test_malformed_revision_is_a_bad_request(text: str) -> None:
    """Anything but a number, a dash and a name."""
    with pytest.raises(BadRequest, match="Invalid rev format"):
        parse_rev(text)


def test_same_edit_has_the_same_hash() -> None:
    """Two replicas that make the same edit do not conflict; another parent, body or deletion is another edit."""
    assert new_hash(b',"a":1', "1-x", False) == new_hash(b',"a":1', "1-x", False)
    edits = {
        new_hash(b',"a":1', "1-x", False),
        new_hash(b',"a":1', "1-y", False),
        new_hash(b',"a":2', "1-x", False),
        new_hash(b',"a":1', "1-x", True),
        new_hash(b',"a":1', "1-x", False, ["md5-1"]),
    }
    assert len(edits) == 5
