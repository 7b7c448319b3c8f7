"""Feeds wait together: a change is judged once for all of them, and wakes those that want it."""

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import msgspec
import pytest

from server.store.database import Database, Stored, drafts, schema
from server.store.feeds import EVERYTHING, Boards, Condition, Group, Rule, Sign, Waiter
from server.store.feeds.board import RECENT
from server.store.feeds.group import VERDICTS
from server.store.feeds.rules import condition_on_ids

FAR = 1000
LONG = 60.0


@pytest.fixture
def db(tmp_path: Path) -> Iterator[Database]:
    schema.create(tmp_path / "x.sqlite", {"uuid": "u", "security": "{}"})
    opened = Database(tmp_path / "x.sqlite", "x")
    yield opened
    opened.close()


@pytest.fixture
def threads() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(2) as pool:
        yield pool


def put(db: Database, doc_id: str, body: str, rev: str | None = None) -> Stored:
    members = {"_id": doc_id, "n": body} | ({"_rev": rev} if rev else {})
    db.put_now([drafts.parse(msgspec.json.encode(members))])
    found = db.winner(doc_id)
    assert found is not None
    return found


class Counting:
    """A filter that takes documents with one `n`, and counts what it is asked."""

    def __init__(self, wanted: str, *, quick: bool, conditions: tuple[Condition, ...] = ()) -> None:
        self.wanted = wanted
        self.asked = 0
        test = (lambda doc: self._one(doc["n"])) if quick else None
        self.rule = Rule(wanted.encode(), self._many, test, conditions)

    def _one(self, given: str) -> bool:
        self.asked += 1
        return given == self.wanted

    def _many(self, docs: list[Stored]) -> list[bool]:
        return [self._one(msgspec.json.decode(each.json())["n"]) for each in docs]


