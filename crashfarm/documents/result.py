"""The result document: what one job's run showed, written once however often the job was taken over."""

from typing import ClassVar

import msgspec

from crashfarm.documents.base import Document, plain_name
from crashfarm.documents.environment import Environment
from crashfarm.documents.finding import Finding


class Exit(msgspec.Struct, frozen=True, kw_only=True):
    """How the process ended: an exit status, or the number of the signal that ended it, or neither if never begun.

    `killed_for` names the limit for which the worker itself ended it: `time`, `memory`, `output` (which includes the
    files that it writes) or `processes`.
    """

    status: int | None = None
    signal: int | None = None
    killed_for: str = ""


class Result(Document, frozen=True, kw_only=True):
    """What one job showed: id `result:<the job's id behind the colon>`.

    The environment's six parts stand on the top level, as in the key tuple. The whole output is the attachment
    `output.txt`, as far as the output limit allowed; what a debugger told of a core or a hang is `stack.txt`.
    `source` groups the jobs that were queued together. `build` is the name of the older build that ran, as in the
    job; empty is the branch's current one. So is `probe` as in the job: what an experiment shows counts nowhere else.
    """

    TYPE: ClassVar[str] = "result"

    job: str
    product: str
    branch: str
    buildtype: str
    os_name: str
    os_version: str
    cpu_name: str
    worker: str
    incarnation: str
    attempt: int
    started_at: str
    completed_at: str
    outcome: str
    input_name: str = ""
    build: str = ""
    source: str = ""
    probe: bool = False
    exit: Exit = Exit()
    findings: tuple[Finding, ...] = ()
    notes: tuple[str, ...] = ()
    parser_version: str = ""

    @property
    def environment(self) -> Environment:
        """Where it ran, as the key tuple names it."""
        return Environment.of(self)


def result_id(job_id: str) -> str:
    """The id of the result of that job: known before the job runs, so that writing twice is harmless."""
    return f"result:{plain_name(job_id)}"
