"""A worker's own document, and who else may write it."""

import os
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

import pytest

from crashfarm.documents.worker import Worker, WorkerState
from crashfarm.errors import ConfigError
from crashfarm.times import from_text, to_text, utc_now
from tests.fakes.couch import MemoryDatabase
from worker import processes, starts
from worker.machine import incarnation, this_machine
from worker.registration import NameTaken, Registration, Status, new_worker

NOW = "2026-11-22T06:10:03.123Z"
WORKING = Status(state=WorkerState.WAITING)


def entered(status: MemoryDatabase) -> tuple[Registration, Worker]:
    """A registration in the place of a former start of this worker, and that start's document."""
    former = new_worker("alpha", this_machine(), incarnation(), 1, {}, NOW)
    former = former.evolve(rev=status.put(former.to_doc()))
    mine = Registration(cast(Any, status), new_worker("alpha", this_machine(), incarnation(), 1, {}, NOW), utc_now)
    mine.enter(former)
    return mine, former


def test_a_write_of_a_former_start_that_comes_late_ends_nobody() -> None:
    """What a killed process has sent may arrive when its successor is at work."""
    status = MemoryDatabase()
    mine, former = entered(status)
    status.put(former.evolve(rev=mine.worker.rev).to_doc())
    mine.save(WORKING)
    assert status.docs["worker:alpha"]["incarnation"] == mine.worker.incarnation
    assert status.docs["worker:alpha"]["state"] == WorkerState.WAITING


def test_a_process_that_works_under_our_name_elsewhere_is_given_way_to() -> None:
    """Nobody here can say that it has ended."""
    status = MemoryDatabase()
    mine, former = entered(status)
    status.put(former.evolve(rev=mine.worker.rev, incarnation="elsewhere/boot/1/2/abc").to_doc())
    with pytest.raises(NameTaken):
        mine.save(WORKING)


def of_a_clone(start: str) -> str:
    """The same start on a machine of the same host name, or on this one before it was started anew."""
    host, _, rest = start.split("/", 2)
    return f"{host}/0badcafe-4026531836/{rest}"


def of_another_process(start: str) -> str:
    """A start on this machine of the process that started us, which lives."""
    host, kernel, *_ = start.split("/")
    return f"{host}/{kernel}/{os.getppid()}/{processes.started(os.getppid())}/abc"


def test_a_machine_of_the_same_host_name_is_not_taken_for_our_former_self() -> None:
    """Clones and containers have names in common; each took the document back from the other for ever."""
    status = MemoryDatabase()
    mine, former = entered(status)
    clone = former.evolve(rev=mine.worker.rev, incarnation=of_a_clone(former.incarnation))
    assert not mine.is_free(clone)
    status.put(clone.to_doc())
    with pytest.raises(NameTaken):
        mine.save(WORKING)


def test_a_start_before_the_machines_own_is_known_by_what_is_on_its_disk(tmp_path: Path) -> None:
    """So that a machine that was started anew goes on at once. The last few are known, the file does not grow."""
    file = tmp_path / "starts"
    for number in range(20):
        before = starts.note(file, f"start/{number}")
    assert before == {f"start/{number}" for number in range(11, 19)}
    ours = new_worker("alpha", this_machine(), incarnation(), 1, {}, NOW)
    mine = Registration(cast(Any, MemoryDatabase()), ours, utc_now, before)
    assert mine.is_free(ours.evolve(incarnation="start/18"))
    assert not mine.is_free(ours.evolve(incarnation="start/19"))


def test_starts_that_cannot_be_noted_stop_nobody(tmp_path: Path) -> None:
    """A full disk, or a file that somebody has broken."""
    (tmp_path / "starts").write_bytes(b"\xff\xfe")
    assert starts.note(tmp_path / "starts", "start/1") == frozenset()
    assert starts.note(tmp_path / "starts", "start/2") == {"start/1"}
    assert starts.note(tmp_path / "starts" / "x", "start/3") == frozenset()


def test_the_name_of_another_process_of_this_machine_is_taken() -> None:
    """Whoever starts a second worker has to choose another name."""
    mine, former = entered(MemoryDatabase())
    with pytest.raises(ConfigError, match="runs on this machine"):
        mine.is_free(former.evolve(incarnation=of_another_process(former.incarnation)))


BROKEN = {"slots": 1e300, "running": 7, "control": {"desired": "pause", "reason": "new disk"}, "note": {"mine": 1}}
"""What somebody has made of a worker's document by hand: some of it can be read, some cannot."""


def test_a_document_that_somebody_has_broken_is_mended_by_its_worker() -> None:
    """What can be read of it counts: the wish is obeyed, the note stays."""
    status = MemoryDatabase()
    mine, _ = entered(status)
    status.put(status.docs["worker:alpha"] | BROKEN)
    mine.save(WORKING)
    saved = Worker.from_doc(status.docs["worker:alpha"])
    assert (saved.control.desired, saved.slots, saved.running) == ("pause", 1, ())
    assert status.docs["worker:alpha"]["note"] == {"mine": 1}


def test_a_worker_starts_on_a_document_that_somebody_has_broken() -> None:
    """The owner of the machine can do nothing about it."""
    status = MemoryDatabase()
    former = new_worker("alpha", this_machine(), incarnation(), 1, {}, "2020-01-01T00:00:00Z").to_doc()
    status.put(former | BROKEN)
    mine = Registration(cast(Any, status), new_worker("alpha", this_machine(), incarnation(), 1, {}, NOW), utc_now)
    mine.enter(mine.former())
    saved = Worker.from_doc(status.docs["worker:alpha"])
    assert (saved.control.reason, saved.registered_at) == ("new disk", "2020-01-01T00:00:00Z")
    assert saved.incarnation == mine.worker.incarnation != former["incarnation"]


def since(*states: WorkerState) -> list[int]:
    """For each state, saved a second after the one before, at which second the document says that it began."""
    began = from_text(NOW)
    seconds = iter(range(1, 100))
    fresh = new_worker("alpha", this_machine(), incarnation(), 1, {}, NOW)
    mine = Registration(cast(Any, MemoryDatabase()), fresh, lambda: began + timedelta(seconds=next(seconds)))
    saved = [mine.save(Status(state=state)).to_doc()["state_since"] for state in states]
    return [(from_text(text) - began).seconds for text in saved]


@pytest.mark.parametrize(
    ("states", "began"),
    [
        ("waiting waiting executing executing waiting", [1, 1, 3, 3, 5]),
        ("starting paused paused", [0, 2, 2]),
        ("waiting claiming claiming waiting claiming executing", [1, 2, 2, 1, 5, 6]),
    ],
)
def test_the_document_says_since_when_the_state_is_so(states: str, began: Sequence[int]) -> None:
    """Saved again it is the same state; a claim that brings nothing does not end the wait before it."""
    assert since(*map(WorkerState, states.split())) == began


def test_a_worker_that_starts_anew_does_so_since_now() -> None:
    """Whatever its former start was doing, and since when."""
    mine, former = entered(MemoryDatabase())
    assert former.state_since == NOW
    later = new_worker("alpha", this_machine(), incarnation(), 1, {}, to_text(from_text(NOW) + timedelta(hours=1)))
    again = Registration(mine._status, later, utc_now)
    again.enter(mine.worker)
    assert again.worker.state_since == later.connected_at
