"""validate_doc_update: what our types write is taken, and documents move, stay and go as they may."""

import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crashfarm.documents.base import Document
from crashfarm.documents.finding import Kind, Severity
from crashfarm.documents.history import HISTORY_TYPES
from crashfarm.documents.job import JobState
from crashfarm.documents.worker import Wish, WorkerState
from tests import samples, strategies
from tests.javascript import read_as_es5
from tests.unit.couchapp.broken import SOURCE, Json, changed, validate


def job_in(state: str) -> Json:
    made: Json = getattr(samples, state)()
    return made


def test_it_is_es5_and_one_function() -> None:
    """Every engine that CouchDB has been built with reads it."""
    assert len(read_as_es5(SOURCE).children()) == 1


@pytest.mark.parametrize("make", [*samples.STATUS, *samples.HISTORY])
def test_good_documents_are_taken(make: Any) -> None:
    """Without this the other tests would prove nothing."""
    assert validate(make()) is None
    assert validate(make(), make()) is None


@settings(max_examples=60)
@given(doc=strategies.documents, unknown=strategies.unknown_members)
def test_whatever_our_types_write_is_taken(doc: Document, unknown: Json) -> None:
    """The rules and the types are two descriptions of one thing; members nobody knows are no offence."""
    there_already = {"_rev": "2-a"}  # as by replication: a new job with depends_on would have to wait
    assert validate(doc.to_doc() | there_already | unknown) is None


@settings(max_examples=60)
@given(
    doc=st.dictionaries(strategies.text, strategies.json_values) | strategies.documents.map(Document.to_doc),
    data=st.data(),
)
def test_any_json_is_taken_or_refused_in_words(doc: Json, data: st.DataObject) -> None:
    """Nothing else is thrown: CouchDB would answer with an error of its own, which names no field."""
    for name in data.draw(st.lists(st.sampled_from(sorted(doc)), max_size=3)) if doc else []:
        # CouchDB itself sees to it that an id is a text.
        doc = doc | {name: data.draw(strategies.text if name == "_id" else strategies.json_values)}
    old = data.draw(st.none() | st.just(doc) | st.just({**doc, "state": "constructor"}))
    said = validate({**doc, "_id": str(doc.get("_id"))}, old)
    assert said is None or re.match(r"^.+: .+", said, re.DOTALL)


@pytest.mark.parametrize(
    ("make", "place"),
    [
        (samples.worker, "control"),
        (samples.pending, "input"),
        (samples.running, "claim"),
        (samples.completed, "attempts/0"),
        (samples.branch, "builds/release/Linux"),
        (samples.result, "findings/0"),
        (samples.result, "exit"),
        (samples.history, "bugs"),
        (samples.bug, "matchers/0"),
        (samples.signature, "minimal"),
    ],
)
def test_unknown_members_are_taken_on_every_level(make: Any, place: str) -> None:
    """A newer version's field, or an admin's note; only requirements are closed."""
    assert validate(changed(make, f"{place}/x_note", {"any": ["thing"]})) is None


@pytest.mark.parametrize("before", range(76, 84))
def test_long_value_is_cut_between_characters(before: int) -> None:
    """Half a character cannot be sent as UTF-8, and the refusal would be lost."""
    said = validate(samples.worker() | {"slots": "x" * before + "\N{PILE OF POO}" * 9})
    assert said is not None
    assert len(said) < 160
    assert said.encode()


LEGAL = {
    ("pending", "running"),
    ("running", "completed"),
    ("pending", "aborted"),
    ("running", "aborted"),
    ("running", "pending"),
}


@pytest.mark.parametrize("before", JobState)
@pytest.mark.parametrize("after", JobState)
def test_job_moves_only_as_its_life_allows(before: str, after: str) -> None:
    """The moves stand in the design; a job may always be rewritten in the state that it is in."""
    old, new = job_in(before) | {"_rev": "1-a"}, job_in(after) | {"_rev": "1-a"}
    said = validate(new, old)
    if (before, after) in LEGAL or before == after:
        assert said is None
    else:
        assert said is not None
        assert said.startswith(f"state: cannot go from {before} to {after}")


