"""A farm in memory whose workers are a function: from a job to what its run shows."""

import base64
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any, cast

from crashfarm import times
from crashfarm.answers import View
from crashfarm.documents.branch import Branch, Build, branch_id
from crashfarm.documents.finding import Finding, Kind
from crashfarm.documents.history import Sighting, history_of
from crashfarm.documents.job import Input, Job, JobResult, JobState, Priority
from crashfarm.documents.result import Result, result_id
from crashfarm.documents.worker import Worker, WorkerState
from crashfarm.settings import Farm
from tests.fakes.couch import MemoryDatabase

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
PROGRAM = "/opt/prog"

Run = Callable[[Job], Sequence[Finding] | None]
"""What a job's run shows; None where it cannot be run."""


def clock() -> datetime:
    """It is always noon."""
    return NOW


def finding(detail: str = "f | main", kind: Kind = Kind.CRASH, **parts: Any) -> Finding:
    """A crash with that signature."""
    values = {"title": "SIGSEGV", "message": "SIGSEGV", "signature": detail, **parts}
    return Finding(kind=kind, detail=detail, **values)


def branch(name: str, *buildtypes: str, **parts: Any) -> Branch:
    """A branch with builds for Linux."""
    build = Build(command=(PROGRAM, "{input}"))
    builds = {buildtype: {"Linux": build} for buildtype in buildtypes or ("release",)}
    return Branch(id=branch_id("prog", name), product="prog", branch=name, builds=builds, **parts)


def worker(name: str, os_version: str = "12", **parts: Any) -> Worker:
    """A worker that was heard of a minute ago and may run the program."""
    moment = times.to_text(NOW - timedelta(minutes=1))
    machine = {"os_name": "Linux", "os_version": os_version, "cpu_name": "x86_64"}
    values: dict[str, Any] = {"state": WorkerState.WAITING, "heartbeat_at": moment, **machine, **parts}
    return Worker(
        id=f"worker:{name}",
        hostname=name,
        incarnation=f"{name}/1",
        version="1",
        registered_at=moment,
        connected_at=moment,
        dynamic_metadata=machine | {"allow": [PROGRAM]},
        **values,
    )


def job(name: str = "1", **parts: Any) -> Job:
    """A pending job as a person submits it."""
    values: dict[str, Any] = {"input": Input(name="a.js", text="boom()"), "priority": Priority.NORMAL, **parts}
    return Job(
        id=f"job:{name}",
        product="prog",
        branch=values.pop("branch", "1"),
        buildtype="release",
        created_at=times.to_text(NOW),
        source=values.pop("source", "fuzz:7"),
        **values,
    )


class Store(MemoryDatabase):
    """A database in memory that takes attachments, too."""

    def all_docs(self, *, keys: list[str] | None = None, include_docs: bool = False, **query: Any) -> View:
        """Documents by their ids, or a range of them."""
        if keys is None:
            within = (id for id in sorted(self.docs) if query["startkey"] <= id <= query["endkey"])
            keys = list(islice(within, query["limit"]))
        return super().all_docs(keys=keys, include_docs=include_docs)

    def attach(self, document_id: str, rev: str, name: str, content: bytes, content_type: str) -> str:
        """Write the document with the attachment inline. Raises Conflict."""
        doc = self.get(document_id) or {}
        attached = {name: {"content_type": content_type, "data": base64.b64encode(content).decode()}}
        return self.put(doc | {"_rev": rev, "_attachments": doc.get("_attachments", {}) | attached})


class Workers:
    """Runs what is pending when it is told to."""

    def __init__(self, farm: Farm, run: Run) -> None:
        self.farm = farm
        self.run = run
        self.ran: list[Job] = []

    def work(self, _seconds: float = 0.0) -> None:
        """Run all that is pending now, the most urgent first."""
        status = cast(MemoryDatabase, self.farm.status)
        found = [Job.from_doc(dict(doc)) for doc in status.docs.values() if doc.get("state") == JobState.PENDING]
        for one in sorted(found, key=lambda one: (one.priority, one.id)):
            self.ran.append(one)
            self.record(one, self.run(one))

    def record(self, one: Job, found: Sequence[Finding] | None) -> Result:
        """Write down what a job's run showed: history, result, the job's end."""
        result = _result(one, found)
        for seen in () if result.probe else result.findings:
            self._merge(Sighting(finding=seen, environment=result.environment, seen_at=result.completed_at, place="a"))
        self.farm.history.put(result.to_doc())
        ended = one.evolve(state=JobState.COMPLETED, result=JobResult(result.outcome), completed_at=times.to_text(NOW))
        self.farm.status.put(ended.to_doc())
        return result

    def _merge(self, sighting: Sighting) -> None:
        seen = history_of(sighting)
        if self.farm.history.get(seen.id) is None:
            self.farm.history.put(seen.to_doc())


def _result(one: Job, found: Sequence[Finding] | None) -> Result:
    moment = times.to_text(NOW)
    return Result(
        id=result_id(one.id),
        job=one.id,
        product=one.product,
        branch=one.branch,
        buildtype=one.buildtype,
        os_name="Linux",
        os_version=one.requires.os_version or "12",
        cpu_name="x86_64",
        worker="barn",
        incarnation="barn/1",
        attempt=1,
        started_at=moment,
        completed_at=moment,
        outcome="error" if found is None else "failure" if found else "success",
        input_name=one.input.name,
        source=one.source,
        probe=one.probe,
        build=one.build,
        findings=tuple(found or ()),
    )


def farm(*documents: Any) -> Farm:
    """A farm with these documents in its status database."""
    made = Farm(cast(Any, None), cast(Any, Store("farm")), cast(Any, Store("farm-history")))
    for document in documents:
        made.status.put(document.to_doc())
    return made
