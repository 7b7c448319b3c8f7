"""The collector on a real database: tuples get the bugs that explain them, and follow what becomes of these."""

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote, urlsplit
from uuid import uuid4

import pytest

from crashfarm import settings
from crashfarm.documents.bug import Bug, BugState, Matcher
from crashfarm.documents.environment import Environment
from crashfarm.documents.finding import Finding, Kind
from crashfarm.documents.history import BugLists, History, Sighting, history_of
from crashfarm.errors import DatabaseUnavailable
from crashfarm.settings import Farm, Settings
from server import deploy
from server.collector import Changed, Collector, Duty, matching
from server.deploy import sources

HERE = Environment(product="p", branch="1", buildtype="opt", os_name="Linux", os_version="12", cpu_name="x86_64")
SEEN = "2026-11-20T00:00:00.000Z"
LATER = "2026-11-21T00:00:00.000Z"
NOW = datetime(2026, 11, 22, tzinfo=UTC)


def clock() -> datetime:
    return NOW


@pytest.fixture
def farm(couch_url: str) -> Iterator[Farm]:
    """A farm that is set up, and empty."""
    parts = urlsplit(couch_url)
    found = Settings(
        url=f"{parts.scheme}://{parts.hostname}:{parts.port}",
        user=unquote(parts.username or ""),
        password=unquote(parts.password or ""),
        farm=f"test-collector-{uuid4().hex}",
    )
    farm = settings.connect(found)
    needed = [design for design in sources.load() if design.name in ("documents", "tuples")]
    deploy.push(farm, lambda done: None, needed)
    yield farm
    for database in (farm.status, farm.history):
        farm.connection.drop(database.name)
    farm.connection.close()


def tuple_of(detail: str = "f | g", where: Environment = HERE, seen: str = SEEN, **parts: Any) -> History:
    """The tuple that one sighting makes."""
    told: dict[str, Any] = {"kind": Kind.CRASH, "title": "SIGSEGV", "message": "Segmentation fault"}
    finding = Finding(**told | parts, detail=detail, signature=detail)
    return history_of(Sighting(finding=finding, environment=where, seen_at=seen, place="a.py"))


def on(**parts: str) -> Environment:
    """A place that differs in some parts."""
    return Environment(**{name: getattr(HERE, name) for name in HERE.__struct_fields__} | parts)


def bug(number: str = "1", *matchers: Matcher, **parts: Any) -> Bug:
    """A bug; without matchers, one for the signature of `tuple_of`."""
    return Bug(
        id=f"bug:t:{number}", tracker="t", number=number, matchers=matchers or (Matcher(signature="f | g"),), **parts
    )


def save(farm: Farm, *docs: Bug | History) -> None:
    """Write documents, as they are to be now."""
    for one in docs:
        database = farm.history if isinstance(one, History) else farm.status
        present = database.get(one.id) or {}
        database.put(one.evolve(rev=present.get("_rev")).to_doc())


def look(farm: Farm, one: History) -> History:
    """A tuple as it is stored."""
    return type(one).from_doc(farm.history.get(one.id) or {})


