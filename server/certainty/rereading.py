"""Reading a stored log again with the rules of today, and what that changes of its result."""

import re
from collections.abc import Iterator
from itertools import zip_longest

import msgspec

from crashfarm.database import Database
from crashfarm.documents.finding import Finding
from crashfarm.documents.history import Sighting
from crashfarm.documents.result import Result
from crashfarm.understand import RULES_VERSION, last_words, understand

OUTPUT, STACK = "output.txt", "stack.txt"
"""The attachments of a result: what the program wrote, and what a debugger told of it where one was asked."""

_KEPT_NOTE = "bytes of output, of which"
_ABORTED = re.compile(rb"^Fatal Python error: Aborted\n", re.MULTILINE)

Bucket = tuple[str, str, str]
"""Kind, detail and message of a finding."""

NOTHING: Bucket = ("", "", "")


class Move(msgspec.Struct, frozen=True):
    """A finding that would be filed elsewhere: from where, to where. One of both is None where there is none."""

    before: Finding | None
    after: Finding | None

    @property
    def buckets(self) -> tuple[Bucket, Bucket]:
        """The same as people call it."""
        return _bucket(self.before), _bucket(self.after)


def read_again(history: Database, result: Result) -> Result | None:
    """The result as the rules of today would have written it; None if its log is not there."""
    stored = result.origin.get("_attachments", {})
    output = history.attachment(result.id, OUTPUT) if OUTPUT in stored else None
    if output is None or result.outcome == "error":
        return None
    stack = history.attachment(result.id, STACK) if STACK in stored else None
    if result.exit.killed_for == "time" and last_words.MARK not in output:
        output, stack = _last_words(output, stack or b"")
    seen = understand(
        exit_status=result.exit.status,
        signal=result.exit.signal,
        killed_for=result.exit.killed_for,
        output=output,
        core_text=stack or b"",
    )
    kept = (note for note in result.notes if _KEPT_NOTE in note)
    notes = (*seen.notes, *kept)
    return result.evolve(findings=seen.findings, outcome=seen.outcome, notes=notes, parser_version=RULES_VERSION)


def moves(before: Result, after: Result) -> Iterator[Move]:
    """What is filed elsewhere: findings that are gone, each beside one that has come."""
    gone = [found for found in before.findings if _bucket(found) not in map(_bucket, after.findings)]
    come = [found for found in after.findings if _bucket(found) not in map(_bucket, before.findings)]
    return (Move(one, other) for one, other in zip_longest(gone, come))


def sighting(result: Result, finding: Finding) -> Sighting:
    """That finding of that result, as history has it."""
    return Sighting(
        finding=finding,
        environment=result.environment,
        seen_at=result.completed_at,
        place=finding.input or result.input_name,
    )


def _bucket(finding: Finding | None) -> Bucket:
    return NOTHING if finding is None else (str(finding.kind), finding.detail, finding.message)


def _last_words(output: bytes, stack: bytes) -> tuple[bytes, bytes]:
    """The same for a log of before last words had a mark, as far as faulthandler's can be told from the rest."""
    said = list(_ABORTED.finditer(output))
    if not said:
        return output, stack
    return output[: said[-1].start()], b"Timeout (0:00:00)!\n" + output[said[-1].end() :]
