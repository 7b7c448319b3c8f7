"""The janitor: what it removes and what it keeps, alone and beside another."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from crashfarm.documents.job import Job, JobResult, JobState
from crashfarm.queue import JobQueue
from crashfarm.settings import Farm
from crashfarm.times import to_text, utc_now
from server import deploy
from server.janitor import Done, Janitor, Keep
from tests.fresh import fresh_farm
from tests.queue_contract import ALPHA, abilities, job

NOW = utc_now()
KEEP = Keep(jobs=14.0, messages=7.0)


@pytest.fixture
def farm(couch_url: str) -> Iterator[Farm]:
    with fresh_farm(couch_url) as made:
        deploy.push(made, lambda done: None)
        yield made


def aged(number: int, days: float, **changes: object) -> Job:
    """A job that was made so many days ago."""
    moment = NOW - timedelta(days=days)
    id = f"job:{moment:%Y%m%dT%H%M%S}000Z-{number:010d}"
    return job(number).evolve(id=id, created_at=to_text(moment), **changes)


def ended(number: int, made: float, days: float, state: JobState = JobState.COMPLETED) -> Job:
    """A job that was made and has ended so many days ago."""
    result = JobResult.SUCCESS if state == JobState.COMPLETED else None
    return aged(number, made, state=state, result=result, completed_at=to_text(NOW - timedelta(days=days)))


def message(days: float) -> dict[str, object]:
    """What a worker told so many days ago."""
    moment = NOW - timedelta(days=days)
    told = {"type": "message", "level": "info", "text": "x", "at": to_text(moment)}
    members = {"worker": "worker:alpha", "incarnation": "host/boot/1/1"}
    return told | members | {"_id": f"message:{moment:%Y%m%dT%H%M%S}000000Z-{int(days * 10):08x}"}


def janitor(farm: Farm) -> Janitor:
    return Janitor(farm, KEEP, lambda: NOW)


def ids(farm: Farm, prefix: str) -> set[str]:
    return {doc["_id"] for doc in farm.status.documents(prefix)}


def test_jobs_that_ended_long_ago_are_removed_and_no_others(farm: Farm) -> None:
    """Not one that still waits, however old, nor one that was made long ago and has ended since."""
    old = [ended(1, 20, 15), ended(2, 30, 20, JobState.ABORTED)]
    kept = [aged(3, 40), ended(4, 40, 13), ended(5, 13, 12)]
    farm.status.bulk([one.to_doc() for one in (*old, *kept)])
    assert janitor(farm).remove_old() == 2
    assert ids(farm, "job:") == {one.id for one in kept}
    assert janitor(farm).remove_old() == 0


def test_old_messages_are_removed_and_new_ones_kept(farm: Farm) -> None:
    """By the time in their ids."""
    written = farm.status.bulk([message(days) for days in (8.0, 7.5, 6.5, 0.0)])
    assert all(outcome.ok for outcome in written), written
    assert janitor(farm).remove_old() == 2
    assert ids(farm, "message:") == {message(6.5)["_id"], message(0.0)["_id"]}


def test_jobs_that_nobody_can_run_hide_no_ended_ones(farm: Farm, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many there are: round after round others are looked at, and then the first ones again."""
    monkeypatch.setattr("server.janitor.PAGE", 5)
    stuck = [aged(number, 90 - number) for number in range(12)]
    farm.status.bulk([one.to_doc() for one in (*stuck, ended(20, 60, 50), ended(21, 40, 30))])
    keeper = janitor(farm)
    assert sum(keeper.remove_old() for _ in range(4)) == 2
    assert ids(farm, "job:") == {one.id for one in stuck}
    first = Job.from_doc(farm.status.get(stuck[0].id) or {})
    over = first.evolve(state=JobState.ABORTED, completed_at=to_text(NOW - timedelta(days=15)))
    farm.status.put(over.to_doc())
    assert sum(keeper.remove_old() for _ in range(4)) == 1


def test_a_job_that_somebody_changes_meanwhile_is_not_removed(farm: Farm) -> None:
    """Deletions are by the revision that was looked at."""
    one = ended(1, 20, 15)
    rev = farm.status.put(one.to_doc())
    bulk = farm.status.bulk

    def late(docs: list[dict[str, object]]) -> object:
        farm.status.bulk = bulk  # type: ignore[method-assign]
        farm.status.put(one.evolve(rev=rev, reason="look at this").to_doc())
        return bulk(docs)

    farm.status.bulk = late  # type: ignore[assignment,method-assign]
    assert janitor(farm).remove_old() == 0
    assert (farm.status.get(one.id) or {})["reason"] == "look at this"


def test_of_two_janitors_one_sweeps_until_it_falls_silent(farm: Farm) -> None:
    """They take turns by a document, and by no clock that the other could see."""
    one, other = janitor(farm), janitor(farm)
    assert [one.round(0.0), other.round(0.0), one.round(1.0)] == [Done(), None, Done()]
    assert [other.round(2.0), one.round(2.0), other.round(3.0)] == [None, Done(), None]
    assert other.round(9.0) == Done()


def test_two_janitors_that_sweep_in_the_same_moment_do_no_harm(farm: Farm) -> None:
    """A job of a silent worker comes back once, and what is old is gone."""
    queue = JobQueue(farm.status)
    queue.add([job(1)])
    farm.status.put(ended(2, 20, 15).to_doc())
    assert len(queue.claim(ALPHA, abilities(), 1, 3.0)) == 1
    two = [janitor(farm), janitor(farm)]
    for each in two:
        each._turn.is_mine = lambda: True  # type: ignore[method-assign]
    rounds = [each.round(float(now)) for now in range(8) for each in two]
    assert sum(done.recovered for done in rounds if done) == 1
    assert sum(done.removed for done in rounds if done) == 1
    found = queue.get(job(1).id)
    assert found and (found.state, len(found.attempts)) == (JobState.PENDING, 1)
