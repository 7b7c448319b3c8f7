"""What is written of a run: once, whoever ran it and however often it is told."""

import errno
from pathlib import Path
from typing import Any, cast

import msgspec
import pytest

from crashfarm.answers import Outcome
from crashfarm.documents.finding import Finding
from crashfarm.documents.job import Job
from crashfarm.documents.result import Result
from crashfarm.errors import DatabaseUnavailable
from crashfarm.queue.ends import End
from crashfarm.queue.settling import Settlement
from tests import samples
from tests.fakes.couch import MemoryDatabase, lost_replies
from worker.delivery import BROKEN, Delivery
from worker.outbox import Outbox, Parcel
from worker.recording import Recorded, Recorder
from worker.slots import Slots


def parcel(attempt: int = 1, seen_at: str = samples.NOW, place: str = "a.py", **changes: Any) -> Parcel:
    """What one run brought."""
    finding: Finding = msgspec.structs.replace(samples.FINDING, input=place)
    result = Result.from_doc(samples.result()).evolve(attempt=attempt, completed_at=seen_at, findings=(finding,))
    return Parcel(job=samples.running(), result=result.evolve(**changes).to_doc(), output=b"log", job_result="failure")


@pytest.fixture
def history() -> MemoryDatabase:
    return MemoryDatabase("history")


def stored(history: MemoryDatabase, kind: str) -> list[dict[str, Any]]:
    return [doc for doc in history.docs.values() if doc["type"].startswith(kind)]


def test_telling_twice_changes_nothing(history: MemoryDatabase) -> None:
    """After the first time nothing is written."""
    Recorder(history).record([parcel()])
    before, writes = dict(history.docs), history.writes
    Recorder(history).record([parcel()])
    assert (history.docs, history.writes) == (before, writes)


def test_a_lost_reply_is_made_good_by_telling_again(history: MemoryDatabase) -> None:
    """Nothing is doubled."""
    history.fault = lost_replies("bulk", 1)
    with pytest.raises(DatabaseUnavailable):
        Recorder(history).record([parcel()])
    assert Recorder(history).record([parcel()]) == Recorded({}, {})
    assert (len(stored(history, "history")), len(stored(history, "result"))) == (1, 1)


def test_an_experiment_leaves_no_history(history: MemoryDatabase) -> None:
    """Only its result, with what it showed; what was known stays as it was."""
    Recorder(history).record([parcel()])
    [known] = stored(history, "history")
    other = parcel(probe=True, seen_at="2027-01-01T00:00:00.000Z")
    elsewhere = other.result | {"_id": "result:probe", "job": "job:probe", "branch": "old"}
    assert Recorder(history).record([msgspec.structs.replace(other, result=elsewhere)]) == Recorded({}, {})
    assert stored(history, "history") == [known]
    assert [len(doc["findings"]) for doc in stored(history, "result")] == [1, 1]


@pytest.mark.parametrize("order", [(1, 2), (2, 1)])
def test_the_higher_attempt_stays(history: MemoryDatabase, order: tuple[int, int]) -> None:
    """In whatever order the two arrive."""
    for attempt in order:
        Recorder(history).record([parcel(attempt=attempt)])
    [result] = stored(history, "result")
    assert result["attempt"] == 2
    assert history.attachment(result["_id"], "output.txt") == b"log"


def test_what_is_seen_again_widens_the_history(history: MemoryDatabase) -> None:
    """First and last time, and the places."""
    Recorder(history).record([parcel(seen_at="2026-11-22T06:00:00.000Z", place="b.py")])
    Recorder(history).record([parcel(seen_at="2026-11-21T06:00:00.000Z", place="a.py")])
    [known] = stored(history, "history")
    assert known["first_seen"] == "2026-11-21T06:00:00.000Z"
    assert known["last_seen"] == "2026-11-22T06:00:00.000Z"
    assert known["places"] == ["a.py", "b.py"]


def test_an_admins_note_in_the_history_stays(history: MemoryDatabase) -> None:
    """What others wrote is not ours to remove."""
    Recorder(history).record([parcel()])
    [known] = stored(history, "history")
    history.put(known | {"note": "looks like an old friend", "suppressed": True})
    Recorder(history).record([parcel(seen_at="2027-01-01T00:00:00.000Z")])
    [known] = stored(history, "history")
    assert (known["note"], known["suppressed"], known["last_seen"][:4]) == ("looks like an old friend", True, "2027")


def test_a_parcel_on_disk_is_what_was_put(tmp_path: Any) -> None:
    """And is gone when it is done."""
    outbox = Outbox(tmp_path / "outbox")
    path = outbox.put(parcel())
    assert [found for _, found in Outbox(tmp_path / "outbox").parcels()] == [parcel()]
    outbox.done(path)
    assert outbox.waiting() == []


def test_a_damaged_parcel_is_set_aside_and_blocks_no_other(tmp_path: Any) -> None:
    """It is kept for a person to look at."""
    outbox = Outbox(tmp_path)
    path = outbox.put(parcel())
    path.write_text("{")
    outbox.put(parcel(attempt=2))
    assert [found.result["attempt"] for _, found in outbox.parcels()] == [2]
    assert (tmp_path / "refused" / path.name).exists()


def test_what_is_no_parcel_blocks_none_and_is_set_aside(tmp_path: Any) -> None:
    """A folder, say, which nobody can read; on a full disk, where nothing new can be made, under another name."""
    outbox = Outbox(tmp_path)
    (tmp_path / "a.json").mkdir()
    (tmp_path / "refused").touch()
    outbox.put(parcel())
    assert [found for _, found in outbox.parcels()] == [parcel()]
    assert (tmp_path / "a.refused").is_dir()


