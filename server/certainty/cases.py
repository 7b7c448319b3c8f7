"""A case: one finding of one result, with the job that led to it, which alone still knows the input."""

import base64

import msgspec

from crashfarm.documents.finding import Finding
from crashfarm.documents.job import Job
from crashfarm.documents.result import Result
from crashfarm.documents.signature import signature_id
from crashfarm.errors import InputError, NotFound
from crashfarm.settings import Farm
from crashfarm.understand import gravest

FARM_MADE = ("reproduce:", "reduce:", "range:")
"""How the sources of jobs begin that the farm queued by itself, each followed by the id of a result."""


class Case(msgspec.Struct, frozen=True):
    """A finding, the result that it is of, and the result's job with the content of its attachment."""

    result: Result
    job: Job
    finding: Finding

    @property
    def signature(self) -> str:
        """The id of the document about the finding's signature."""
        return signature_id(self.finding.kind, self.finding.message, self.finding.detail)

    def shown_by(self, result: Result) -> bool:
        """Whether a result shows the same signature."""
        return shows(result, self.signature)

    def content(self) -> bytes:
        """The bytes of the input. Raises InputError for a URL, whose content the farm does not have."""
        given = self.job.input
        if given.url is not None:
            raise InputError(
                f"the input of {self.result.id} is a URL, {given.url}: the farm cannot change what is there"
            )
        if given.text is not None:
            return given.text.encode(errors="surrogatepass")
        attached = self.job.origin.get("_attachments", {}).get(given.attachment or "", {})
        if "data" not in attached:
            raise InputError(
                f"the input of {self.result.id} is gone: {self.job.id} has no attachment {given.attachment!r}"
            )
        return base64.b64decode(attached["data"])


def load(farm: Farm, name: str, signature: str = "") -> Case:
    """The case of a result, named by its id or its job's: its gravest finding, or the one of that signature.

    `signature` is the beginning of the hexadecimal part of a signature's id. Raises NotFound or InputError.
    """
    result = load_result(farm, name)
    finding = _finding(result, signature.removeprefix("signature:"))
    doc = farm.status.get(result.job, attachments=True)
    if doc is None:
        raise InputError(f"{result.job} is gone, and with it the input of {result.id}: jobs are not kept for ever")
    return Case(result, Job.from_doc(doc), finding)


def load_result(farm: Farm, name: str) -> Result:
    """A result by its id, or by its job's. Raises NotFound or InputError."""
    kind, _, rest = name.partition(":")
    if kind not in ("result", "job") or not rest:
        raise InputError(f"{name!r} is not the id of a result, which looks like result:20261122T061003123Z-7f3a9c21d4")
    doc = farm.history.get(f"result:{rest}")
    if doc is None:
        raise NotFound(f"there is no result:{rest}")
    return Result.from_doc(doc)


def is_farm_made(source: str) -> bool:
    """Whether a job of that source was queued by the farm to look into a finding."""
    return source.startswith(FARM_MADE)


def shows(result: Result, signature: str) -> bool:
    """Whether one of a result's findings has that signature, a document's id."""
    return any(signature_id(found.kind, found.message, found.detail) == signature for found in result.findings)


def _finding(result: Result, signature: str) -> Finding:
    if not result.findings:
        raise InputError(f"{result.id} has no finding: there is nothing to look into")
    wanted = f"signature:{signature}"
    fitting = [f for f in result.findings if signature_id(f.kind, f.message, f.detail).startswith(wanted)]
    found = gravest(fitting)
    if found is None:
        raise InputError(f"{result.id} has no finding with the signature {signature!r}: see 'crashfarm job show'")
    return found
