"""Rounds of the collector: what is given to whom, once, through restarts, faults and lost databases."""

from collections.abc import Sequence

from crashfarm.errors import DatabaseUnavailable
from crashfarm.settings import Farm
from server.collector import Changed, Collector, Duty, matching
from tests.couch.collector.known import Collect, bug, bugs_of, clock, look, save, tuple_of


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
