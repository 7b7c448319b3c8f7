"""Strategies for whatever the types of `crashfarm.documents` can hold, and for JSON that nobody meant for us."""

from datetime import UTC, datetime
from typing import Any

from hypothesis import strategies as st

from crashfarm.documents.branch import Artifact, Branch, Build, branch_id
from crashfarm.documents.bug import Bug, BugState, Matcher, bug_id
from crashfarm.documents.environment import Environment
from crashfarm.documents.finding import Finding, Frame, Kind, Severity
from crashfarm.documents.history import BugLists, History, Sighting, history_of
from crashfarm.documents.job import (
    Attempt,
    Claim,
    Dependency,
    Input,
    Job,
    JobKind,
    JobResult,
    JobState,
    Priority,
    Requires,
    new_job_id,
)
from crashfarm.documents.result import Exit, Result, result_id
from crashfarm.documents.signature import BuildRange, Minimal, Reproduction, SignatureNote
from crashfarm.documents.worker import Control, Wish, Worker, WorkerState, worker_id
from crashfarm.times import to_text

Json = dict[str, Any]

text = st.text(st.characters(codec="utf-8"), max_size=12)
name = st.text(st.characters(codec="utf-8"), min_size=1, max_size=8)
few_names = st.sampled_from(["a", "b", "ä", "Ωmega", "3.11.7"])
moments = st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC))
times = moments.map(to_text)
positive = st.integers(1, 9)
seconds = st.floats(0.001, 1e6)

json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False) | text,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(text, inner, max_size=3),
    max_leaves=6,
)
unknown_members = st.dictionaries(name.map("x_{}".format), json_values, max_size=2)


def lists(items: st.SearchStrategy[Any], **limits: Any) -> st.SearchStrategy[tuple[Any, ...]]:
    """Tuples of at most three."""
    return st.lists(items, **{"max_size": 3} | limits).map(tuple)


environments = st.builds(
    Environment, product=few_names, branch=few_names, buildtype=name, os_name=name, os_version=name, cpu_name=name
)

frames = st.builds(
    Frame,
    function=text,
    file=text,
    line=st.none() | st.integers(0, 9999),
    module=text,
    offset=text,
    inlined=st.booleans(),
)

findings = st.builds(
    Finding,
    kind=st.sampled_from(Kind),
    title=name,
    message=few_names,
    detail=few_names,
    signature=text,
    file=text,
    line=st.none() | st.integers(0, 9999),
    access=st.sampled_from(["", "READ", "WRITE"]),
    size=st.none() | st.integers(0, 99),
    near_null=st.booleans(),
    frames=lists(frames),
    severity=st.sampled_from(Severity),
    excerpt=text,
    count=positive,
    input=text,
)

builds = st.builds(
    Build,
    command=lists(text, min_size=1),
    artifact=st.none() | st.builds(Artifact, url=name, sha256=st.text("0123456789abcdef", min_size=64, max_size=64)),
    about=text,
    environment=st.dictionaries(text, text, max_size=2),
)

inputs = (
    st.builds(Input, name=text, url=name)
    | st.builds(Input, name=text, text=text)
    | st.builds(Input, name=text, attachment=name)
)

claims = st.builds(
    Claim,
    worker=name,
    incarnation=name,
    attempt=positive,
    lease_seconds=st.floats(0.001, 86_400.0),
    claimed_at=times,
    renewed_at=times,
)

attempts = st.builds(
    Attempt,
    number=positive,
    worker=name,
    incarnation=name,
    claimed_at=times,
    ended_at=times,
    outcome=name,
    reason=text,
)

requirements = st.builds(
    Requires, os_name=st.none() | name, os_version=st.none() | name, cpu_name=st.none() | name, tags=lists(name)
)

dependencies = st.builds(Dependency, job=name.map("job:{}".format), result=st.none() | st.sampled_from(JobResult))

bug_lists = st.builds(BugLists, open=lists(name.map("bug:x:{}".format)), closed=lists(name.map("bug:y:{}".format)))

sightings = st.builds(Sighting, finding=findings, environment=environments, seen_at=times, place=text)


@st.composite
def branches(draw: st.DrawFn) -> Branch:
    """Any branch."""
    product, branch = draw(name), draw(name)
    return Branch(
        id=branch_id(product, branch),
        product=product,
        branch=branch,
        builds=draw(st.dictionaries(name, st.dictionaries(name, builds, max_size=2), max_size=2)),
        enabled=draw(st.booleans()),
        major_version=draw(text),
        history=draw(lists(text)),
        archive=draw(
            st.dictionaries(
                name, st.dictionaries(name, st.dictionaries(name, builds, max_size=1), max_size=1), max_size=2
            )
        ),
    )


@st.composite
def bugs(draw: st.DrawFn) -> Bug:
    """Any bug."""
    tracker, number = draw(name), draw(name)
    matchers = st.builds(Matcher, kind=st.none() | name, text=st.none() | text, file=st.none() | text)
    return Bug(
        id=bug_id(tracker, number),
        tracker=tracker,
        number=number,
        title=draw(text),
        state=draw(st.sampled_from(BugState)),
        matchers=draw(lists(matchers)),
        fixed_on=draw(lists(name)),
        updated_at=draw(st.just("") | times),
        closed_at=draw(st.just("") | times),
        moved_to=draw(st.just("") | name.map("bug:x:{}".format)),
        matched=draw(text),
    )