def test_a_want_of_files_is_not_taken_for_a_broken_parcel(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """It passes, and the parcel is good."""
    outbox = Outbox(tmp_path)
    outbox.put(parcel())

    def fail(_: Path) -> bytes:
        raise OSError(errno.EMFILE, "too many open files")

    with monkeypatch.context() as patch, pytest.raises(OSError, match="too many"):
        patch.setattr(Path, "read_bytes", fail)
        list(outbox.parcels())
    assert [found for _, found in outbox.parcels()] == [parcel()]


def test_a_job_whose_parcel_is_broken_comes_back(tmp_path: Any) -> None:
    """It would be held for ever: its claim is renewed as long as it waits to be delivered."""
    slots = Slots(1, cast(Any, None), outbox := Outbox(tmp_path), cast(Any, None), lambda *_: None)
    slots._held = {held.id: held for held in (Job.from_doc(parcel().job), Job.from_doc(other().job))}
    outbox.put(parcel())
    outbox.put(other()).write_text("{")
    delivery = Delivery(outbox, Recorder(Refusing("nothing", "")), cast(Any, None), slots)
    for _ in range(2):
        delivery.record()
    assert [(back.job.id, back.end, back.reason) for back in slots.take_returned()] == [
        (other().job["_id"], End.FAILED, BROKEN)
    ]


def other() -> Parcel:
    """What a run of another job brought."""
    return msgspec.structs.replace(parcel(), job=parcel().job | {"_id": "job:other"})


def test_a_draft_of_a_killed_worker_is_no_parcel(tmp_path: Any) -> None:
    """Half a file is never delivered."""
    (tmp_path / "job_1.draft").write_text("{")
    assert list(Outbox(tmp_path).parcels()) == []
    assert list(tmp_path.iterdir()) == []


class Refusing(MemoryDatabase):
    """Fails the writing of documents of a type with an error of CouchDB's own."""

    def __init__(self, kind: str, error: str) -> None:
        super().__init__("history")
        self.kind = kind
        self.error = error

    def _write(self, doc: dict[str, Any]) -> Outcome:
        if doc["type"].startswith(self.kind):
            return Outcome(doc["_id"], error=self.error, reason="for a reason")
        return super()._write(doc)


@pytest.mark.parametrize("error", ["forbidden", "document_too_large"])
def test_a_result_that_is_refused_is_refused_for_good(error: str) -> None:
    """Its document is at fault."""
    recorded = Recorder(Refusing("result", error)).record([parcel()])
    assert recorded == Recorded(refused={samples.running()["_id"]: "for a reason"}, again={})


@pytest.mark.parametrize("error", ["internal_server_error", "timeout", "unknown_error"])
@pytest.mark.parametrize("kind", ["result", "history"])
def test_what_failed_for_the_servers_fault_is_tried_again(kind: str, error: str) -> None:
    """A result is never written before what it leads to."""
    history = Refusing(kind, error)
    recorded = Recorder(history).record([parcel()])
    assert recorded == Recorded(refused={}, again={samples.running()["_id"]: "for a reason"})
    assert stored(history, "result") == []
    history.kind = "nothing"
    assert Recorder(history).record([parcel()]) == Recorded({}, {})
    assert len(stored(history, "result")) == 1


def test_a_history_that_is_refused_keeps_no_result_back(history: MemoryDatabase) -> None:
    """The run is told all the same."""
    history = Refusing("history", "forbidden")
    assert Recorder(history).record([parcel()]) == Recorded({}, {})
    assert len(stored(history, "result")) == 1


class Held:
    """Slots and queue of a worker, as far as a delivery asks them."""

    def __init__(self) -> None:
        self.finished: list[tuple[str, str]] = []

    def newest(self, job: Job) -> Job:
        return job

    def held(self) -> list[Job]:
        return []

    def forget(self, jobs: Any) -> None:
        """Nothing is held."""

    def finish(self, ends: Any) -> Settlement:
        self.finished += [(job.id, str(result)) for job, result, _ in ends]
        return Settlement()


def test_a_delivery_that_fails_for_the_servers_fault_keeps_its_parcel(tmp_path: Any) -> None:
    """The job is not ended before its result is there; the others are not kept back."""
    history, held, outbox = Refusing("result", "timeout"), Held(), Outbox(tmp_path)
    outbox.put(parcel())
    delivery = Delivery(outbox, Recorder(history), cast(Any, held), cast(Any, held))
    with pytest.raises(DatabaseUnavailable, match=r"1 results wait; .*: for a reason"):
        delivery.deliver()
    assert (held.finished, delivery.waiting(), list((tmp_path).glob("refused/*"))) == ([], 1, [])
    history.kind = "nothing"
    assert delivery.deliver() == 1
    assert held.finished == [(samples.running()["_id"], "failure")]
    assert delivery.waiting() == 0


def test_a_delivery_that_is_refused_ends_its_job_as_an_error(tmp_path: Any) -> None:
    """And keeps the parcel for a person to look at."""
    held, outbox = Held(), Outbox(tmp_path)
    path = outbox.put(parcel())
    Delivery(outbox, Recorder(Refusing("result", "forbidden")), cast(Any, held), cast(Any, held)).deliver()
    assert held.finished == [(samples.running()["_id"], "error")]
    assert (tmp_path / "refused" / path.name).exists()
