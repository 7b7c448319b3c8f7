"""Hearing of work: who rings when, how eagerly, and what becomes of it when the feed is down."""

import random
from typing import Any, cast

from crashfarm.errors import DatabaseUnavailable
from worker.listening import QUICK, SLOW, Listener


class Feed:
    """A queue whose feed says what the test wants it to say."""

    def __init__(self) -> None:
        self.answers: list[tuple[str, bool] | Exception] = []
        self.asked: list[str] = []

    def listen(self, since: str) -> tuple[str, bool]:
        self.asked.append(since)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


class Armed(Listener):
    """A listener without its thread: the test calls `listen`."""

    def __init__(self, feed: Feed) -> None:
        self.rings = 0
        self.slept: list[float] = []
        super().__init__(cast(Any, feed), self._count, random.Random(1), self.slept.append)
        self._thread = cast(Any, object())
        self.arm()

    def _count(self) -> None:
        self.rings += 1


def made(*answers: tuple[str, bool] | Exception) -> tuple[Feed, Armed]:
    """An armed listener and what it listens to."""
    feed = Feed()
    feed.answers += answers
    return feed, Armed(feed)


def test_news_ring_once_until_it_is_armed_again() -> None:
    """The second job comes to somebody who is busy by then."""
    _, listener = made(("1", True), ("2", True))
    listener.listen()
    listener.listen()
    assert listener.rings == 1


def test_silence_does_not_ring_and_is_listened_to_from_where_it_ended() -> None:
    """So nothing is missed between two requests."""
    feed, listener = made(("7", False), ("9", True))
    listener.listen()
    assert listener.rings == 0
    listener.listen()
    assert (feed.asked, listener.rings) == (["now", "7"], 1)


def test_who_comes_too_late_time_and_again_goes_slowly_and_who_gets_work_is_quick() -> None:
    """So that a thousand do not go for one job in the same moment."""
    _, listener = made(*[("1", True)] * 20)
    for _ in range(20):
        listener.listen()
        listener.arm()
    assert listener.patience == SLOW
    assert max(listener.slept) > 30 * max(listener.slept[:2])
    listener.disarm()
    assert listener.patience == QUICK


def test_a_feed_that_is_down_is_tried_again_with_growing_delays() -> None:
    """And what happened meanwhile is left to asking."""
    feed, listener = made(("5", False), *[DatabaseUnavailable("away")] * 6, ("9", False), DatabaseUnavailable("away"))
    delays = [listener.listen() for _ in range(9)]
    assert delays[0] == delays[7] == 0.0
    assert delays[6] > delays[1] >= 0.5
    assert delays[8] <= 1.0
    assert feed.asked == ["now", "5", *["now"] * 6, "9"]
    assert listener.rings == 0


def test_what_is_heard_while_there_is_work_is_of_no_interest() -> None:
    """It neither rings nor is it the start of the next listening."""
    feed, listener = made(("5", True), ("6", False))
    listener.disarm()
    listener.listen()
    listener.arm()
    listener.listen()
    assert (listener.rings, feed.asked) == (0, ["now", "now"])
