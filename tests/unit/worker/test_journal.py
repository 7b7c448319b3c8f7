"""News of a worker: bounded, in batches, and never lost by a failure."""

import logging
from datetime import UTC, datetime
from typing import Any, cast

import pytest

from crashfarm.errors import DatabaseUnavailable
from tests.fakes.couch import MemoryDatabase, unavailable
from worker.journal import BATCH, LONGEST, ROOM, Journal

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


@pytest.fixture
def status() -> MemoryDatabase:
    return MemoryDatabase("status")


def journal(status: MemoryDatabase) -> Journal:
    return Journal(cast(Any, status), "worker:barn", "barn/1/2/3", lambda: NOON)


def test_news_is_told_in_batches(status: MemoryDatabase) -> None:
    """One write each, and the number says when there is no more."""
    news = journal(status)
    for number in range(BATCH + 20):
        news.note(f"news {number}", event="state")
    assert [news.tell(), news.tell(), news.tell()] == [BATCH, 20, 0]
    assert len(status.docs) == BATCH + 20
    [doc, *_] = status.docs.values()
    assert (doc["worker"], doc["level"], doc["at"]) == ("worker:barn", "info", "2026-11-22T12:00:00.000Z")


def test_a_failure_loses_nothing(status: MemoryDatabase) -> None:
    """It is told another time, and once."""
    news = journal(status)
    news.note("fire")
    status.fault = unavailable
    with pytest.raises(DatabaseUnavailable):
        news.tell()
    status.fault = lambda request, moment: None
    assert [news.tell(), news.tell()] == [1, 0]
    assert [doc["text"] for doc in status.docs.values()] == ["fire"]


def test_a_flood_is_cut_and_counted(status: MemoryDatabase) -> None:
    """The newest stay; one message says how many are missing."""
    news = journal(status)
    for number in range(ROOM + 30):
        news.note(f"news {number}")
    while news.tell():
        pass
    texts = {doc["text"] for doc in status.docs.values()}
    assert len(texts) == ROOM
    assert "30 messages were dropped: there were too many" in texts
    assert f"news {ROOM + 29}" in texts
    assert "news 0" not in texts


def test_of_the_log_warnings_and_worse_are_told(status: MemoryDatabase) -> None:
    """At their length's bound."""
    news = journal(status)
    log = logging.Logger("one of the test's own")
    log.addHandler(news)
    log.info("all is well")
    log.warning("smoke %s", "x" * LONGEST)
    log.error("fire")
    news.tell()
    told = {doc["level"]: doc["text"] for doc in status.docs.values()}
    assert set(told) == {"warning", "error"}
    assert len(told["warning"]) == LONGEST
