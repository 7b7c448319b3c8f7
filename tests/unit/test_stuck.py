"""Why jobs do not get on, in words."""

from typing import Any

import pytest

from crashfarm.documents.job import Dependency, Priority, Requires
from crashfarm.queue import JobQueue
from crashfarm.times import from_text
from server import stuck
from tests import samples
from tests.fakes.couch import MemoryDatabase
from tests.queue_contract import ALPHA, LEASE, abilities, job

MACHINE = {"os_name": "Linux", "os_version": "12", "cpu_name": "x86_64", "tags": ["fast"], "allow": ["/usr/bin/*"]}


def farm(**worker: Any) -> MemoryDatabase:
    """A worker and a branch that it can run."""
    status = MemoryDatabase()
    status.put(samples.worker() | {"dynamic_metadata": MACHINE} | worker)
    build = {"command": ["/usr/bin/python3", "{input}"]}
    builds = {"release": {"Linux": build}}
    status.put(
        {"_id": "branch:cpython:3.11", "type": "branch", "product": "cpython", "branch": "3.11", "builds": builds}
    )
    return status


def reasons(status: MemoryDatabase, now: str = samples.NOW) -> list[str]:
    return [found.reason for found in stuck.find(status, from_text(now))]


def test_what_only_waits_for_its_turn_is_not_stuck() -> None:
    """A worker that could run it is at work."""
    status = farm()
    JobQueue(status).add([job(1)])
    assert reasons(status) == []


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"branch": "4.0"}, "there is no branch 4.0 of cpython"),
        ({"buildtype": "debug"}, "3.11 has no debug build for any worker's platform"),
        ({"requires": Requires(cpu_name="arm64")}, "no worker meets the requirement cpu_name = arm64"),
        ({"requires": Requires(tags=("fast", "gpu"))}, "no worker has the tag gpu"),
    ],
)
def test_what_nobody_can_run_says_what_is_missing(changes: dict[str, Any], reason: str) -> None:
    """The first requirement that nobody meets."""
    status = farm()
    JobQueue(status).add([job(1, priority=Priority.PERSON, **changes)])
    assert reasons(status) == [reason]


@pytest.mark.parametrize(
    ("worker", "reason"),
    [
        ({"state": "stopped"}, "alpha is stopped"),
        ({"control": {"desired": "pause", "reason": "new disk"}}, "alpha is to pause (new disk)"),
        ({"quarantine": {"reason": "3 failures"}}, "alpha is in quarantine (3 failures)"),
    ],
)
def test_what_only_resting_workers_could_run_names_them(worker: dict[str, Any], reason: str) -> None:
    """With why they rest."""
    status = farm(**worker)
    JobQueue(status).add([job(1)])
    assert reasons(status) == [f"all that could run it rest: {reason}"]


def test_workers_that_are_gone_without_a_word_do_not_count_as_able() -> None:
    """A machine that was switched off says for ever that it waits for work."""
    status = farm()
    JobQueue(status).add([job(1)])
    assert reasons(status, "2026-11-22T06:12:03.000Z") == []
    since = f"alpha is silent since {samples.NOW}"
    assert reasons(status, "2026-11-22T06:12:04.000Z") == [f"all that could run it rest: {since}"]


def test_a_worker_that_cannot_be_read_hides_nothing_else() -> None:
    """It is told itself, and what the others could run is told as if it were not there."""
    status = farm(state="stopped")
    status.put(samples.worker() | {"_id": "worker:broken", "slots": 1e300})
    JobQueue(status).add([job(1)])
    assert [(found.jobs, found.what, found.reason) for found in stuck.find(status, from_text(samples.NOW))] == [
        (0, "worker:broken", "cannot be read: Expected `int`, got `float` - at `$.slots`"),
        (1, "cpython 3.11 release", "all that could run it rest: alpha is stopped"),
    ]


@pytest.mark.parametrize("heartbeat", ["2026-19-39T29:69:60Z", "", "never"])
def test_times_that_are_none_stop_nobody(heartbeat: str) -> None:
    """Validation looks at the shape of a time only, and an admin's hand may write anything."""
    status = farm(heartbeat_at=heartbeat)
    queue = JobQueue(status, clock=lambda: from_text(samples.NOW))
    queue.add([job(1), job(2)])
    [held] = queue.claim(ALPHA, abilities(), 1, LEASE)
    doc = held.to_doc()
    status.put(doc | {"claim": doc["claim"] | {"lease_seconds": 1e12}})
    assert all(" is silent since " in reason for reason in reasons(status))


def test_a_program_that_no_worker_allows_is_told() -> None:
    """The owner's list decides."""
    status = farm(dynamic_metadata=MACHINE | {"allow": []})
    JobQueue(status).add([job(1)])
    assert reasons(status) == ["no worker meets all of it, has the program and is allowed to run it"]


def test_a_program_that_no_worker_has_is_told() -> None:
    """Allowed it is, but workers say what of all that they lack."""
    status = farm(dynamic_metadata=MACHINE | {"lacks": ["/usr/bin/python3"]})
    JobQueue(status).add([job(1)])
    assert reasons(status) == ["no worker meets all of it, has the program and is allowed to run it"]


@pytest.mark.parametrize("slip", [{"tags": None}, {"tags": 7}, {"allow": 7}, {"allow": [7, None]}, {"lacks": "x"}])
def test_a_slip_in_what_an_admin_says_of_a_worker_stops_nobody(slip: dict[str, Any]) -> None:
    """What is not a list of texts is none."""
    status = farm(static_metadata=slip)
    JobQueue(status).add([job(1, priority=Priority.PERSON, requires=Requires(tags=("gpu",)))])
    assert reasons(status) == ["no worker has the tag gpu"]


def test_what_depends_on_others_names_them() -> None:
    """The job and the one it waits for."""
    status = farm()
    JobQueue(status).add([job(1), job(2, depends_on=(Dependency(job=job(1).id),))])
    assert reasons(status) == [f"waits for {job(1).id}"]


def test_what_a_silent_worker_holds_is_told_after_its_lease() -> None:
    """And since when nothing was heard."""
    status = farm()
    queue = JobQueue(status, clock=lambda: from_text(samples.NOW))
    queue.add([job(1)])
    queue.claim(ALPHA, abilities(), 1, LEASE)
    assert reasons(status) == []
    assert reasons(status, "2026-11-22T06:20:00.000Z") == [f"is held by alpha, silent since {samples.NOW}"]


@pytest.mark.parametrize(("number", "told"), [(stuck.MOST, 0), (stuck.MOST + 3, 3)])
def test_what_is_not_looked_at_is_counted(number: int, told: int) -> None:
    """A list that ends without a word is taken for all there is."""
    status = farm()
    for n in range(number):
        status.put(samples.running() | {"_id": f"job:held-{n:03d}"})
        status.put(samples.pending() | {"_id": f"job:waits-{n:03d}", "wait": "delay", "delay_seconds": 5.0})
    others = [(one.jobs, one.reason) for one in stuck.find(status, from_text(samples.NOW)) if one.what == "others"]
    assert [jobs for jobs, _ in others] == [told] * 2 * bool(told)
