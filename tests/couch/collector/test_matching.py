"""The collector on a real database: tuples get the bugs that explain them, and follow what becomes of these."""

from collections.abc import Sequence

import pytest

from crashfarm.documents.bug import Bug, BugState, Matcher
from crashfarm.documents.finding import Finding, Kind
from crashfarm.documents.history import BugLists, Sighting, history_of
from crashfarm.settings import Farm
from tests.couch.collector.known import HERE, LATER, SEEN, Collect, bug, bugs_of, look, on, save, tuple_of


def test_a_new_tuple_gets_the_bugs_that_explain_it(farm: Farm, collect: Collect) -> None:
    """Each in the list of its state."""
    save(farm, bug("1"), bug("2", state=BugState.CLOSED, closed_at=LATER), bug("3", Matcher(text="other")))
    save(farm, one := tuple_of())
    assert collect() == 1
    assert bugs_of(farm, one) == (("1",), ("2",))


def test_a_new_bug_is_found_on_tuples_that_are_known(farm: Farm, collect: Collect) -> None:
    """The tuple came first, and does not change."""
    save(farm, one := tuple_of(), other := tuple_of("h"))
    collect()
    save(farm, bug())
    assert collect() == 1
    assert (bugs_of(farm, one), bugs_of(farm, other)) == ((("1",), ()), ((), ()))


def test_a_new_bug_is_found_by_its_text_and_by_the_signature_of_an_assertions_stack(
    farm: Farm, collect: Collect
) -> None:
    """No view tells these; a bug for something else stays where it is."""
    told = Finding(kind=Kind.ASSERTION, title="t", message="a < b", detail="x.c", signature="f | g")
    save(farm, one := history_of(Sighting(finding=told, environment=HERE, seen_at=SEEN, place="a.py")))
    save(farm, bug("1", Matcher(text="something else")))
    collect()
    save(farm, bug("2", Matcher(signature="f | g")))
    assert collect() == 1
    save(farm, bug("3", Matcher(text="a < b")), bug("4", Matcher(signature="f | g", kind="crash")))
    assert collect() == 1
    assert bugs_of(farm, one) == (("2", "3"), ())


def test_a_bug_that_closes_and_reopens_moves_between_the_lists(farm: Farm, collect: Collect) -> None:
    """On every tuple that names it, and on no other is anything written."""
    tuples = [tuple_of(where=on(branch=str(number))) for number in range(3)]
    save(farm, bug(), *tuples, other := tuple_of("h"))
    collect()
    before = look(farm, other).rev
    for state, lists in ((BugState.CLOSED, ((), ("1",))), (BugState.OPEN, (("1",), ()))):
        save(farm, bug(state=state, matched=stored(farm).matched))
        assert collect() == 3
        assert [bugs_of(farm, one) for one in tuples] == [lists] * 3
    assert look(farm, other).rev == before


def stored(farm: Farm, number: str = "1") -> Bug:
    """A bug as it is stored."""
    return Bug.from_doc(farm.status.get(f"bug:t:{number}") or {})


def test_a_duplicate_leaves_its_old_list_and_enters_the_one_of_the_other_bug(farm: Farm, collect: Collect) -> None:
    """Also on tuples that come later, which only the matchers of the duplicate fit."""
    save(farm, bug("1"), bug("2", Matcher(text="something else")), one := tuple_of())
    collect()
    save(farm, bug("1", state=BugState.CLOSED, moved_to="bug:t:2"))
    collect()
    save(farm, late := tuple_of(where=on(os_version="13")))
    collect()
    assert [bugs_of(farm, each) for each in (one, late)] == [(("2",), ())] * 2


def test_a_bug_that_stands_for_itself_again_returns(farm: Farm, collect: Collect) -> None:
    """It was no duplicate after all."""
    save(farm, bug("1"), bug("2", Matcher(text="something else")), one := tuple_of())
    collect()
    save(farm, stored(farm).evolve(moved_to="bug:t:2"))
    collect()
    assert bugs_of(farm, one) == (("2",), ())
    save(farm, bug("1", matched=stored(farm).matched))
    collect()
    assert bugs_of(farm, one) == (("1",), ())


