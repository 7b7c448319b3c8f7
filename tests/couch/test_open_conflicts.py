"""Conflicts that whoever comes by settles: workers do, where no janitor runs."""

import random
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any, cast

import pytest

from crashfarm import conflicts
from crashfarm.database import Database
from crashfarm.queue import JobQueue
from crashfarm.queue.turns import Turn
from crashfarm.settings import Farm
from crashfarm.times import from_text
from server import deploy
from tests import samples
from tests.fresh import fresh_farm
from worker import holding


@pytest.fixture
def farm(couch_url: str) -> Iterator[Farm]:
    with fresh_farm(couch_url) as made:
        deploy.push(made, lambda done: None)
        yield made


def apart(database: Database, doc: dict[str, Any], other: dict[str, Any]) -> str:
    """A document that two replicas have changed while they were apart; its id."""
    for number, version in enumerate((doc, other)):
        database.bulk([version | {"_id": doc["_id"], "_rev": f"1-{number}"}], new_edits=False)
    return str(doc["_id"])


def is_open(database: Database, document_id: str) -> bool:
    return "_conflicts" in (database.get(document_id, conflicts=True) or {})


def test_a_worker_whose_turn_it_is_settles_conflicts_in_both_databases(farm: Farm) -> None:
    """Nobody else does, where no janitor runs; the rule is the janitor's."""
    turn = Turn(farm.status, "worker:alpha", lambda: from_text(samples.NOW))
    databases = (farm.status, farm.history)
    parts = cast(Any, SimpleNamespace(config=SimpleNamespace(lease=60.0), turn=turn, databases=databases))
    sweeper, rng = JobQueue(farm.status).sweeper(), random.Random(1)
    job = apart(farm.status, samples.running(), samples.completed())
    seen = apart(farm.history, samples.history() | {"places": ["a"]}, samples.history() | {"places": ["b"]})
    turn.is_mine()
    holding.sweep(parts, sweeper, rng, 0.0)
    assert not is_open(farm.status, job)
    assert not is_open(farm.history, seen)
    assert (farm.status.get(job) or {})["state"] == "completed"
    assert (farm.history.get(seen) or {})["places"] == ["a", "b"]


def test_who_may_not_settle_asks_once_and_not_for_each(farm: Farm, monkeypatch: pytest.MonkeyPatch) -> None:
    """A lent account may delete nothing: it is no use to try all that is open."""
    for number in range(3):
        job = samples.running() | {"_id": f"job:{number}"}
        apart(farm.status, job, samples.completed() | {"_id": job["_id"]})
    asked: list[str] = []

    def refuse(_: Database, document_id: str) -> bool:
        asked.append(document_id)
        return False

    with monkeypatch.context() as patch:
        patch.setattr(conflicts, "settle", refuse)
        assert conflicts.settle_open(farm.status) == 0
    assert len(asked) == 1
    assert conflicts.settle_open(farm.status) == 3
    assert conflicts.settle_open(farm.status) == 0
