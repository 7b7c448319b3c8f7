"""One good document of every type, as plain JSON, to be changed by tests."""

from typing import Any

from crashfarm.documents.branch import Artifact, Branch, Build
from crashfarm.documents.bug import Bug, Matcher
from crashfarm.documents.environment import Environment
from crashfarm.documents.finding import Finding, Kind
from crashfarm.documents.history import Sighting, history_of
from crashfarm.documents.job import Attempt, Claim, Input, Job, JobResult, JobState, Requires
from crashfarm.documents.result import Exit, Result
from crashfarm.documents.signature import BuildRange, Minimal, Reproduction, SignatureNote
from crashfarm.documents.worker import Worker, WorkerState

Json = dict[str, Any]

NOW = "2026-11-22T06:10:03.123Z"

ENVIRONMENT = Environment(
    product="cpython", branch="3.11.7", buildtype="release", os_name="Linux", os_version="12", cpu_name="x86_64"
)

CLAIM = Claim(
    worker="alpha", incarnation="alpha/boot/1/2", attempt=1, lease_seconds=60.0, claimed_at=NOW, renewed_at=NOW
)

ATTEMPT = Attempt(
    number=1, worker="alpha", incarnation="alpha/boot/1/2", claimed_at=NOW, ended_at=NOW, outcome="completed"
)

FINDING = Finding(
    kind=Kind.CRASH,
    title="SIGSEGV",
    message="Segmentation fault",
    detail="list_sort | main",
    signature="list_sort | main",
)


def worker() -> Json:
    """A worker that waits for work."""
    return Worker(
        id="worker:alpha",
        hostname="alpha.example.org",
        os_name="Linux",
        os_version="12",
        cpu_name="x86_64",
        state=WorkerState.WAITING,
        incarnation="alpha/boot/1/2",
        version="0.1.0",
        heartbeat_at=NOW,
        registered_at=NOW,
        connected_at=NOW,
    ).to_doc()


def branch() -> Json:
    """A branch with one build, which is downloaded."""
    artifact = Artifact(url="https://builds.example.org/python.tar.gz", sha256="0" * 64)
    build = Build(command=("bin/python", "{input}"), artifact=artifact, about="3.11.7", environment={"LANG": "C"})
    builds = {"release": {"Linux": build}}
    return Branch(
        id="branch:cpython:3.11.7",
        product="cpython",
        branch="3.11.7",
        builds=builds,
        history=("day-1",),
        archive={"day-1": builds},
    ).to_doc()


def pending() -> Json:
    """A job that waits."""
    return Job(
        id="job:20261122T061003123Z-7f3a9c21d4",
        product="cpython",
        branch="3.11.7",
        buildtype="release",
        input=Input(name="crash.py", text="import os; os.abort()"),
        requires=Requires(os_name="Linux", tags=("gpu",)),
        created_at=NOW,
        source="demo:1",
    ).to_doc()


def running() -> Json:
    """The same job, held by a worker."""
    return Job.from_doc(pending()).evolve(state=JobState.RUNNING, claim=CLAIM, started_at=NOW).to_doc()


def completed() -> Json:
    """The same job, done."""
    job = Job.from_doc(pending())
    done = job.evolve(state=JobState.COMPLETED, result=JobResult.FAILURE, attempts=(ATTEMPT,), completed_at=NOW)
    return done.to_doc()


def aborted() -> Json:
    """The same job, given up."""
    return Job.from_doc(pending()).evolve(state=JobState.ABORTED, reason="cancelled", completed_at=NOW).to_doc()


def result() -> Json:
    """What that job showed."""
    return Result(
        id="result:20261122T061003123Z-7f3a9c21d4",
        job="job:20261122T061003123Z-7f3a9c21d4",
        **{name: getattr(ENVIRONMENT, name) for name in ENVIRONMENT.__struct_fields__},
        worker="alpha",
        incarnation="alpha/boot/1/2",
        attempt=2,
        started_at=NOW,
        completed_at=NOW,
        outcome="failure",
        input_name="crash.py",
        source="demo:1",
        exit=Exit(signal=11),
        findings=(FINDING,),
    ).to_doc()


def history() -> Json:
    """What is known of that finding's tuple."""
    return history_of(Sighting(finding=FINDING, environment=ENVIRONMENT, seen_at=NOW, place="crash.py")).to_doc()


def signature() -> Json:
    """What was found out about that finding's signature."""
    return (
        SignatureNote.of(FINDING)
        .evolve(
            variant_of="signature:" + "0" * 32,
            not_variant_of=("signature:" + "1" * 32,),
            confirmed_by="alice",
            confirmed_at=NOW,
            minimal=Minimal(
                result="result:1", attachment="minimal/a.py", name="a.py", size=9, original_size=99, tests=7, at=NOW
            ),
            range=BuildRange(
                product="cpython",
                branch="3.11.7",
                buildtype="release",
                last_good="3",
                first_bad="5",
                skipped=("4",),
                runs=12,
                at=NOW,
            ),
            reproduction=Reproduction(result="result:1", seen=3, ran=5, at=NOW),
        )
        .to_doc()
    )


def bug() -> Json:
    """A bug that some tracker knows."""
    matcher = Matcher(kind="crash", text="list_sort", how="contains")
    return Bug(id="bug:github:1234", tracker="github", number="1234", title="Sorting", matchers=(matcher,)).to_doc()


def cursor() -> Json:
    """Where a poller stands."""
    return {"_id": "cursor:github", "type": "cursor", "position": {"page": 3}}


def message() -> Json:
    """A log line worth keeping."""
    return {"_id": "message:1", "type": "message", "level": "warning", "text": "the disk is nearly full", "at": NOW}


def command() -> Json:
    """Something that somebody is asked to do."""
    return {"_id": "command:1", "type": "command", "ask": "compact"}


STATUS = (worker, branch, pending, running, completed, aborted, bug, cursor, message, command)
HISTORY = (result, history, signature)