def test_bugs_that_point_at_each_other_do_no_harm(farm: Farm, collect: Collect) -> None:
    """Two people, two opinions."""
    save(farm, bug("1", moved_to="bug:t:2"), bug("2", moved_to="bug:t:1"), one := tuple_of())
    collect()
    assert bugs_of(farm, one) == (("1",), ())


def test_a_bug_that_is_deleted_leaves_its_tuples(farm: Farm, collect: Collect) -> None:
    """Its id would lead nowhere."""
    save(farm, bug(), one := tuple_of())
    collect()
    farm.status.delete("bug:t:1", str(stored(farm).rev))
    collect()
    assert bugs_of(farm, one) == ((), ())


def test_a_bug_whose_matcher_does_not_fit_any_more_leaves(farm: Farm, collect: Collect) -> None:
    """Somebody has corrected it."""
    save(farm, bug(), one := tuple_of())
    collect()
    save(farm, bug("1", Matcher(text="something else"), matched=stored(farm).matched))
    collect()
    assert bugs_of(farm, one) == ((), ())


def test_a_bug_that_somebody_has_named_by_hand_stays(farm: Farm, collect: Collect) -> None:
    """It has no matchers, or there is no document of it yet; when there is one, its state counts."""
    by_hand = tuple_of().evolve(bugs=BugLists(open=("bug:t:7", "bug:t:8")))
    save(farm, Bug(id="bug:t:7", tracker="t", number="7"), by_hand)
    collect()
    assert bugs_of(farm, by_hand) == (("7", "8"), ())
    save(farm, Bug(id="bug:t:8", tracker="t", number="8", state=BugState.CLOSED))
    collect()
    assert bugs_of(farm, by_hand) == (("7",), ("8",))


@pytest.mark.parametrize("part", ["cpu_name", "os_version", "os_name", "buildtype", "branch", "product"])
def test_a_new_tuple_inherits_from_one_of_the_same_signature_elsewhere(farm: Farm, collect: Collect, part: str) -> None:
    """Bugs and suppression, though the bug's own matcher is for the other place."""
    seen = tuple_of().evolve(bugs=BugLists(open=("bug:t:7",)), suppressed=True)
    save(farm, Bug(id="bug:t:7", tracker="t", number="7"), seen)
    save(farm, late := tuple_of(where=on(**{part: "other"})), stranger := tuple_of("h"))
    collect()
    assert (bugs_of(farm, late), look(farm, late).suppressed) == ((("7",), ()), True)
    assert (bugs_of(farm, stranger), look(farm, stranger).suppressed) == (((), ()), False)


def test_the_nearest_tuple_is_inherited_from(farm: Farm, collect: Collect) -> None:
    """The same branch on another machine is nearer than the same machine on another branch."""
    near = tuple_of(where=on(os_name="Windows")).evolve(bugs=BugLists(open=("bug:t:1",)))
    far = tuple_of(where=on(branch="0")).evolve(bugs=BugLists(open=("bug:t:2",)))
    save(farm, near, far, late := tuple_of())
    collect()
    assert bugs_of(farm, late) == (("1",), ())