def run(story: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """A story that happens in an event loop; it has to end soon."""

    async def told() -> None:
        await asyncio.wait_for(story(), LONG)

    asyncio.run(told())


async def waits(waiter: Waiter | None) -> Waiter:
    """A waiter that nothing has woken, though the board has looked at all that happened before."""
    assert waiter is not None
    assert await waiter.sign(0.05, LONG) is Sign.LIFE
    return waiter


async def judged(group: Group, seq: int) -> None:
    """Until a group is past a change."""
    while group.watch.seen < seq:
        await asyncio.sleep(0.001)


@pytest.mark.parametrize("quick", [True, False])
def test_change_is_judged_once_for_all_who_want_the_same(
    db: Database, threads: ThreadPoolExecutor, quick: bool
) -> None:
    """A hundred feeds sleep on; where they stand moves with what they did not want."""

    async def story() -> None:
        filter_ = Counting("good", quick=quick)
        group = Boards().group(db, threads, filter_.rule)
        with ExitStack() as stack:
            waiters = [stack.enter_context(group.joined(0)) for _ in range(100)]
            put(db, "a", "bad")
            await judged(group, 1)
            assert filter_.asked == 1
            await waits(waiters[0])
        assert {each.since for each in waiters if each} == {1}

    run(story)


@pytest.mark.parametrize("quick", [True, False])
def test_change_wakes_those_who_want_it_and_nobody_else(db: Database, threads: ThreadPoolExecutor, quick: bool) -> None:
    """They are to go on from before it."""

    async def story() -> None:
        boards = Boards()
        good, other = (boards.group(db, threads, Counting(name, quick=quick).rule) for name in ("good", "other"))
        with good.joined(0) as first, good.joined(0) as second, other.joined(0) as third:
            assert first and second and third
            put(db, "a", "bad")
            await judged(good, 1)
            put(db, "b", "good")
            assert [await each.sign(None, LONG) for each in (first, second)] == [Sign.NEWS] * 2
            assert (first.since, second.since) == (1, 1)
            await judged(other, 2)
            await waits(third)
        assert third.since == 2

    run(story)


def test_filter_that_cannot_let_a_change_pass_is_not_asked(db: Database, threads: ThreadPoolExecutor) -> None:
    """Feeds for a document each cost a change of another document nothing."""

    async def story() -> None:
        boards = Boards()
        filters = [Counting(f"w{n}", quick=True, conditions=(condition_on_ids([f"w{n}"]),)) for n in range(100)]
        groups = [boards.group(db, threads, each.rule) for each in filters]
        with ExitStack() as stack:
            waiters = [stack.enter_context(group.joined(0)) for group in groups]
            put(db, "w7", "w7")
            waiter = waiters[7]
            assert waiter and await waiter.sign(None, LONG) is Sign.NEWS
        assert sum(each.asked for each in filters) == filters[7].asked == 1

    run(story)


def test_everything_wakes_who_wants_everything(db: Database, threads: ThreadPoolExecutor) -> None:
    """Nothing is read for it."""

    async def story() -> None:
        group = Boards().group(db, threads)
        with group.joined(0) as waiter:
            put(db, "a", "")
            assert waiter and await waiter.sign(None, LONG) is Sign.NEWS

    run(story)


@pytest.mark.parametrize("rule", [EVERYTHING, Counting("x", quick=True).rule, Counting("x", quick=False).rule])
def test_what_happens_between_looking_and_waiting_is_not_missed(
    db: Database, threads: ThreadPoolExecutor, rule: Rule
) -> None:
    """Nobody was told of it, for nobody waited."""

    async def story() -> None:
        put(db, "a", "x")
        with Boards().group(db, threads, rule).joined(0) as waiter:
            assert waiter and await waiter.sign(None, LONG) is Sign.NEWS

    run(story)


def test_feed_that_is_behind_those_who_wait_looks_again_first(db: Database, threads: ThreadPoolExecutor) -> None:
    """What they have passed is not judged a second time for it."""

    async def story() -> None:
        group = Boards().group(db, threads, Counting("good", quick=True).rule)
        with group.joined(0):
            put(db, "a", "bad")
            await judged(group, 1)
            with group.joined(0) as late:
                assert late is None
            with group.joined(1) as present:
                await waits(present)

    run(story)


def test_feed_from_the_future_does_not_keep_others_from_waiting(db: Database, threads: ThreadPoolExecutor) -> None:
    """Its position may be another database's."""

    async def story() -> None:
        group = Boards().group(db, threads, Counting("good", quick=True).rule)
        with group.joined(FAR) as ahead, group.joined(0) as present:
            assert ahead and present
            put(db, "a", "good")
            assert await present.sign(None, LONG) is Sign.NEWS

    run(story)


def test_all_are_woken_when_the_database_goes(db: Database, threads: ThreadPoolExecutor) -> None:
    """There is nothing to wait for."""

    async def story() -> None:
        rules = (EVERYTHING, Counting("x", quick=True).rule, Counting("y", quick=False).rule)
        boards = Boards()
        with ExitStack() as stack:
            waiters = [stack.enter_context(boards.group(db, threads, rule).joined(0)) for rule in rules]
            db.close()
            assert [await each.sign(None, LONG) for each in waiters if each] == [Sign.NEWS] * 3

    run(story)


@pytest.mark.parametrize("quick", [True, False])
def test_filter_that_fails_wakes_its_feeds(db: Database, threads: ThreadPoolExecutor, quick: bool) -> None:
    """They ask it themselves, and tell their clients what is wrong."""

    def fail(_: Any) -> Any:
        raise ValueError

    async def story() -> None:
        group = Boards().group(db, threads, Rule(b"fails", fail, fail if quick else None))
        with group.joined(0) as waiter:
            put(db, "a", "")
            assert waiter and await waiter.sign(None, LONG) is Sign.NEWS

    run(story)


def test_patience_begins_anew_with_what_is_passed_over(db: Database, threads: ThreadPoolExecutor) -> None:
    """Meanwhile the feed shows now and then that it lives; left in peace it ends."""

    async def story() -> None:
        group = Boards().group(db, threads, Counting("good", quick=True).rule)
        with group.joined(0) as waiter:
            assert waiter
            signs = []
            for n in range(8):
                put(db, f"a{n}", "bad")
                signs.append(await waiter.sign(None, 0.2))
            assert signs == [Sign.LIFE] * 8
            assert await waiter.sign(None, 0.2) is Sign.OVER

    run(story)


def test_nobody_listens_to_a_database_for_whom_nobody_waits(db: Database, threads: ThreadPoolExecutor) -> None:
    """A store has many databases, and feeds come and go."""

    async def story() -> None:
        boards = Boards()
        for rule in (EVERYTHING, Counting("x", quick=True).rule):
            with boards.group(db, threads, rule).joined(0):
                assert len(db._listeners) == 1
            assert db._listeners == []

    run(story)


def test_changes_that_nobody_wants_are_passed_over_once_tested(db: Database, threads: ThreadPoolExecutor) -> None:
    """Whoever asks next hears of none, and from where to go on."""

    async def story() -> None:
        group = Boards().group(db, threads, Counting("good", quick=False).rule)
        docs = [put(db, name, "bad") for name in "abc"]
        assert group.passed_over(0, FAR) is None
        assert group(docs) == group(docs) == [False] * 3
        assert group.passed_over(0, FAR) == ([], 3, False)
        assert group.passed_over(1, 1) == ([], 2, True)
        assert group.passed_over(3, FAR) == ([], 3, False)

    run(story)


def test_wanted_change_is_never_passed_over(db: Database, threads: ThreadPoolExecutor) -> None:
    """Neither one that was tested, nor one that is new, nor a new revision of a document that was not wanted."""

    async def story() -> None:
        group = Boards().group(db, threads, Counting("good", quick=False).rule)
        assert group([put(db, "a", "bad"), put(db, "b", "good")]) == [False, True]
        assert group.passed_over(0, FAR) is None
        assert group.passed_over(2, FAR) == ([], 2, False)
        put(db, "a", "good", db.tree("a")[0].rev)
        assert group.passed_over(2, FAR) is None

    run(story)


def test_verdicts_are_bounded(db: Database, threads: ThreadPoolExecutor) -> None:
    """A feed goes on for months."""

    async def story() -> None:
        group = Boards().group(db, threads, Counting("good", quick=False).rule)
        first = put(db, "a", "bad")
        group([first])
        for start in range(0, VERDICTS, 100):
            group([first._replace(id=f"{start + n}") for n in range(100)])
        assert group.passed_over(0, FAR) is None

    run(story)


def test_group_is_one_for_equal_filters_of_a_database(db: Database, threads: ThreadPoolExecutor) -> None:
    """As long as it is one of the latest, or somebody belongs to it."""

    async def story() -> None:
        boards = Boards()
        names = [id(boards.group(db, threads, Rule(b"1", None, lambda _: True))) for _ in range(2)]
        assert names[0] == names[1]
        kept = boards.group(db, threads, Rule(b"2", None, lambda _: True))
        asked = Counting("1", quick=False)
        boards.group(db, threads, asked.rule)([put(db, "a", "bad")])
        for number in range(RECENT + 1):
            boards.group(db, threads, Rule(b"more %d" % number, None))
        assert boards.group(db, threads, Rule(b"2", None)) is kept
        boards.group(db, threads, asked.rule)([put(db, "b", "bad")])
        assert boards.group(db, threads, asked.rule).passed_over(0, FAR) is None

    run(story)
