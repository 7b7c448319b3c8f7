"""Names on this machine's disk for what the database names."""

import hashlib
import re

_PLAIN = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,127}")
_LONGEST = 200
"""Bytes of a file's name: file systems take 255, and some of ours get an ending."""


def of_job(job_id: str, attempt: int) -> str:
    """A name for an attempt at a job, that no other has; an id that is no plain name is replaced by its digest.

    Ids are what others made of them: "job:../../etc" is one, too.
    """
    name = job_id.partition(":")[2]
    if not _PLAIN.fullmatch(name):
        name = f"odd-{hashlib.sha256(job_id.encode(errors='surrogatepass')).hexdigest()[:32]}"
    return f"{name}.{attempt}"


def of_input(name: str) -> str:
    """The last component of an input's name, as far as it can be one: its end, where it is too long."""
    last = re.sub(r"[\x00-\x1f/\\]", "_", name.rpartition("/")[2])
    kept = last.encode(errors="replace")[-_LONGEST:].decode(errors="ignore")
    return kept if kept.strip(".") else "input"