@st.composite
def workers(draw: st.DrawFn) -> Worker:
    """Any worker."""
    metadata = st.dictionaries(name, json_values, max_size=2)
    return Worker(
        id=worker_id(draw(name)),
        hostname=draw(few_names),
        os_name=draw(name),
        os_version=draw(name),
        cpu_name=draw(name),
        state=draw(st.sampled_from(WorkerState)),
        incarnation=draw(name),
        version=draw(name),
        heartbeat_at=draw(times),
        registered_at=draw(times),
        connected_at=draw(times),
        disconnected_at=draw(st.none() | times),
        slots=draw(st.integers(0, 9)),
        running=draw(lists(text)),
        state_reason=draw(text),
        state_since=draw(st.just("") | times),
        static_metadata=draw(metadata),
        dynamic_metadata=draw(metadata),
        dynamic_metadata_updated_at=draw(st.none() | times),
        control=draw(st.builds(Control, desired=st.sampled_from(Wish), reason=text, by=text)),
    )


@st.composite
def jobs(draw: st.DrawFn) -> Job:
    """Any job, in any state, as the queue writes it."""
    state = draw(st.sampled_from(JobState))
    running, completed = state == JobState.RUNNING, state == JobState.COMPLETED
    needed = draw(lists(dependencies))
    waits = ["jobs"] if needed else ["", "delay", "jobs"]
    return Job(
        id=new_job_id(draw(moments)),
        product=draw(few_names),
        branch=draw(few_names),
        buildtype=draw(few_names),
        input=draw(inputs),
        created_at=draw(times),
        kind=draw(st.sampled_from(JobKind)),
        requires=draw(requirements),
        priority=draw(st.sampled_from(Priority)),
        source=draw(text),
        timeout=draw(seconds),
        max_attempts=draw(positive),
        parent=draw(st.none() | name.map("job:{}".format)),
        supersedes=draw(st.none() | name.map("job:{}".format)),
        depends_on=needed,
        delay_seconds=draw(st.floats(0, 1e6)),
        build=draw(text),
        probe=draw(st.booleans()),
        wait=draw(st.sampled_from(waits)) if state == JobState.PENDING else "",
        state=state,
        result=draw(st.sampled_from(JobResult)) if completed else None,
        reason=draw(text),
        claim=draw(claims) if running else None,
        attempts=draw(lists(attempts)),
        started_at=draw(st.none() | times),
        completed_at=draw(st.none() | times),
    )


@st.composite
def results(draw: st.DrawFn) -> Result:
    """Any result."""
    job = new_job_id(draw(moments))
    environment = draw(environments)
    return Result(
        id=result_id(job),
        job=job,
        **{part: getattr(environment, part) for part in environment.__struct_fields__},
        worker=draw(name),
        incarnation=draw(name),
        attempt=draw(positive),
        started_at=draw(times),
        completed_at=draw(times),
        outcome=draw(st.sampled_from(JobResult)),
        input_name=draw(few_names),
        build=draw(text),
        source=draw(text),
        probe=draw(st.booleans()),
        exit=draw(
            st.builds(Exit, status=st.none() | st.integers(0, 255), signal=st.none() | positive, killed_for=text)
        ),
        findings=draw(lists(findings)),
        notes=draw(lists(text)),
        parser_version=draw(text),
    )


@st.composite
def histories(draw: st.DrawFn) -> History:
    """Any history document, as merging several sightings and bugs of one tuple leaves it."""
    first, bugs = history_of(draw(sightings)), draw(bug_lists)
    return first.evolve(
        last_seen=max(first.first_seen, draw(times)),
        places=tuple(sorted(draw(st.sets(text, max_size=20)))),
        bugs=bugs,
        suppressed=draw(st.booleans()),
        suppressed_at=draw(st.just("") | times),
        regressed=tuple(sorted({*bugs.closed[:1]})),
    )


minimals = st.builds(
    Minimal,
    result=name.map("result:{}".format),
    attachment=name,
    name=name,
    size=positive,
    original_size=positive,
    tests=positive,
    at=times,
)

ranges = st.builds(
    BuildRange,
    product=name,
    branch=name,
    buildtype=name,
    last_good=text,
    first_bad=text,
    last_bad=text,
    first_good=text,
    skipped=lists(text),
    runs=positive,
    at=st.just("") | times,
)

reproductions = st.builds(
    Reproduction, result=name.map("result:{}".format), seen=positive, ran=positive, at=st.just("") | times
)


@st.composite
def signatures(draw: st.DrawFn) -> SignatureNote:
    """Any signature's document."""
    others = st.text("0123456789abcdef", min_size=32, max_size=32).map("signature:{}".format)
    return SignatureNote.of(draw(findings)).evolve(
        variant_of=draw(st.just("") | others),
        not_variant_of=draw(lists(others)),
        confirmed_by=draw(text),
        confirmed_at=draw(st.just("") | times),
        minimal=draw(st.none() | minimals),
        range=draw(st.none() | ranges),
        reproduction=draw(st.none() | reproductions),
    )


documents = st.one_of(workers(), branches(), bugs(), jobs(), results(), histories(), signatures())
"""Any document that our types can write."""
