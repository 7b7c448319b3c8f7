"""What the dashboard makes of a document is what the command line makes of it, member by member."""

from datetime import UTC, datetime
from typing import Any, cast

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crashfarm.database import Database
from crashfarm.documents.bug import Bug
from crashfarm.documents.history import BugLists, History
from crashfarm.documents.job import Job, JobState, Priority
from crashfarm.documents.worker import Wish, Worker
from crashfarm.errors import InputError
from crashfarm.queue import orders
from crashfarm.times import to_text
from crashfarm.understand.known_bugs.tuples import judge, matcher_for
from server import workers
from server.bugs.showing import full_id
from tests import samples, strategies
from tests.fakes.couch import MemoryDatabase
from tests.javascript import ROOT, ImpossibleAct, dashboard, validation

Json = dict[str, Any]

NOW = datetime(2026, 11, 22, 6, 10, 3, 123000, tzinfo=UTC)
STAMP = to_text(NOW)

act = dashboard("acts/workers", "acts/jobs", "acts/histories", "acts/bugs", "acts/conflict")
validate = validation((ROOT / "couchapp/documents/validate_doc_update.js").read_text())


def stored(document: Worker | Job) -> tuple[MemoryDatabase, Json]:
    """A database with that document alone, and the document as somebody reads it there."""
    database = MemoryDatabase()
    database.put(document.evolve(rev=None).to_doc())
    return database, cast(Json, database.get(document.id))


def after(database: MemoryDatabase, document_id: str) -> Json:
    """The document as it stands now, but for its revision."""
    return without_revision(cast(Json, database.get(document_id)))


def without_revision(doc: Json) -> Json:
    return {name: numbered(value) for name, value in doc.items() if name != "_rev"}


