"""A document in, its rows out: table by table, in the order of the tables' columns."""

import functools
from collections.abc import Iterator
from typing import Any

from crashfarm.documents.base import Json
from crashfarm.documents.branch import Branch
from crashfarm.documents.bug import Bug
from crashfarm.documents.history import HISTORY_TYPES, History
from crashfarm.documents.job import Job
from crashfarm.documents.result import Result
from crashfarm.documents.signature import SignatureNote
from crashfarm.documents.worker import Worker
from server.queries.signatures import kind_of, short_name, signature

Row = tuple[str, tuple[Any, ...]]
"""A table's name, and the values of its columns."""

MAIN_TABLES = ("branch", "worker", "job", "result", "tuple", "bug", "note")
"""Tables that have a row for each document; what else belongs to the document goes with that row."""


def rows_of(doc: Json) -> Iterator[Row]:
    """The rows of a document; none if its type has no table. Raises InvalidDocument."""
    type_name = doc.get("type")
    if type_name in HISTORY_TYPES:
        yield from _history(HISTORY_TYPES[str(type_name)].from_doc(doc))
    elif type_name == Result.TYPE:
        yield from _result(Result.from_doc(doc))
    elif type_name == SignatureNote.TYPE:
        yield _note(SignatureNote.from_doc(doc))
    elif type_name == Job.TYPE:
        yield _job(Job.from_doc(doc))
    elif type_name == Worker.TYPE:
        yield _worker(Worker.from_doc(doc))
    elif type_name == Branch.TYPE:
        one = Branch.from_doc(doc)
        yield "branch", (one.id, one.product, one.branch, one.enabled, one.major_version)
    elif type_name == Bug.TYPE:
        bug = Bug.from_doc(doc)
        about = (bug.title, bug.state, bug.resolution, bug.url, bug.updated_at)
        yield "bug", (bug.id, bug.tracker, bug.number, *about)


def _history(one: History) -> Iterator[Row]:
    seen = (one.first_seen, one.last_seen, one.title, one.severity, one.suppressed)
    kind = kind_of(one.TYPE)
    yield "tuple", (one.id, kind, *one.tuple_key[1:], *seen, _name(kind, one.message, one.detail))
    for place in dict.fromkeys(one.places):
        yield "place", (one.id, place)
    for bug in dict.fromkeys((*one.bugs.open, *one.bugs.closed)):
        yield "explains", (bug, one.id, bug in one.bugs.open, bug in one.regressed)


def _result(one: Result) -> Iterator[Row]:
    if one.probe:
        # An experiment of the farm's own, which no view counts.
        return
    times = (one.started_at, one.completed_at)
    ended = (one.exit.status, one.exit.signal, one.exit.killed_for)
    ran = (one.worker, one.attempt, *times, one.outcome, *ended, one.input_name, one.source, one.build)
    yield "result", (one.id, one.job, *one.environment.parts(), *ran)
    for at, finding in enumerate(one.findings):
        what = (finding.kind, finding.title, finding.message, finding.detail, finding.signature, finding.severity)
        where = (finding.file, finding.line, finding.access, finding.size, finding.address, finding.input)
        name = _name(finding.kind, finding.message, finding.detail)
        yield "finding", (one.id, at, *what, *where, name)
        for depth, frame in enumerate(finding.frames):
            yield "frame", (one.id, at, depth, frame.function, frame.file, frame.line, frame.module)


@functools.lru_cache(1000)
def _name(kind: str, message: str, detail: str) -> str:
    # The same few come again and again.
    return short_name(signature(kind, message, detail))


def _note(one: SignatureNote) -> Row:
    minimal, builds, again = one.minimal, one.range, one.reproduction
    least = (minimal.result, minimal.size, minimal.original_size, minimal.tests) if minimal else (None,) * 4
    names = (builds.branch, builds.last_good, builds.first_bad, builds.last_bad, builds.first_good) if builds else ()
    found = (*names, builds.runs) if builds else (None,) * 6
    times = (again.ran, again.seen) if again else (None, None)
    said = (one.variant_of, one.confirmed_by)
    name = _name(one.kind, one.message, one.detail)
    return "note", (one.id, one.kind, one.detail, one.message, *said, *least, *found, *times, name)


def _job(one: Job) -> Row:
    what = (one.product, one.branch, one.buildtype, one.input.url or one.input.name, one.kind)
    stands = (one.state, one.result, one.priority, one.source, len(one.attempts), one.reason)
    return "job", (one.id, *what, *stands, one.created_at, one.started_at, one.completed_at)


def _worker(one: Worker) -> Row:
    machine = (one.hostname, one.os_name, one.os_version, one.cpu_name)
    stands = (one.state, one.state_reason, one.state_since)
    about = (one.version, one.slots, one.heartbeat_at, one.registered_at)
    return "worker", (one.id, *machine, *stands, *about)
