"""Reading views in pages."""

from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from crashfarm.answers import Row, View
from crashfarm.errors import ConfigError, DatabaseUnavailable
from server.queries import paging
from tests import farms
from tests.fake_views import FakeDatabase


def database(*, twice: bool = False) -> FakeDatabase:
    """Seven results; each holds its finding once, or twice."""
    findings = [farms.finding()] * (2 if twice else 1)
    return FakeDatabase("history", [farms.result(0, *findings).to_doc() | {"_id": f"r{n}"} for n in range(7)])


@pytest.mark.parametrize("page", [1, 2, 3, 7, 14, 100])
@pytest.mark.parametrize("twice", [False, True])
def test_pages_of_any_size_give_each_row_once(page: int, twice: bool) -> None:
    """All rows have one key here, and each document may have two of them."""
    found = [row.id for row in paging.rows(database(twice=twice), "crash_type", "results", page=page)]
    assert found == [f"r{n}" for n in range(7) for _ in range(1 + twice)]


@pytest.mark.parametrize("page", [1, 2, 5, 100])
def test_groups_in_pages_are_the_groups_in_one(page: int) -> None:
    """A page boundary neither splits nor repeats a group."""
    db = FakeDatabase("history", farms.history_docs(farms.generate()))
    whole: Any = list(paging.groups(db, "crash_type", "results", 5))
    assert list(paging.groups(db, "crash_type", "results", 5, page=page)) == whole
    assert len(whole) > 10


def test_a_prefix_limits_rows_groups_and_totals_alike() -> None:
    """The three ways of asking agree."""
    db = FakeDatabase("history", farms.history_docs(farms.generate()))
    prefix = ["result_hang"]
    rows = list(paging.rows(db, "crash_type", "results", prefix))
    assert {row.key[0] for row in rows} == {"result_hang"}
    assert paging.total(db, "crash_type", "results", prefix) == len(rows) > 0
    assert sum(n for _, n in paging.groups(db, "crash_type", "results", 3, prefix)) == len(rows)


def test_the_total_of_nothing_is_zero() -> None:
    """CouchDB gives no row at all for it."""
    assert paging.total(FakeDatabase("history", []), "crash_type", "results") == 0


class Building:
    """A database that gives no answer in time, as long as its index is being built."""

    def __init__(self, tries: int, running: bool = True, pending: Sequence[int] = (4000,)) -> None:
        self.tries = tries
        self.pending = list(pending)
        self.running = running

    def view(self, design: str, view: str, **query: Any) -> View:
        """Times out a number of times."""
        self.tries -= 1
        if self.tries >= 0:
            raise DatabaseUnavailable("timed out")
        return View((Row(key=None, value=7),))

    def get_json(self, *path: str) -> Any:
        """What the design document's index is doing."""
        assert path == ("_design", "crash_type", "_info")
        left = self.pending.pop(0)
        return {"view_index": {"updater_running": self.running, "updates_pending": {"total": left}}}


def test_a_view_that_is_still_being_built_is_waited_for() -> None:
    """Each request may time out; the answer comes in the end."""
    assert paging.total(Building(3, pending=[3, 2, 1]), "crash_type", "results") == 7


def test_the_word_on_a_view_that_is_being_built_says_how_much_is_left(caplog: pytest.LogCaptureFixture) -> None:
    """As the database counts it."""
    paging.total(Building(1), "crash_type", "results")
    assert "4000 changes to go" in caplog.text


def test_a_long_build_is_told_step_by_step() -> None:
    """Until what is left is too little to wait for; nobody sleeps for an index that stands."""
    db, told, slept = Building(0, pending=[20_000, 15_000, 6_000, 10]), [], []
    paging.build(db, "crash_type", "results", lambda done, total: told.append((done, total)), slept.append)
    assert told == [(0, 20_000), (5_000, 20_000), (14_000, 20_000)] and len(slept) == 3


def test_a_view_that_is_missing_is_a_farm_of_another_version() -> None:
    """The error says what to do."""
    with pytest.raises(ConfigError, match="run 'crashfarm push'"):
        paging.total(FakeDatabase("history", []), "crash_type", "by_colour")


def test_a_database_that_gives_no_answer_for_another_reason_is_not_waited_for() -> None:
    """Its error is the caller's."""
    with pytest.raises(DatabaseUnavailable):
        paging.total(Building(1, running=False), "crash_type", "results")


def test_sources_are_heard_in_turn_and_none_is_lost() -> None:
    """Two at a time: who has nothing more makes room for the next one, also who never had anything."""
    sources = (iter(text) for text in ("abc", "", "de", "f"))
    assert list(paging.in_turn(sources)) == ["a", "b", "d", "c", "e", "f"]
    assert list(paging.in_turn(iter(()))) == []


def test_reading_ahead_is_bounded() -> None:
    """So many pages lie ready, however slowly they are taken; each thing comes once, in its order."""
    asked: list[int] = []

    def things() -> Iterator[int]:
        for number in range(100):
            asked.append(number)
            yield number

    taken = paging.ahead(things(), many=5, deep=3)
    assert [next(taken) for _ in range(5)] == list(range(5))
    assert len(asked) <= 25
    assert list(taken) == list(range(5, 100))