@pytest.mark.parametrize(
    ("before", "after", "taken"), [("pending", "completed", True), ("completed", "pending", False)]
)
def test_replicated_job_may_have_moved_several_times(before: str, after: str, taken: bool) -> None:
    """Replication brings only the last revision; but nothing leads back from an end."""
    said = validate(job_in(after) | {"_rev": "3-c"}, job_in(before) | {"_rev": "1-a"})
    assert (said is None) == taken


@pytest.mark.parametrize(("stored", "written", "taken"), [(2, 1, False), (2, 2, True), (2, 3, True)])
def test_result_of_a_lower_attempt_never_replaces_a_higher_one(stored: int, written: int, taken: bool) -> None:
    """A worker that wakes up late must not undo what its successor saw."""
    said = validate(samples.result() | {"attempt": written}, samples.result() | {"attempt": stored})
    assert said == (None if taken else "attempt: must not be lower than 2, which is stored, but is 1")


def test_lower_attempt_may_follow_a_deleted_result() -> None:
    """What was deleted does not count."""
    deleted = {"_id": samples.result()["_id"], "_deleted": True, "attempt": 9}
    assert validate(samples.result(), deleted) is None


def test_type_of_a_document_cannot_change() -> None:
    """Views and readers that know it would not notice."""
    old = samples.cursor() | {"_id": "message:1", "type": "command"}
    assert validate(samples.message(), old) == "type: cannot go from command to message"


@pytest.mark.parametrize("make", samples.STATUS)
def test_status_documents_are_refused_in_the_history_database(make: Any) -> None:
    """The databases have different lives."""
    said = validate(make(), db="farm-history")
    assert said == f"type: a {make()['type']} belongs into the status database"
    assert validate(make(), db="farm") is None


@pytest.mark.parametrize("make", samples.HISTORY)
def test_history_documents_are_refused_in_the_status_database(make: Any) -> None:
    """Unless the database's name leaves open which of the two it is, as that of a copy may."""
    said = validate(make(), db="farm")
    assert said == f"type: a {make()['type']} belongs into the history database"
    assert validate(make(), db="farm-history") is None
    assert validate(make(), db="copy-of-farm-history-2026") is None


def test_administrators_may_delete_anything() -> None:
    """Retention is theirs: of the server, or of the database."""
    for make in (*samples.STATUS, *samples.HISTORY):
        gone = {"_id": make()["_id"], "_rev": "1-a", "_deleted": True}
        assert validate(gone, make()) is None
        assert validate(gone, None) is None


def test_others_may_delete_only_what_is_read_once() -> None:
    """A worker that goes astray, or its stolen password, cannot remove what was found."""
    for make in (*samples.STATUS, *samples.HISTORY):
        gone = {"_id": make()["_id"], "_rev": "1-a", "_deleted": True}
        read_once = make in (samples.message, samples.command)
        said = validate(gone, make(), roles=("crashfarm",))
        assert said == (None if read_once else "_deleted: only an administrator may delete this")


def test_people_of_the_role_may_write_all_else() -> None:
    """Workers are no administrators."""
    for make in (*samples.STATUS, *samples.HISTORY):
        assert validate(make(), roles=("crashfarm",)) is None


def test_people_without_the_role_may_write_nothing() -> None:
    """Whom an admin lets in by name may look."""
    said = "user: may read but not write: that takes the role crashfarm"
    for make in (*samples.STATUS, *samples.HISTORY):
        gone = {"_id": make()["_id"], "_rev": "1-a", "_deleted": True}
        assert validate(make(), roles=()) == validate(gone, make(), roles=("editor",)) == said


def test_design_and_local_documents_are_left_alone() -> None:
    """They are not the farm's state."""
    assert validate({"_id": "_design/anything", "views": {}}) is None
    assert validate({"_id": "_local/checkpoint"}) is None


def test_its_words_are_those_of_the_types() -> None:
    """Kinds, states and wishes are named in two languages, and must not drift apart."""
    for kind in Kind:
        assert validate(changed(samples.result, "findings/0/kind", kind)) is None
    for severity in Severity:
        assert validate(changed(samples.result, "findings/0/severity", severity)) is None
    for state in WorkerState:
        assert validate(samples.worker() | {"state": state}) is None
    for wish in Wish:
        assert validate(changed(samples.worker, "control/desired", wish)) is None
    for history_type in HISTORY_TYPES:
        doc = samples.history() | {"type": history_type, "_id": f"{history_type}:{'0' * 32}"}
        assert validate(doc) is None