def test_the_nearest_is_found_among_more_than_are_read_together(
    farm: Farm, collect: Collect, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A signature that is seen on very many machines."""
    monkeypatch.setattr("server.collector.weighing.NEIGHBOURS", 3)
    save(farm, *(tuple_of(where=on(branch=f"0{n}")).evolve(bugs=BugLists(open=("bug:t:2",))) for n in range(5)))
    save(farm, tuple_of(where=on(os_name="Windows")).evolve(bugs=BugLists(open=("bug:t:1",))), late := tuple_of())
    collect()
    assert bugs_of(farm, late) == (("1",), ())


def test_what_is_not_suppressed_any_more_does_not_inherit_it_again(farm: Farm, collect: Collect) -> None:
    """A person has decided."""
    save(farm, tuple_of(where=on(branch="0")).evolve(suppressed=True))
    save(farm, one := tuple_of().evolve(suppressed_at=SEEN))
    collect()
    assert look(farm, one).suppressed is False


def test_a_bug_of_one_branch_does_not_explain_a_tuple_of_another_that_has_a_bug(farm: Farm, collect: Collect) -> None:
    """Product, branch and version of a matcher narrow it."""
    own = bug("1", Matcher(signature="f | g", branch="1"))
    others = bug("2", Matcher(signature="f | g", branch="2"))
    save(farm, own, others, one := tuple_of())
    collect()
    assert bugs_of(farm, one) == (("1",), ())


@pytest.mark.parametrize(
    ("fixed_on", "closed_at", "back"),
    [
        (("1",), SEEN, True),
        (("*",), SEEN, True),
        (("2",), SEEN, False),
        ((), SEEN, False),
        (("1",), LATER, False),
    ],
)
def test_a_closed_bug_that_is_seen_again_where_it_is_fixed_is_a_regression(
    farm: Farm, collect: Collect, fixed_on: Sequence[str], closed_at: str, back: bool
) -> None:
    """On that branch, and after it was closed; not when the last sighting was before."""
    save(farm, bug(state=BugState.CLOSED, closed_at=closed_at, fixed_on=tuple(fixed_on)), one := tuple_of(seen=SEEN))
    collect()
    save(farm, look(farm, one).merge(tuple_of(seen="2026-11-20T12:00:00.000Z")))
    collect()
    assert look(farm, one).regressed == (("bug:t:1",) if back else ())


def test_a_regression_ends_when_its_bug_is_open_again(farm: Farm, collect: Collect) -> None:
    """Then it is a known bug like others."""
    save(farm, bug(state=BugState.CLOSED, closed_at=SEEN, fixed_on=("1",)), one := tuple_of(seen=LATER))
    collect()
    assert look(farm, one).regressed == ("bug:t:1",)
    save(farm, bug(matched=stored(farm).matched))
    collect()
    assert (look(farm, one).regressed, bugs_of(farm, one)) == ((), (("1",), ()))


def test_the_time_of_closing_is_noted_for_whoever_closes_by_hand(farm: Farm, collect: Collect) -> None:
    """And taken away when the bug is opened again; what was seen before is no regression."""
    save(farm, bug(state=BugState.CLOSED, fixed_on=("1",)), one := tuple_of())
    collect()
    assert (stored(farm).closed_at, look(farm, one).regressed) == ("2026-11-22T00:00:00.000Z", ())
    save(farm, stored(farm).evolve(state=BugState.OPEN))
    collect()
    assert stored(farm).closed_at == ""


def test_what_a_merge_brings_back_does_not_stay(farm: Farm, collect: Collect) -> None:
    """A replica that has not heard that the bug moved, was closed and corrected meets one that has."""
    first, second = bug("1", moved_to="bug:t:3"), bug("2", Matcher(text="something else"))
    save(farm, first, second, bug("3", Matcher(text="x"), state=BugState.CLOSED), one := tuple_of())
    collect()
    assert bugs_of(farm, one) == ((), ("3",))
    old = tuple_of().evolve(bugs=BugLists(open=("bug:t:1", "bug:t:2", "bug:t:3")), regressed=("bug:t:3",))
    save(farm, look(farm, one).merge(old))
    assert look(farm, one).bugs.open
    collect()
    assert (bugs_of(farm, one), look(farm, one).regressed) == (((), ("3",)), ())


def test_a_late_sighting_leaves_the_bugs_as_they_are(farm: Farm, collect: Collect) -> None:
    """A worker's own document has empty lists; what it writes is the merged one."""
    save(farm, bug(state=BugState.CLOSED), one := tuple_of())
    collect()
    save(farm, look(farm, one).merge(tuple_of(seen=LATER)))
    assert bugs_of(farm, one) == ((), ("1",))
    assert collect() == 0