def numbered(value: Any) -> Any:
    """The value with all numbers as JavaScript knows them."""
    if isinstance(value, dict):
        return {name: numbered(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [numbered(inner) for inner in value]
    return float(value) if isinstance(value, int) and not isinstance(value, bool) else value


def as_database(database: MemoryDatabase) -> Database:
    return cast(Database, database)


@given(worker=strategies.workers(), desired=st.sampled_from(Wish), reason=strategies.text, by=strategies.text)
def test_a_wish_is_written_as_the_command_line_writes_it(worker: Worker, desired: Wish, reason: str, by: str) -> None:
    """A wish to run ends a quarantine; what others keep in the document stays."""
    database, doc = stored(worker)
    wished = act("acts/workers.wish", doc, desired, reason, by)
    workers.wish(as_database(database), worker.id.partition(":")[2], desired, reason, by)
    assert without_revision(wished) == after(database, worker.id)
    assert wished["_rev"] == doc["_rev"]


@given(worker=strategies.workers(), reason=strategies.text, by=strategies.text)
def test_a_quarantine_is_written_as_the_command_line_writes_it(worker: Worker, reason: str, by: str) -> None:
    """Apart from a wish."""
    database, doc = stored(worker.evolve(quarantine=None))
    workers.quarantine(as_database(database), worker.id.partition(":")[2], reason, by, STAMP)
    assert without_revision(act("acts/workers.quarantine", doc, reason, by, STAMP)) == after(database, worker.id)


@given(job=strategies.jobs(), reason=strategies.text)
def test_a_job_is_cancelled_as_the_command_line_does(job: Job, reason: str) -> None:
    """The claim becomes an attempt; one that has ended is refused with the same words."""
    database, doc = stored(job)
    try:
        orders.cancel(as_database(database), job.id, STAMP, reason)
    except InputError as refusal:
        with pytest.raises(ImpossibleAct) as caught:
            act("acts/jobs.cancel", doc, STAMP, reason)
        assert str(caught.value) == str(refusal)
        return
    assert without_revision(act("acts/jobs.cancel", doc, STAMP, reason)) == after(database, job.id)


@given(job=strategies.jobs(), priority=st.sampled_from(Priority))
def test_a_job_is_given_a_priority_as_the_command_line_does(job: Job, priority: Priority) -> None:
    """Only a pending one."""
    database, doc = stored(job)
    try:
        orders.prioritise(as_database(database), job.id, priority)
    except InputError as refusal:
        with pytest.raises(ImpossibleAct) as caught:
            act("acts/jobs.prioritise", doc, priority)
        assert str(caught.value) == str(refusal)
        return
    assert without_revision(act("acts/jobs.prioritise", doc, priority)) == after(database, job.id)


@given(job=strategies.jobs())
def test_a_job_is_tried_again_as_the_command_line_does(job: Job) -> None:
    """A new job with what the first one was to do, and nothing of what became of it."""
    database, doc = stored(job)
    try:
        again = orders.retry(as_database(database), job.id, NOW)
    except InputError as refusal:
        with pytest.raises(ImpossibleAct) as caught:
            act("acts/jobs.retry", doc, STAMP, "job:x")
        assert str(caught.value) == str(refusal)
        return
    made = act("acts/jobs.retry", doc, STAMP, again.id)
    # What this version has no field for inside an input is kept here: it is still the same input.
    wanted = after(database, again.id)
    assert without_revision(made) == wanted | {"input": numbered(made["input"])}
    assert made["input"].items() >= wanted["input"].items()


@given(job=strategies.jobs().filter(lambda job: job.state in (JobState.PENDING, JobState.RUNNING)))
def test_what_is_offered_for_a_job_is_possible(job: Job) -> None:
    """And the validation in the database takes it."""
    doc = job.to_doc()
    for name in act("acts/jobs.offered", job.state):
        made = act(f"acts/jobs.{name}", doc, *({"cancel": (STAMP, "why"), "prioritise": (1,)}[name]))
        assert made["state"] == ("aborted" if name == "cancel" else "pending")


def test_every_act_passes_the_validation() -> None:
    """In its order of arguments, for one good document of each kind."""
    role = ("crashfarm",)
    worker, history = samples.worker(), samples.history()
    for wish in Wish:
        assert validate(act("acts/workers.wish", worker, wish, "why", "alice"), worker, roles=role) is None
    assert validate(act("acts/workers.quarantine", worker, "why", "alice", STAMP), worker, roles=role) is None
    for make in (samples.pending, samples.running):
        assert validate(act("acts/jobs.cancel", make(), STAMP, "why"), make(), roles=role) is None
    assert validate(act("acts/jobs.retry", samples.completed(), STAMP, "job:new"), roles=role) is None
    assert validate(act("acts/histories.suppress", history, True, STAMP), history, roles=role) is None
    bug = act("acts/bugs.newBug", {"tracker": "bugzilla", "number": "12"})
    with_matcher = act("acts/bugs.addMatcher", bug, {"kind": "crash", "signature": "a | b"})
    assert validate(bug, roles=role) is None and validate(with_matcher, bug, roles=role) is None
    assert validate(act("acts/histories.nameBug", history, bug), history, roles=role) is None


def test_ids_of_new_jobs_sort_by_their_time() -> None:
    """The form of those that the command line makes."""
    assert act("acts/jobs.newJobId", STAMP, [127, 58, 156, 33, 212]) == "job:20261122T061003123Z-7f3a9c21d4"


@given(history=strategies.histories(), suppressed=st.booleans())
def test_a_decision_to_suppress_is_newer_than_what_it_replaces(history: History, suppressed: bool) -> None:
    """So that a merge with what another site wrote keeps it; what is decided already is not decided anew."""
    history = history.evolve(suppressed=not suppressed)
    decided = History.from_doc.__func__(
        type(history), act("acts/histories.suppress", history.to_doc(), suppressed, STAMP)
    )
    assert act("acts/histories.suppress", decided.to_doc(), suppressed, "2027") == decided.to_doc()
    older = history.evolve(suppressed_at="2020-01-01T00:00:00.000Z")
    assert decided.merge(older).suppressed == older.merge(decided).suppressed == suppressed


@given(history=strategies.histories(), state=st.sampled_from(["open", "closed"]))
def test_a_bug_is_in_one_list_of_a_tuple(history: History, state: str) -> None:
    """Sorted, once, in the list of its state."""
    bug = {"_id": "bug:x:1", "state": state}
    once = act("acts/histories.nameBug", history.to_doc(), bug)
    assert act("acts/histories.nameBug", once, bug) == once
    other = "open" if state == "closed" else "closed"
    assert "bug:x:1" in once["bugs"][state] and "bug:x:1" not in once["bugs"][other]
    assert once["bugs"][state] == sorted({*history.to_doc()["bugs"][state], "bug:x:1"})


@given(history=strategies.histories(), bug=strategies.bugs())
def test_a_bug_is_named_as_the_command_line_names_it(history: History, bug: Bug) -> None:
    """On a tuple that has no other one: open, closed, or back though fixed."""
    history = history.evolve(bugs=BugLists(), regressed=())
    for one in (bug.evolve(moved_to=""), bug.evolve(moved_to="", fixed_on=("*",), closed_at="2000")):
        wanted = judge(history, [one.id], {one.id: one}).to_doc()
        made = act("acts/histories.nameBug", history.to_doc(), one.to_doc())
        assert (made["bugs"], made["regressed"]) == (wanted["bugs"], wanted["regressed"])


def test_a_matcher_is_added_once() -> None:
    """Attaching a bug twice is attaching it."""
    matcher = {"kind": "crash", "signature": "a | b"}
    once = act("acts/bugs.addMatcher", {"matchers": []}, matcher)
    assert act("acts/bugs.addMatcher", once, dict(reversed(matcher.items()))) == once == {"matchers": [matcher]}


@pytest.mark.parametrize("kind", ["assertion", "crash"])
def test_a_signature_is_matched_as_the_command_line_matches_it(kind: str) -> None:
    """Or what one of them attaches, the other could not take off."""
    wanted = msgspec.to_builtins(matcher_for(kind, "a | b", "boom"))
    assert act("acts/bugs.matcherFor", {"kind": kind, "detail": "a | b", "message": "boom"}) == wanted


@pytest.mark.parametrize("text", ["bugzilla:12", "bugzilla 12", " bugzilla: 12 ", "bug:bugzilla:12"])
def test_a_bug_is_read_as_people_write_it(text: str) -> None:
    """Its tracker and its number."""
    assert act("acts/bugs.readBug", text) == {"tracker": "bugzilla", "number": "12"}


@pytest.mark.parametrize("text", ["bugzilla.mozilla.org:1", "python/cpython:12", "Tracker:a:b", "bug:x_y/z-1.2:#7"])
def test_a_bug_of_any_tracker_is_the_one_that_the_command_line_means(text: str) -> None:
    """Hosts and repositories are trackers' names, to the letter."""
    assert act("acts/bugs.bugId", act("acts/bugs.readBug", text)) == full_id(text)


@pytest.mark.parametrize("text", ["", "12", "bugzilla", "bugzilla:", ":12", "https://bugs.example.org/12", "a b c"])
def test_what_is_no_bug_is_refused(text: str) -> None:
    """It would become a document that nobody finds again."""
    with pytest.raises(ImpossibleAct, match="is no bug: write its tracker and its number"):
        act("acts/bugs.readBug", text)


@given(before=strategies.text, theirs=strategies.text)
def test_two_who_change_different_members_do_not_clash(before: Any, theirs: Any) -> None:
    """And two who change the same one do, unless nothing was changed."""
    doc, changed = {"a": before, "b": 1}, {"a": theirs, "b": 1}
    assert not act("acts/conflict.clash", doc, changed, {"a": before, "b": 2})
    assert act("acts/conflict.clash", doc, changed, {"a": ["mine"], "b": 1}) == (
        before != theirs and before != ["mine"]
    )


def test_a_conflict_is_told_member_by_member() -> None:
    """What it was, what they wrote, what you want; what clashes first, and the revision not at all."""
    before = {"_rev": "1-a", "state": "waiting", "control": {"desired": "run", "reason": ""}, "gone": 1}
    theirs = {"_rev": "2-b", "state": "paused", "control": {"desired": "pause", "reason": "disk"}}
    ours = before | {"control": {"desired": "drain", "reason": ""}}
    rows = act("acts/conflict.compare", before, theirs, ours)
    assert [row["path"] for row in rows] == ["control.desired", "control.reason", "gone", "state"]
    assert rows[0] == {"path": "control.desired", "was": "run", "theirs": "pause", "yours": "drain", "clashes": True}
    assert [row["clashes"] for row in rows] == [True, False, False, False]
