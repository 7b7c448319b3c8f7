"""Jobs that run again what a case ran, with something changed: where, on which build, on which input."""

import hashlib

import msgspec

from crashfarm import times
from crashfarm.documents.job import Input, Job, Priority, Requires
from crashfarm.times import Clock
from server import inputs
from server.certainty.cases import Case

PROBES = ("reduce", "range")
"""Purposes whose runs are experiments, on changed inputs and old builds: they say nothing of the farm's state."""


class Variation(msgspec.Struct, frozen=True, kw_only=True):
    """What is different from the case's own run, and how often it has been done so before."""

    branch: str
    buildtype: str
    requires: Requires
    build: str = ""
    content: bytes | None = None
    repeat: int = 0


def same_place(case: Case) -> Variation:
    """Nothing different: the same build on the same kind of machine."""
    result = case.result
    machine = Requires(
        os_name=result.os_name, os_version=result.os_version, cpu_name=result.cpu_name, tags=case.job.requires.tags
    )
    return Variation(branch=result.branch, buildtype=result.buildtype, requires=machine, build=case.job.build)


def job(case: Case, purpose: str, variation: Variation, priority: Priority, clock: Clock) -> Job:
    """The job; its id follows from the case's job, the purpose and the variation, and sorts by when that was made."""
    given, attachments = _input(case, variation.content)
    return Job(
        id=_id(case, purpose, variation),
        product=case.result.product,
        branch=variation.branch,
        buildtype=variation.buildtype,
        build=variation.build,
        probe=purpose in PROBES or case.job.probe,
        input=given,
        created_at=times.to_text(clock()),
        kind=case.job.kind,
        requires=variation.requires,
        priority=priority,
        source=f"{purpose}:{case.result.id}",
        timeout=case.job.timeout,
        max_attempts=case.job.max_attempts,
        parent=case.job.id,
        origin={"_attachments": attachments} if attachments else {},
    )


def _id(case: Case, purpose: str, variation: Variation) -> str:
    content = variation.content
    told = msgspec.structs.replace(variation, content=None if content is None else hashlib.sha256(content).digest())
    name = hashlib.sha256(msgspec.json.encode((case.job.id, purpose, told))).hexdigest()[:16]
    stamp = times.from_text(case.job.created_at).strftime("%Y%m%dT%H%M%S000Z")
    return f"job:{stamp}-{purpose}-{name}"


def _input(case: Case, content: bytes | None) -> tuple[Input, dict[str, dict[str, str]]]:
    if content is not None:
        changed = inputs.from_content(case.job.input.name, content)
        return changed.input, changed.attachments()
    attached = case.job.origin.get("_attachments", {}).get(case.job.input.attachment or "")
    if not attached:
        return case.job.input, {}
    plain = {"content_type": attached["content_type"], "data": attached["data"]}
    return case.job.input, {str(case.job.input.attachment): plain}
