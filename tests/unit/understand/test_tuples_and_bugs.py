"""The rules by which tuples name bugs: without a database, whatever the documents hold."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crashfarm.documents.bug import Bug, BugState, Matcher
from crashfarm.documents.environment import Environment
from crashfarm.documents.finding import Finding, Kind
from crashfarm.documents.history import History, Sighting, history_of
from crashfarm.understand.known_bugs import KnownBugs, tuples
from tests.strategies import histories

SEEN = "2026-11-20T00:00:00.000Z"
BEFORE = "2026-11-19T00:00:00.000Z"
PLACE = Environment(product="p", branch="1", buildtype="opt", os_name="Linux", os_version="12", cpu_name="x86_64")

ids = st.sampled_from([f"bug:t:{number}" for number in range(5)])
bugs = st.builds(
    Bug,
    id=ids,
    tracker=st.just("t"),
    number=st.just("0"),
    state=st.sampled_from(BugState),
    fixed_on=st.sampled_from([(), ("1",), ("*",)]),
    closed_at=st.sampled_from(["", BEFORE, SEEN]),
    moved_to=st.just("") | ids,
)
known_bugs = st.dictionaries(ids, bugs | st.none(), max_size=5)


def history(kind: Kind = Kind.CRASH, **parts: str) -> History:
    """A tuple that was seen once."""
    told = {"title": "SIGSEGV", "message": "Segmentation fault", "detail": "f | g", "signature": "f | g"} | parts
    return history_of(Sighting(finding=Finding(kind=kind, **told), environment=PLACE, seen_at=SEEN, place="a"))


@given(one=histories(), explaining=st.lists(ids), known=known_bugs)
def test_judging_again_changes_nothing(one: History, explaining: list[str], known: dict[str, Bug | None]) -> None:
    """What a tuple names then is judged the same, in whatever order it is told."""
    judged = tuples.judge(one, explaining, known)
    assert tuples.judge(judged, tuples.named(judged), known) == judged
    assert tuples.judge(one, reversed(explaining), known) == judged


@given(one=histories(), explaining=st.lists(ids), known=known_bugs)
def test_a_tuple_names_what_became_of_its_bugs_each_in_one_list(
    one: History, explaining: list[str], known: dict[str, Bug | None]
) -> None:
    """Closed ones are closed, open ones are not, none is deleted, and what is back is closed."""
    judged = tuples.judge(one, explaining, known)
    states = {id: bug.state for id in tuples.named(judged) if (bug := known.get(id))}
    assert all(states.get(id, BugState.OPEN) is BugState.OPEN for id in judged.bugs.open)
    assert all(states[id] is BugState.CLOSED for id in judged.bugs.closed)
    assert not [id for id in tuples.named(judged) if id in known and known[id] is None]
    assert set(judged.regressed) <= set(judged.bugs.closed)


@given(known=known_bugs, id=ids)
def test_where_a_bug_has_moved_to_stays_there(known: dict[str, Bug | None], id: str) -> None:
    """Also where bugs point at each other in a circle: one of them is chosen by all."""
    last, bug = tuples.settled(id, known), known.get(id)
    assert last is None or tuples.settled(last, known) == last
    assert not (bug and bug.moved_to) or tuples.settled(bug.moved_to, known) == last


def test_all_that_lead_into_a_circle_end_at_the_same_bug() -> None:
    """Two bugs that are said to be duplicates of each other, and two that lead there."""
    moves = {"bug:t:1": "bug:t:2", "bug:t:2": "bug:t:1", "bug:t:0": "bug:t:2", "bug:t:4": "bug:t:0"}
    known = {id: Bug(id=id, tracker="t", number="0", moved_to=to) for id, to in moves.items()}
    assert {tuples.settled(id, known) for id in moves} == {"bug:t:1"}


def test_a_bug_that_nobody_knows_counts_as_open() -> None:
    """Its document may come later."""
    assert tuples.judge(history(), ["bug:t:9"], {}).bugs.open == ("bug:t:9",)


@pytest.mark.parametrize(
    ("parts", "back"),
    [
        ({}, True),
        ({"fixed_on": ("*",)}, True),
        ({"fixed_on": ("2",)}, False),
        ({"fixed_on": ()}, False),
        ({"closed_at": SEEN}, False),
        ({"closed_at": ""}, False),
        ({"state": BugState.OPEN}, False),
    ],
)
def test_a_bug_is_back_if_it_was_seen_after_it_was_closed_where_it_is_fixed(
    parts: dict[str, object], back: bool
) -> None:
    """All three of it."""
    told = {"state": BugState.CLOSED, "closed_at": BEFORE, "fixed_on": ("1", "3")} | parts
    bug = Bug(id="bug:t:1", tracker="t", number="1", **told)  # type: ignore[arg-type]
    assert tuples.is_regressed(bug, history()) is back


@pytest.mark.parametrize("kind", list(Kind))
def test_the_matcher_of_a_signature_fits_its_tuples_and_no_others(kind: Kind) -> None:
    """An assertion is told by its message, too; other kinds are not."""
    one = history(kind)
    index = KnownBugs([("b", [tuples.matcher_for(kind, one.detail, one.message)])])
    assert index.match(tuples.finding_of(one)) == ("b",)
    assert index.match(tuples.finding_of(history(kind, detail="h", signature="h"))) == ()
    other_message = index.match(tuples.finding_of(history(kind, message="Something else")))
    assert other_message == (() if kind is Kind.ASSERTION else ("b",))


def test_a_tuple_tells_as_much_as_its_finding() -> None:
    """File and excerpt come with the sighting, so that bugs are found by them later on."""
    one = history(file="layout/base/x.cpp", excerpt="at layout/base/x.cpp\nbad width 17")
    index = KnownBugs([("a", [Matcher(file="base/x.cpp")]), ("b", [Matcher(text="bad width 17")])])
    assert index.match(tuples.finding_of(one)) == ("a", "b")


def test_a_matcher_fits_anywhere_if_its_place_does_not_count() -> None:
    """Product, branch and version aside."""
    index = KnownBugs([("a", [Matcher(text="fault", product="q", branch="2", version="3")])])
    finding = tuples.finding_of(history())
    look = index.look(finding, product="p")
    assert (look.here, look.anywhere) == (frozenset(), {"a"})


def test_a_key_is_widened_from_the_right_down_to_what_happened() -> None:
    """Machine, build type, branch, product: nine parts, then eight, and three at last."""
    key = history().tuple_key
    wide = list(tuples.widened(key))
    assert [len(prefix) for prefix in wide] == [9, 8, 7, 6, 5, 4, 3]
    assert all(key[: len(prefix)] == prefix for prefix in wide)


def test_a_bug_is_to_be_compared_when_its_matchers_change_or_it_stands_for_itself_again() -> None:
    """Not when it closes, or when it becomes a duplicate: then only what names it is looked at."""
    bug = Bug(id="bug:t:1", tracker="t", number="1", matchers=(Matcher(text="a"),))
    assert tuples.is_to_compare(bug)
    compared = bug.evolve(matched=tuples.compared(bug))
    assert not tuples.is_to_compare(compared)
    assert not tuples.is_to_compare(compared.evolve(state=BugState.CLOSED))
    assert not tuples.is_to_compare(compared.evolve(moved_to="bug:t:2"))
    assert tuples.is_to_compare(compared.evolve(matchers=(Matcher(text="b"),)))
    moved = compared.evolve(moved_to="bug:t:2")
    moved = moved.evolve(matched=tuples.compared(moved))
    assert not tuples.is_to_compare(moved)
    assert tuples.is_to_compare(moved.evolve(moved_to=""))
    assert tuples.is_to_compare(moved.evolve(moved_to="bug:t:3"))
