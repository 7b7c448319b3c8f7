"""How workers find jobs without getting into each other's way, and without asking too much."""

import random
from collections import Counter
from itertools import pairwise
from typing import Any, cast

import pytest

from crashfarm.documents.job import Job, JobResult, Priority
from crashfarm.queue import JobQueue
from crashfarm.queue.transitions import Holder
from crashfarm.queue.window import Place, Window
from crashfarm.times import from_text
from tests.fakes.couch import MemoryDatabase
from tests.queue_contract import ALPHA, LEASE, abilities, job
from tests.samples import NOW

TICK = 0.02
"""Seconds that one claim takes here."""


class Crew:
    """Workers that take turns on one queue, and a clock that moves with each."""

    def __init__(self, jobs: int, workers: int) -> None:
        self.status = MemoryDatabase()
        self.now = 0.0
        self.queues = [self.queue(number) for number in range(workers)]
        self.queues[0].add(job(number) for number in range(jobs))
        self.held: list[list[Job]] = [[] for _ in range(workers)]
        self.ran: Counter[str] = Counter()
        self.wanted = 0

    def queue(self, seed: int) -> JobQueue:
        status, clock = cast(Any, self.status), lambda: from_text(NOW)
        return JobQueue(status, clock, random.Random(seed), monotonic=lambda: self.now)

    def turn(self, worker: int, slots: int) -> None:
        """Finish what is held, and claim anew."""
        self.now += TICK
        finished = [(held, JobResult.SUCCESS, "") for held in self.held[worker]]
        holder = Holder(f"worker{worker}", f"host/boot/{worker}/1")
        settled, claimed = self.queues[worker].exchange(finished, holder, abilities(), slots, LEASE)
        self.ran.update(done.id for done in settled.done)
        self.held[worker] = claimed

    def run(self, slots: int, turns: int) -> None:
        """Every worker so often, in a random order."""
        order = list(range(len(self.queues))) * turns
        random.Random(1).shuffle(order)
        for worker in order:
            self.turn(worker, slots)


@pytest.mark.parametrize(("workers", "slots"), [(2, 4), (4, 8), (8, 4), (16, 2)])
def test_workers_that_share_a_queue_seldom_meet(workers: int, slots: int) -> None:
    """Less than one claim in twenty is somebody else's, once they know each other; no job runs twice."""
    turns = max(12, 64 // workers)
    crew = Crew(3 * turns * workers * slots, workers)
    crew.run(slots, turns)
    conflicts, bulk = Counter[str](), crew.status.bulk

    def counted(docs: Any) -> Any:
        outcomes = bulk(docs)
        conflicts.update("conflict" if outcome.error else "written" for outcome in outcomes)
        return outcomes

    crew.status.bulk = counted  # type: ignore[method-assign]
    before = sum(crew.ran.values())
    crew.run(slots, turns)
    assert conflicts["conflict"] < 0.05 * (sum(crew.ran.values()) - before)
    assert set(crew.ran.values()) == {1}


def test_what_is_read_ahead_serves_many_claims() -> None:
    """So that a job of no work costs little more than its two writes."""
    crew = Crew(800, 1)
    crew.run(8, 20)
    before = crew.status.requests
    crew.run(8, 60)
    assert crew.status.requests - before < 1.4 * 60


def test_one_worker_alone_takes_jobs_in_their_order() -> None:
    """But for a few whose turn it is to rise, which are older still."""
    crew = Crew(700, 1)
    crew.run(4, 120)
    crew.ran.clear()
    crew.run(4, 20)
    numbers = sorted(int(id[17:22]) for id in crew.ran)
    assert numbers[-1] - numbers[4] < 1.5 * len(numbers)


def test_a_queue_that_ran_dry_is_read_up_to_date_at_once() -> None:
    """What the views held a moment ago is not taken for what there is."""
    crew = Crew(64, 1)
    crew.run(8, 9)
    assert (len(crew.ran), crew.held) == (64, [[]])
    crew.queues[0].add([job(999)])
    crew.turn(0, 8)
    assert [held.id for held in crew.held[0]] == [job(999).id]


def test_an_urgent_job_is_taken_within_a_moment() -> None:
    """Though others were read ahead of it."""
    crew = Crew(600, 1)
    crew.run(4, 40)
    crew.queues[0].add([job(5000, priority=Priority.REPRODUCE)])
    for _ in range(55):
        crew.turn(0, 4)
    assert job(5000).id in crew.ran


def test_parts_of_the_front_lie_side_by_side() -> None:
    """No two workers of one order begin where another one reads, and none beyond what is there."""
    windows = [Window(random.Random(1)) for _ in range(8)]
    for rank, window in enumerate(windows):
        window.place = Place(rank, len(windows))
    for pending, limit in [(10_000, 100), (800, 100), (100, 12), (9, 1)]:
        starts = [window.start(pending, limit) for window in windows]
        assert starts == sorted(starts)
        assert all(later - earlier >= limit for earlier, later in pairwise(starts))
        assert starts[-1] + limit <= pending


def test_a_worker_that_met_nobody_asks_nobody_who_else_there_is() -> None:
    """Counting the others costs a request."""
    crew = Crew(40, 1)
    asked: list[str] = []
    view = crew.status.view

    def noted(design: str, name: str, **query: Any) -> Any:
        asked.append(name)
        return view(design, name, **query)

    crew.status.view = noted  # type: ignore[method-assign]
    assert crew.queues[0].claim(ALPHA, abilities(), 4, LEASE)
    assert set(asked) == {"pending"}


def test_one_of_several_workers_has_the_views_brought_up_to_date() -> None:
    """Each asks what is urgent, but one has the answer renewed for all, where they know each other."""
    crew = Crew(900, 4)
    asked: Counter[str] = Counter()
    view = crew.status.view

    def noted(design: str, name: str, **query: Any) -> Any:
        asked[f"{name} {query.get('update', 'true')}"] += "group_level" in query
        return view(design, name, **query)

    crew.run(2, 40)
    crew.status.view = noted  # type: ignore[method-assign,assignment]
    crew.run(2, 60)
    assert asked["pending lazy"] < asked["pending false"]
    assert asked["pending lazy"] >= 0.5 * 4 * 60 * TICK


def test_what_was_taken_a_moment_ago_is_not_read_again() -> None:
    """Where the views do not know it yet, since bringing them up to date takes a while, and many are read."""
    crew = Crew(4000, 1)
    crew.queues[0]._finder.window.readings = 1.0
    crew.run(40, 12)
    read: Counter[str] = Counter()
    all_docs, view = crew.status.all_docs, crew.status.view

    def noted(*, keys: list[str], include_docs: bool = False) -> Any:
        read.update(keys)
        return all_docs(keys=keys, include_docs=include_docs)

    def behind(design: str, name: str, **query: Any) -> Any:
        return view(design, name, **query | {"update": "false"})

    crew.status.all_docs = noted  # type: ignore[method-assign]
    crew.status.view = behind  # type: ignore[method-assign,assignment]
    crew.run(40, 24)
    assert len(read) > 700
    assert not read.keys() & {id for id in list(crew.ran)[: 11 * 40]}
