"""What the understanding is given of a program that hung, and when it needs a core."""

import re

from crashfarm.documents.finding import Kind
from crashfarm.understand import Understanding

_ABORTED = re.compile(rb"^Fatal Python error: Aborted$", re.MULTILINE)


def account(seen: bytes, last_words: bytes) -> bytes:
    """Where a program was when its time was over: what it said itself, if it did, else what the debugger saw.

    The abort was the worker's doing. What Python's faulthandler says of it is told as what that says of a time-out.
    """
    said = _ABORTED.search(last_words)
    return b"Timeout (0:00:00)!\n" + last_words[said.end() + 1 :] if said else seen


def lacks_a_stack(seen: Understanding) -> bool:
    """Whether a program crashed without its output telling where."""
    return any(found.kind in (Kind.CRASH, Kind.ASSERTION) and not found.frames for found in seen.findings)
