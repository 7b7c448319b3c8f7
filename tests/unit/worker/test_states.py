"""The record of a worker's states: every change, and an idle worker is silent."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from crashfarm.documents.worker import WorkerState
from worker.states import MOST, StateLog

WAITING, CLAIMING, EXECUTING = WorkerState.WAITING, WorkerState.CLAIMING, WorkerState.EXECUTING


class Told:
    """A log of states, a clock that ticks, and what was told."""

    def __init__(self) -> None:
        self.now = datetime(2026, 11, 22, tzinfo=UTC)
        self.log = StateLog(self.tick)
        self.notes: list[dict[str, Any]] = []

    def tick(self) -> datetime:
        self.now += timedelta(seconds=1)
        return self.now

    def after(self, *states: WorkerState) -> list[str]:
        """The states that are told when these were seen."""
        for state in states:
            self.log.saw(state)
        before = len(self.notes)
        self.log.tell(lambda text, **members: self.notes.append({"text": text} | members))
        return [change["state"] for note in self.notes[before:] for change in note["changes"]]


@pytest.fixture
def told() -> Told:
    return Told()


def test_each_change_is_told_once_with_its_time(told: Told) -> None:
    """What stays is no news."""
    assert told.after(WAITING, WAITING, EXECUTING) == ["waiting", "executing"]
    assert [change["at"] for change in told.notes[0]["changes"]] == [
        "2026-11-22T00:00:01.000Z",
        "2026-11-22T00:00:02.000Z",
    ]
    assert told.notes[0]["text"] == "waiting > executing"
    assert told.after(EXECUTING) == []
    assert len(told.notes) == 1


def test_a_claim_is_told_when_it_brought_something(told: Told) -> None:
    """An idle worker asks again and again, and is silent."""
    assert told.after(WAITING, CLAIMING, WAITING, CLAIMING, CLAIMING, EXECUTING) == ["waiting", "claiming", "executing"]
    assert told.after(CLAIMING, EXECUTING, CLAIMING) == []
    assert told.after(WAITING, WorkerState.RECORDING, CLAIMING, WAITING) == ["waiting", "recording", "waiting"]


def test_of_very_many_changes_the_newest_are_told(told: Told) -> None:
    """And how many are missing."""
    told.after(*[WAITING, EXECUTING] * MOST)
    [note] = told.notes
    assert (len(note["changes"]), note["left_out"]) == (MOST, MOST)
    assert note["changes"][-1]["state"] == "executing"


def test_the_last_reason_is_told(told: Told) -> None:
    """It is why the worker is as it is."""
    told.log.saw(WorkerState.PAUSED, "new disk")
    assert told.after() == ["paused"]
    assert told.notes[0]["text"] == "paused new disk"