def bugs_of(farm: Farm, one: History) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The short names of the bugs that a tuple names: open ones, closed ones."""
    lists = look(farm, one).bugs
    return tuple(id[6:] for id in lists.open), tuple(id[6:] for id in lists.closed)


@pytest.fixture
def collect(farm: Farm) -> Callable[[], int]:
    """Rounds of one collector until nothing is left to do; how many things were done."""
    collector = Collector(farm, matching.duties(farm, clock), clock)

    def run() -> int:
        total = 0
        for _ in range(10):
            done = sum(collector.round().values())
            total += done
            if not done:
                return total
        raise AssertionError("it never comes to rest")

    return run


Collect = Callable[[], int]


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


def test_two_collectors_do_no_harm(farm: Farm) -> None:
    """They do the same, and the second finds it done."""
    save(farm, bug(), one := tuple_of())
    both = [Collector(farm, matching.duties(farm, clock), clock) for _ in range(2)]
    for collector in both * 2:
        collector.round()
    assert bugs_of(farm, one) == (("1",), ())
    assert str(look(farm, one).rev).startswith("2-")


def test_a_new_collector_goes_on_where_the_last_one_stood(farm: Farm, collect: Collect) -> None:
    """Nothing is given twice, and a bug that came meanwhile is compared with the tuples that were there before."""
    save(farm, one := tuple_of())
    collect()
    save(farm, bug())
    given: list[str] = []
    note = Duty(name="tuples", prefix="history_", do=lambda changed: given.extend(each.id for each in changed) or 0)
    Collector(farm, [note], clock).round()
    assert given == []
    Collector(farm, matching.duties(farm, clock), clock).round()
    assert bugs_of(farm, one) == (("1",), ())


def test_bugs_that_nobody_has_compared_are_compared_after_a_restart(farm: Farm, collect: Collect) -> None:
    """The cursor stood behind them already when the collector was killed."""
    save(farm, one := tuple_of())
    collect()
    save(farm, bug())
    heard = Duty(name="bugs", prefix="bug:", of_history=False, do=lambda changed: 1)
    Collector(farm, [heard], clock).round()
    Collector(farm, matching.duties(farm, clock), clock).round()
    assert bugs_of(farm, one) == (("1",), ())


def test_a_duty_that_fails_is_given_what_others_would_miss(farm: Farm) -> None:
    """One by one, past the document that it fails on; other duties go on."""
    save(farm, *(tuple_of(str(number)) for number in range(3)))
    done: list[str] = []

    def fail(changed: Sequence[Changed]) -> int:
        details = [(one.doc or {})["detail"] for one in changed]
        if "1" in details:
            raise ValueError("cannot do that")
        done.extend(details)
        return len(details)

    def count(changed: Sequence[Changed]) -> int:
        return len(changed)

    duties = [Duty(name="bad", prefix="history_", do=fail), Duty(name="good", prefix="history_", do=count)]
    assert Collector(farm, duties, clock).round() == {"bad": 2, "good": 3}
    assert sorted(done) == ["0", "2"]


def test_a_lost_database_means_later(farm: Farm) -> None:
    """The same documents are given again, and the other duties have their turn."""
    save(farm, tuple_of())
    lost = [True, False]

    def lose(changed: Sequence[Changed]) -> int:
        if lost.pop(0):
            raise DatabaseUnavailable
        return len(changed)

    duties = [Duty(name="lost", prefix="history_", do=lose), Duty(name="good", prefix="history_", do=len)]
    collector, told = Collector(farm, duties, clock), []
    assert collector.round(lambda name, fault: told.append(name)) == {"good": 1}
    assert collector.round() == {"lost": 1, "good": 0}
    assert told == ["lost"]


def test_a_duty_may_begin_with_what_comes_from_now_on(farm: Farm) -> None:
    """Not with all that a farm holds already."""
    save(farm, tuple_of())
    duty = Duty(name="new", prefix="history_", do=len, from_now=True)
    collector = Collector(farm, [duty], clock)
    assert collector.round() == {"new": 0}
    save(farm, tuple_of("h"))
    assert collector.round() == {"new": 1}


def test_an_idle_collector_writes_nothing(farm: Farm, collect: Collect) -> None:
    """Its own cursor is a change of the database that it follows."""
    save(farm, bug(), tuple_of())
    collect()
    before = farm.status.info()["update_seq"]
    collect()
    assert farm.status.info()["update_seq"] == before


def test_documents_that_somebody_has_broken_are_passed_over(farm: Farm, collect: Collect) -> None:
    """A tuple and a bug of another shape."""
    save(farm, bug(), one := tuple_of())
    broken = tuple_of("h").to_doc() | {"places": []}
    farm.history.put(broken | {"bugs": {"open": [], "closed": []}, "severity": "odd"})
    farm.status.put(bug("9").to_doc() | {"matchers": [{"text": "(unclosed", "how": "pattern"}]})
    collect()
    assert bugs_of(farm, one) == (("1",), ())
