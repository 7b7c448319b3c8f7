"""Making jobs: every input on every build of the chosen branches."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

import msgspec

from crashfarm import times
from crashfarm.documents.branch import Branch, Build
from crashfarm.documents.job import Dependency, Job, JobKind, JobResult, Priority, Requires, new_job_id
from crashfarm.errors import InputError
from server.inputs import JobInput

MACHINE = ("os_name", "os_version", "cpu_name")
"""What can be asked of a machine, besides tags."""


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What all jobs of one submission share. `timeout` in seconds; `source` says where the jobs come from."""

    source: str = ""
    kind: JobKind = JobKind.CRASHTEST
    priority: Priority = Priority.NORMAL
    timeout: float = 60.0
    max_attempts: int = 3
    buildtype: str | None = None
    requires: Requires = Requires()
    depends_on: tuple[Dependency, ...] = ()
    build: str = ""

    def builds(self, branch: Branch) -> Mapping[str, Mapping[str, Build]]:
        """The builds of a branch that are meant: its current ones, or those of the name that is given."""
        return branch.archive.get(self.build, {}) if self.build else branch.builds


def make_jobs(inputs: Iterable[JobInput], branches: Sequence[Branch], plan: Plan, now: datetime) -> list[Job]:
    """One job for each input, branch, build type and platform. Raises InputError if that makes none.

    Jobs of an older build are experiments: what they show is not what their branch shows.
    """
    builds = [
        (branch, buildtype, platform)
        for branch in branches
        for buildtype, platforms in sorted(plan.builds(branch).items())
        for platform in sorted(platforms)
        if plan.buildtype in (None, buildtype)
    ]
    if not builds:
        raise InputError(_no_build(branches, plan))
    jobs = [_job(item, *build, plan, now) for item in inputs for build in builds]
    if not jobs:
        raise InputError("there is no input: name a file, a folder, or - for URLs on standard input")
    return jobs


def _no_build(branches: Iterable[Branch], plan: Plan) -> str:
    wanted = f" of the build type {plan.buildtype!r}" if plan.buildtype else ""
    if not plan.build:
        return f"no chosen branch has a build{wanted}: see 'crashfarm branch list'"
    known = ", ".join(dict.fromkeys(name for branch in branches for name in branch.archive)) or "none"
    return f"no chosen branch has an older build{wanted} called {plan.build!r}; known: {known}"


def _job(item: JobInput, branch: Branch, buildtype: str, platform: str, plan: Plan, now: datetime) -> Job:
    attachments = item.attachments()
    return Job(
        id=new_job_id(now),
        product=branch.product,
        branch=branch.branch,
        buildtype=buildtype,
        input=item.input,
        created_at=times.to_text(now),
        kind=plan.kind,
        requires=msgspec.structs.replace(plan.requires, os_name=plan.requires.os_name or platform),
        priority=plan.priority,
        source=plan.source,
        timeout=plan.timeout,
        max_attempts=plan.max_attempts,
        depends_on=plan.depends_on,
        build=plan.build,
        probe=bool(plan.build),
        origin={"_attachments": attachments} if attachments else {},
    )


def requirements(pairs: Iterable[str], tags: Iterable[str]) -> Requires:
    """What is asked of a worker, from texts like os_name=Linux. Raises InputError for what nobody could meet."""
    asked: dict[str, str] = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if name not in MACHINE:
            raise InputError(f"the requirement {name!r} is not known: known are {', '.join(MACHINE)}, and --tag")
        if not equals or not value:
            raise InputError(f"the requirement {name} needs a value: {name}=…")
        if asked.get(name, value) != value:
            raise InputError(f"no worker meets both {name}={asked[name]} and {name}={value}")
        asked[name] = value
    words = tuple(sorted(set(tags)))
    if "" in words:
        raise InputError("a tag must not be empty")
    return Requires(tags=words, **asked)


def dependencies(words: Iterable[str]) -> tuple[Dependency, ...]:
    """What jobs wait for, from texts like job:… or job:…=failure. Raises InputError for an unknown result."""
    return tuple(_dependency(word) for word in words)


def _dependency(word: str) -> Dependency:
    job, equals, result = word.partition("=")
    if equals and result not in list(JobResult):
        raise InputError(f"the result {result!r} is not known: known are {', '.join(JobResult)}")
    return Dependency(job=job, result=JobResult(result) if equals else None)
