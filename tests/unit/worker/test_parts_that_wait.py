"""Delays, duties, endings, health: the worker's parts that live by a clock, which the tests hold."""

import random
from collections.abc import Callable

import pytest

from crashfarm.errors import ConfigError, DatabaseUnavailable, InvalidDocument, LostClaim
from worker.backoff import Backoff
from worker.duties import Duty, turn
from worker.ending import FAREWELL, Ending
from worker.health import FAILURES, Health
from worker.output import Output


def test_delays_double_up_to_the_longest_and_begin_anew() -> None:
    """With a random part of up to a half."""
    backoff = Backoff(1.0, 10.0, random.Random(1))
    delays = [backoff.failed() for _ in range(6)]
    for delay, most in zip(delays, (1, 2, 4, 8, 10, 10), strict=True):
        assert most / 2 <= delay <= most
    backoff.succeeded()
    assert backoff.failed() <= 1.0


def test_a_duty_is_done_when_it_is_due() -> None:
    """And tells when it is due again."""
    done: list[str] = []
    duties = [
        Duty("quick", lambda: done.append("quick") or 1.0, random.Random(1)),
        Duty("slow", lambda: done.append("slow") or 5.0, random.Random(1)),
    ]
    assert [turn(duties, now) for now in (0.0, 1.0, 2.0)] == [1.0, 1.0, 1.0]
    assert done == ["quick", "slow", "quick", "quick"]


def test_a_duty_that_the_database_fails_is_tried_later_and_harms_no_other() -> None:
    """Hurrying does not shorten the delay."""
    tries: list[float] = []

    def fail() -> float:
        tries.append(1)
        raise DatabaseUnavailable("away")

    duty, other = Duty("fail", fail, random.Random(1)), Duty("other", lambda: 100.0, random.Random(1))
    assert 0.0 < turn([duty, other], 0.0) <= 0.5
    duty.hurry()
    turn([duty, other], 0.1)
    assert len(tries) == 1


@pytest.mark.parametrize(
    "fault", [KeyError("x"), OSError("disk"), InvalidDocument("broken by hand"), ValueError("odd")]
)
def test_a_duty_that_fails_for_whatever_reason_is_tried_later_and_told(
    fault: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    """A fault of ours, a disk's or a document's must neither end the worker nor silence the thread that delivers."""
    duty = Duty("fail", raising(fault), random.Random(1))
    assert 0.0 < turn([duty], 0.0) <= 0.5
    assert [record.getMessage().partition(":")[0] for record in caplog.records] == ["fail"]


def test_no_duty_is_begun_when_it_is_over() -> None:
    """Each may wait half a minute for a database that hangs."""
    done: list[str] = []
    duties = [Duty(name, lambda name=name: done.append(name) or 1.0, random.Random(1)) for name in ("one", "other")]
    turn(duties, 0.0, lambda: bool(done))
    assert done == ["one"]


def test_a_duty_that_failed_is_not_done_sooner_for_its_news() -> None:
    """Its delay grows, and holds."""
    duty = Duty("fail", raising(DatabaseUnavailable("away")), random.Random(1))
    for _ in range(6):
        turn([duty], duty.due)
    due = duty.due
    duty.by(due - 5.0)
    assert duty.due == due
    well = Duty("well", lambda: 60.0, random.Random(1))
    turn([well], 0.0)
    well.by(1.0)
    well.by(30.0)
    assert well.due == 1.0


def test_who_is_asked_twice_has_the_time_of_a_farewell_from_then_on() -> None:
    """And not that for draining besides; asked a third time, no more than that."""
    now = [0.0]
    ending = Ending(30.0, lambda: now[0])
    ending.ask()
    now[0] = 5.0
    ending.ask()
    now[0] = 10.0
    ending.ask()
    now[0] = 5.0 + FAREWELL - 0.1
    assert not ending.is_over(anything_left=True)
    now[0] = 5.0 + FAREWELL
    assert ending.is_over(anything_left=True)


def test_what_failed_is_tried_at_once_when_another_duty_gets_through_again() -> None:
    """The database is back: nobody has to wait for the end of a long delay, which begins anew only for who succeeds."""
    away = [True]

    def ask() -> float:
        if away[0]:
            raise DatabaseUnavailable("away")
        return 1000.0

    duties = [Duty(name, ask, random.Random(number)) for number, name in enumerate(("one", "other"))]
    now = 0.0
    while min(duty.due for duty in duties) < 100.0:
        now += turn(duties, now)
    now, away[0] = min(duty.due for duty in duties), False
    assert max(duty.due for duty in duties) > now
    assert turn(duties, now) == 0.0
    assert turn(duties, now) == 1000.0


@pytest.mark.parametrize("fault", [LostClaim("the name"), ConfigError("no such")])
def test_a_duty_that_says_that_the_worker_has_to_end_is_heard(fault: Exception) -> None:
    """To try again would be of no use."""
    with pytest.raises(type(fault)):
        turn([Duty("fail", raising(fault), random.Random(1))], 0.0)


def raising(fault: Exception) -> Callable[[], float]:
    """An action that fails."""

    def fail() -> float:
        raise fault

    return fail


@pytest.mark.parametrize(
    ("asked", "after", "stops"), [(1, 0.0, False), (2, 0.0, True), (1, 30.0, True), (0, 99.0, False)]
)
def test_what_runs_is_stopped_when_asked_twice_or_when_the_time_is_over(asked: int, after: float, stops: bool) -> None:
    """Asked once, it may finish."""
    now = [0.0]
    ending = Ending(30.0, lambda: now[0])
    for _ in range(asked):
        ending.ask()
    now[0] = after
    assert ending.stop_now == stops


def test_a_worker_ends_when_nothing_is_left_or_the_farm_does_not_answer() -> None:
    """What waits on disk is told another time."""
    now = [0.0]
    ending = Ending(30.0, lambda: now[0])
    assert not ending.is_over(anything_left=False)
    ending.ask()
    assert not ending.is_over(anything_left=True)
    assert ending.is_over(anything_left=False)
    now[0] = 30.0 + FAREWELL
    assert ending.is_over(anything_left=True)


def test_failure_upon_failure_brings_longer_and_longer_rests() -> None:
    """After a rest one more failure is enough; a job that goes well makes all good."""
    health = Health(60.0)
    for _ in range(FAILURES):
        assert health.is_unfit(0.0) == ""
        health.failed("no disk")
    assert "no disk" in health.is_unfit(0.0)
    assert health.rests(59.0)
    assert not health.rests(60.0)
    health.failed("no disk")
    assert "no disk" in health.is_unfit(60.0)
    assert health.rests(60.0 + 119.0)
    health.went_well()
    health.failed("no disk")
    assert health.is_unfit(500.0) == ""


@pytest.mark.parametrize("chunk", [1, 3, 1000])
def test_of_a_long_output_head_and_tail_are_kept(chunk: int) -> None:
    """In whatever pieces it comes."""
    output, data = Output(4, 5), bytes(range(65, 91))
    for at in range(0, len(data), chunk):
        output.feed(data[at : at + chunk])
    assert output.text() == b"ABCD\n[... 17 bytes left out ...]\nVWXYZ"
    assert output.total == 26


def test_a_short_output_is_kept_whole() -> None:
    """Nothing is said to be left out."""
    output = Output(4, 5)
    output.feed(b"ABCDEFGHI")
    assert output.text() == b"ABCDEFGHI"
