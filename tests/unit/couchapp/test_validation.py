"""validate_doc_update: every rule with a document that breaks just it, and all that our types write is taken."""

import copy
import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crashfarm.documents.base import Document
from crashfarm.documents.finding import Kind, Severity
from crashfarm.documents.history import HISTORY_TYPES, MAX_PLACES
from crashfarm.documents.job import JobState
from crashfarm.documents.worker import Wish, WorkerState
from tests import samples, strategies
from tests.javascript import ROOT, read_as_es5, validation

Json = dict[str, Any]

SOURCE = (ROOT / "couchapp/documents/validate_doc_update.js").read_text()
validate = validation(SOURCE)

GONE = object()


def changed(make: Any, path: str, value: Any) -> Json:
    """A sample with the member at that path set, or taken away; list members by their number."""
    doc: Json = copy.deepcopy(make())
    *way, last = (int(part) if part.isdigit() else part for part in path.split("/"))
    place: Any = doc
    for part in way:
        place = place[part]
    if value is GONE:
        del place[last]
    else:
        place[last] = value
    return doc


# What is changed on which good document, and how the refusal begins.
BROKEN: list[tuple[Any, str, Any, str]] = [
    (samples.worker, "type", GONE, "type: is missing; known are branch, bug, command, cursor, history_assertion, "),
    (samples.worker, "type", "wroker", 'type: is not known: "wroker"; known are branch, bug, '),
    (samples.worker, "type", 7, "type: is not known: 7"),
    (samples.worker, "type", "constructor", "type: is not known"),
    (samples.worker, "type", "__proto__", "type: is not known"),
    # worker
    (samples.worker, "_id", "alpha", '_id: must be "worker:<name>", but is "alpha"'),
    (samples.worker, "_id", "worker:", "_id: must be"),
    (samples.worker, "hostname", GONE, "hostname: is missing"),
    (samples.worker, "os_name", "", 'os_name: must be a text that is not empty, but is ""'),
    (samples.worker, "os_version", 12, "os_version: must be a text that is not empty, but is 12"),
    (samples.worker, "cpu_name", None, "cpu_name: must be a text that is not empty, but is null"),
    (samples.worker, "incarnation", GONE, "incarnation: is missing"),
    (samples.worker, "version", 1, "version: must be a text"),
    (samples.worker, "state", "asleep", "state: must be one of starting, waiting, "),
    (samples.worker, "heartbeat_at", "yesterday", "heartbeat_at: must be a time in UTC"),
    (samples.worker, "registered_at", "2026-11-22T06:10:03+01:00", "registered_at: must be a time in UTC"),
    (samples.worker, "connected_at", 1700000000, "connected_at: must be a time in UTC"),
    (samples.worker, "disconnected_at", "", "disconnected_at: must be a time in UTC"),
    (samples.worker, "slots", -1, "slots: must be a whole number from 0 on, but is -1"),
    (samples.worker, "running", "job:1", "running: must be a list"),
    (samples.worker, "state_reason", 1, "state_reason: must be a text"),
    (samples.worker, "state_since", "now", "state_since: must be a time in UTC, or empty"),
    (samples.worker, "static_metadata", [], "static_metadata: must be an object"),
    (samples.worker, "dynamic_metadata", None, "dynamic_metadata: must be an object"),
    (samples.worker, "dynamic_metadata_updated_at", "now", "dynamic_metadata_updated_at: must be a time"),
    (samples.worker, "control", "pause", "control: must be an object"),
    (
        samples.worker,
        "control/desired",
        "dance",
        "control.desired: must be one of run, pause, drain, stop, restart, upd",
    ),
    (samples.worker, "control/reason", 5, "control.reason: must be a text"),
    (samples.worker, "control/by", None, "control.by: must be a text"),
    (samples.worker, "quarantine", {"by": "alice"}, "quarantine.reason: is missing"),
    (samples.worker, "quarantine", {"reason": "", "since": "now"}, "quarantine.since: must be a time in UTC, or empty"),
    # branch
    (
        samples.branch,
        "_id",
        "branch:cpython:3.12",
        '_id: must be "branch:cpython:3.11.7", but is "branch:cpython:3.12"',
    ),
    (samples.branch, "product", GONE, "product: is missing"),
    (samples.branch, "branch", "", "branch: must be a text that is not empty"),
    (samples.branch, "builds", GONE, "builds: is missing"),
    (samples.branch, "builds/release", [], "builds.release: must be an object"),
    (samples.branch, "builds/release/Linux", "python", "builds.release.Linux: must be an object"),
    (samples.branch, "builds/release/Linux/command", "python {input}", "builds.release.Linux.command: must be a list"),
    (
        samples.branch,
        "builds/release/Linux/command",
        [],
        "builds.release.Linux.command: must have at least 1, but has 0",
    ),
    (samples.branch, "builds/release/Linux/command/1", 7, "builds.release.Linux.command[1]: must be a text"),
    (
        samples.branch,
        "builds/release/Linux/artifact/sha256",
        "abc",
        "builds.release.Linux.artifact.sha256: must be a SHA",
    ),
    (samples.branch, "builds/release/Linux/artifact/url", GONE, "builds.release.Linux.artifact.url: is missing"),
    (samples.branch, "builds/release/Linux/about", 3, "builds.release.Linux.about: must be a text"),
    (
        samples.branch,
        "builds/release/Linux/environment/LANG",
        1,
        "builds.release.Linux.environment.LANG: must be a text",
    ),
    (samples.branch, "enabled", "yes", "enabled: must be true or false"),
    (samples.branch, "major_version", 3.11, "major_version: must be a text"),
    (samples.branch, "history", {}, "history: must be a list"),
    (samples.branch, "archive", [], "archive: must be an object"),
    (samples.branch, "archive/day-1", "release", "archive.day-1: must be an object"),
    (samples.branch, "archive/day-1/release", [], "archive.day-1.release: must be an object"),
    (
        samples.branch,
        "archive/day-1/release/Linux/command",
        GONE,
        "archive.day-1.release.Linux.command: is missing",
    ),
    # job
    (samples.pending, "_id", "result:1", '_id: must be "job:<name>"'),
    (samples.pending, "product", GONE, "product: is missing"),
    (samples.pending, "branch", None, "branch: must be a text that is not empty"),
    (samples.pending, "buildtype", "", "buildtype: must be a text that is not empty"),
    (samples.pending, "input", GONE, "input: is missing"),
    (samples.pending, "input", "https://example.org/", "input: must be an object"),
    (
        samples.pending,
        "input/url",
        "https://example.org/",
        "input: must have exactly one of url, text, attachment, but has ",
    ),
    (samples.pending, "input/text", None, "input: must have exactly one of url, text, attachment, but has none"),
    (samples.pending, "input/name", 1, "input.name: must be a text"),
    (samples.pending, "created_at", GONE, "created_at: is missing"),
    (samples.pending, "kind", "smoketest", "kind: must be one of crashtest, unittest"),
    (
        samples.pending,
        "requires/os",
        "Linux",
        "requires.os: is not known; known are os_name, os_version, cpu_name, tags",
    ),
    (samples.pending, "requires/os_name", "", "requires.os_name: must be a text that is not empty"),
    (samples.pending, "requires/tags", "gpu", "requires.tags: must be a list"),
    (samples.pending, "requires/tags/0", 1, "requires.tags[0]: must be a text"),
    (samples.pending, "priority", 4, "priority: must be a whole number from 0 to 3, but is 4"),
    (samples.pending, "priority", -1, "priority: must be a whole number from 0 to 3"),
    (samples.pending, "priority", 1.5, "priority: must be a whole number from 0 to 3"),
    (samples.pending, "priority", "1", "priority: must be a whole number from 0 to 3"),
    (samples.pending, "source", None, "source: must be a text"),
    (samples.pending, "timeout", 0, "timeout: must be a number above 0, but is 0"),
    (samples.pending, "max_attempts", 0, "max_attempts: must be a whole number from 1 on"),
    (samples.pending, "parent", "worker:1", "parent: must be the id of a job"),
    (samples.pending, "supersedes", "1", "supersedes: must be the id of a job"),
    (samples.pending, "depends_on", [{"job": "1"}], "depends_on[0].job: must be the id of a job"),
    (
        samples.pending,
        "depends_on",
        [{"job": samples.pending()["_id"]}],
        "depends_on[0].job: must be another job",
    ),
    (
        samples.pending,
        "depends_on",
        [{"job": "job:1", "result": "any"}],
        "depends_on[0].result: must be one of success",
    ),
    (samples.pending, "wait", "rain", "wait: must be one of , delay, jobs"),
    (samples.pending, "delay_seconds", -1, "delay_seconds: must be a number from 0 on"),
    (samples.pending, "build", 7, "build: must be a text"),
    (samples.pending, "probe", "yes", "probe: must be true or false"),
    (samples.pending, "state", "waiting", "state: must be one of pending, running, completed, aborted"),
    (samples.pending, "state", GONE, "state: is missing"),
    (samples.pending, "state", "running", "claim: is missing: a running job is held by a worker"),
    (
        samples.pending,
        "claim",
        samples.running()["claim"],
        "claim: must be null: a job that is pending is held by nobody",
    ),
    (samples.pending, "result", "success", "result: must be null: a job that is pending has none"),
    (samples.pending, "reason", None, "reason: must be a text"),
    (samples.pending, "started_at", "soon", "started_at: must be a time"),
    (samples.running, "claim", {}, "claim.worker: is missing"),
    (samples.running, "claim/worker", GONE, "claim.worker: is missing"),
    (samples.running, "claim/incarnation", "", "claim.incarnation: must be a text that is not empty"),
    (samples.running, "claim/attempt", 0, "claim.attempt: must be a whole number from 1 on"),
    (samples.running, "claim/lease_seconds", 0, "claim.lease_seconds: must be a number above 0, but is 0"),
    (samples.running, "claim/claimed_at", GONE, "claim.claimed_at: is missing"),
    (samples.running, "claim/renewed_at", "now", "claim.renewed_at: must be a time"),
    (samples.completed, "result", None, "result: is missing: a completed job says how it ended"),
    (samples.completed, "result", "fine", "result: must be one of success, failure, error"),
    (samples.completed, "completed_at", 7, "completed_at: must be a time"),
    (samples.completed, "attempts", None, "attempts: must be a list"),
    (samples.completed, "attempts/0/number", 0, "attempts[0].number: must be a whole number from 1 on"),
    (samples.completed, "attempts/0/worker", GONE, "attempts[0].worker: is missing"),
    (samples.completed, "attempts/0/incarnation", GONE, "attempts[0].incarnation: is missing"),
    (samples.completed, "attempts/0/claimed_at", GONE, "attempts[0].claimed_at: is missing"),
    (samples.completed, "attempts/0/ended_at", GONE, "attempts[0].ended_at: is missing"),
    (samples.completed, "attempts/0/outcome", "", "attempts[0].outcome: must be a text that is not empty"),
    (samples.completed, "attempts/0/reason", 1, "attempts[0].reason: must be a text"),
    (
        samples.aborted,
        "claim",
        samples.running()["claim"],
        "claim: must be null: a job that is aborted is held by nobody",
    ),
    (samples.aborted, "result", "error", "result: must be null: a job that is aborted has none"),
    # result
    (samples.result, "_id", "result:other", '_id: must be "result:20261122T061003123Z-7f3a9c21d4"'),
    (samples.result, "job", "20261122T061003123Z-7f3a9c21d4", "job: must be the id of a job"),
    (samples.result, "product", "", "product: must be a text that is not empty"),
    (samples.result, "branch", GONE, "branch: is missing"),
    (samples.result, "buildtype", None, "buildtype: must be a text that is not empty"),
    (samples.result, "os_name", GONE, "os_name: is missing"),
    (samples.result, "os_version", "", "os_version: must be a text that is not empty"),
    (samples.result, "cpu_name", GONE, "cpu_name: is missing"),
    (samples.result, "worker", GONE, "worker: is missing"),
    (samples.result, "incarnation", GONE, "incarnation: is missing"),
    (samples.result, "attempt", 0, "attempt: must be a whole number from 1 on"),
    (samples.result, "started_at", "", "started_at: must be a time"),
    (samples.result, "completed_at", GONE, "completed_at: is missing"),
    (samples.result, "outcome", "crash", "outcome: must be one of success, failure, error"),
    (samples.result, "input_name", None, "input_name: must be a text"),
    (samples.result, "source", 1, "source: must be a text"),
    (samples.result, "build", None, "build: must be a text"),
    (samples.result, "probe", 1, "probe: must be true or false"),
    (samples.result, "exit/status", "11", "exit.status: must be a whole number from 0 on"),
    (samples.result, "exit/signal", -11, "exit.signal: must be a whole number from 0 on"),
    (samples.result, "exit/killed_for", None, "exit.killed_for: must be a text"),
    (samples.result, "notes", [1], "notes[0]: must be a text"),
    (samples.result, "parser_version", 3, "parser_version: must be a text"),
    (samples.result, "findings", {}, "findings: must be a list"),
    (samples.result, "findings/0", "SIGSEGV", "findings[0]: must be an object"),
    (samples.result, "findings/0/kind", "segfault", "findings[0].kind: must be one of assertion, crash, "),
    (samples.result, "findings/0/title", "", "findings[0].title: must be a text that is not empty"),
    (samples.result, "findings/0/message", "", "findings[0].message: must be a text that is not empty"),
    (samples.result, "findings/0/detail", GONE, "findings[0].detail: is missing"),
    (samples.result, "findings/0/signature", GONE, "findings[0].signature: is missing"),
    (samples.result, "findings/0/line", "12", "findings[0].line: must be a whole number"),
    (samples.result, "findings/0/near_null", 0, "findings[0].near_null: must be true or false"),
    (samples.result, "findings/0/frames", [{"line": "x"}], "findings[0].frames[0].line: must be a whole number"),
    (samples.result, "findings/0/severity", "awful", "findings[0].severity: must be one of critical, "),
    (samples.result, "findings/0/count", 0, "findings[0].count: must be a whole number from 1 on"),
    # history
    (samples.history, "_id", "history_hang:" + "0" * 32, '_id: must be "history_crash:<32 hex digits>"'),
    (samples.history, "_id", "history_crash:abc", '_id: must be "history_crash:<32 hex digits>"'),
    (samples.history, "message", "", "message: must be a text that is not empty"),
    (samples.history, "detail", GONE, "detail: is missing"),
    (samples.history, "product", GONE, "product: is missing"),
    (samples.history, "branch", "", "branch: must be a text that is not empty"),
    (samples.history, "buildtype", GONE, "buildtype: is missing"),
    (samples.history, "os_name", None, "os_name: must be a text that is not empty"),
    (samples.history, "os_version", GONE, "os_version: is missing"),
    (samples.history, "cpu_name", GONE, "cpu_name: is missing"),
    (samples.history, "first_seen", GONE, "first_seen: is missing"),
    (samples.history, "last_seen", "later", "last_seen: must be a time"),
    (samples.history, "places", ["x"] * (MAX_PLACES + 1), "places: must have at most 20, but has 21"),
    (samples.history, "bugs", [], "bugs: must be an object"),
    (samples.history, "bugs/open", "bug:1", "bugs.open: must be a list"),
    (samples.history, "bugs/closed", [1], "bugs.closed[0]: must be a text"),
    (samples.history, "suppressed", None, "suppressed: must be true or false"),
    (samples.history, "severity", 1, "severity: must be a text"),
    # signature
    (samples.signature, "_id", "signature:abc", '_id: must be "signature:<32 hex digits>"'),
    (samples.signature, "kind", "noise", "kind: must be one of assertion, crash, "),
    (samples.signature, "detail", "", "detail: must be a text that is not empty"),
    (samples.signature, "message", "SIGSEGV", "message: belongs to the signature of an assertion, and to no other"),
    (samples.signature, "kind", "assertion", "message: belongs to the signature of an assertion, and to no other"),
    (samples.signature, "variant_of", "bug:1", "variant_of: must be the id of a signature"),
    (samples.signature, "variant_of", samples.signature()["_id"], "variant_of: must be another signature"),
    (samples.signature, "not_variant_of/0", "", "not_variant_of[0]: must be the id of a signature"),
    (samples.signature, "confirmed_by", 1, "confirmed_by: must be a text"),
    (samples.signature, "confirmed_at", "today", "confirmed_at: must be a time in UTC, or empty"),
    (samples.signature, "minimal/result", "job:1", "minimal.result: must be the id of a result"),
    (samples.signature, "minimal/attachment", GONE, "minimal.attachment: is missing"),
    (samples.signature, "minimal/name", "", "minimal.name: must be a text that is not empty"),
    (samples.signature, "minimal/size", -1, "minimal.size: must be a whole number from 0 on"),
    (samples.signature, "minimal/original_size", "9", "minimal.original_size: must be a whole number"),
    (samples.signature, "minimal/tests", 1.5, "minimal.tests: must be a whole number"),
    (samples.signature, "minimal/at", "", "minimal.at: must be a time in UTC"),
    (samples.signature, "range/branch", GONE, "range.branch: is missing"),
    (samples.signature, "range/last_good", 3, "range.last_good: must be a text"),
    (samples.signature, "range/skipped", "4", "range.skipped: must be a list"),
    (samples.signature, "range/runs", -1, "range.runs: must be a whole number from 0 on"),
    (samples.signature, "range/at", "soon", "range.at: must be a time in UTC, or empty"),
    (samples.signature, "reproduction/result", GONE, "reproduction.result: is missing"),
    (samples.signature, "reproduction/ran", "5", "reproduction.ran: must be a whole number from 0 on"),
    (samples.history, "suppressed_at", "today", "suppressed_at: must be a time"),
    (samples.history, "regressed", "bug:1", "regressed: must be a list"),
    (samples.history, "signature", None, "signature: must be a text"),
    (samples.history, "file", 1, "file: must be a text"),
    (samples.history, "excerpt", [], "excerpt: must be a text"),
    # bug
    (samples.bug, "_id", "bug:1234", '_id: must be "bug:github:1234"'),
    (samples.bug, "tracker", GONE, "tracker: is missing"),
    (samples.bug, "number", 1234, "number: must be a text that is not empty"),
    (samples.bug, "state", "verified", "state: must be one of open, closed"),
    (samples.bug, "title", None, "title: must be a text"),
    (samples.bug, "matchers", {}, "matchers: must be a list"),
    (samples.bug, "matchers/0/how", "fuzzy", "matchers[0].how: must be one of exact, contains, pattern"),
    (samples.bug, "matchers/0/text", 1, "matchers[0].text: must be a text"),
    (samples.bug, "fixed_on", "3.12", "fixed_on: must be a list"),
    (samples.bug, "updated_at", "recently", "updated_at: must be a time"),
    (samples.bug, "closed_at", "recently", "closed_at: must be a time"),
    (samples.bug, "moved_to", None, "moved_to: must be a text"),
    (samples.bug, "matched", 1, "matched: must be a text"),
    # cursor
    (samples.cursor, "position", 7, "position: must be an object"),
    (samples.cursor, "updated_at", "now", "updated_at: must be a time"),
    # the small ones
    (samples.cursor, "_id", "github", '_id: must be "cursor:<name>"'),
    (samples.command, "_id", "command:", '_id: must be "command:<name>"'),
    (samples.message, "_id", "note:1", '_id: must be "message:<name>"'),
    (samples.message, "level", "loud", "level: must be one of debug, info, warning, error, critical"),
    (samples.message, "text", GONE, "text: is missing"),
    (samples.message, "at", GONE, "at: is missing"),
]


def rule(case: tuple[Any, str, Any, str]) -> str:
    make, path, value, _ = case
    return f"{make.__name__}-{path}-{'missing' if value is GONE else str(value)[:20]}"


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


@pytest.mark.parametrize("case", BROKEN, ids=rule)
def test_broken_document_is_refused_with_field_and_reason(case: tuple[Any, str, Any, str]) -> None:
    """One member is wrong, and the refusal says which, and why."""
    make, path, value, refusal = case
    said = validate(changed(make, path, value))
    assert said is not None
    assert said.startswith(refusal)


@settings(max_examples=60)
@given(doc=strategies.documents, unknown=strategies.unknown_members)
def test_whatever_our_types_write_is_taken(doc: Document, unknown: Json) -> None:
    """The rules and the types are two descriptions of one thing; members nobody knows are no offence."""
    assert validate(doc.to_doc() | unknown) is None


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
